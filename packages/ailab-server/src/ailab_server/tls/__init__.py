"""Encryption without a word of configuration.

``authority`` makes this machine's CA and certificates, ``certificate`` is what a server shows and keeps fresh,
``front`` accepts connections, ``trust`` lets browsers accept them.
"""
