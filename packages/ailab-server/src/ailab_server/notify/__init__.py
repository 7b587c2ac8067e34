"""Telling people what became of a run.

``watch`` sees what is worth telling, ``notifier`` hands it on in a thread of its own, ``webhook`` and ``email``
are our two ways; plugins add others through the hook ``ailab_notify``.
"""
