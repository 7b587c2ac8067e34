"""A pytest kit for those who write plugins: conformance classes to inherit, and fixtures.

The fixtures (``workspace``) are there wherever ailab-core is installed: pytest loads `ailab.testing.fixtures`
by itself.
"""
