"""Pushing changes to browsers.

``hub`` knows who watches and what each has yet to see, ``response`` sends it.
"""
