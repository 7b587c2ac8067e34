"""AI Lab's plugins: a pluggy manager whose plugins register under the entry-point group ``ailab``.

A plugin is a module (``hooks.py`` by custom) of functions marked with ``hookimpl`` and named after a spec in
``ailab.hookspecs``.
"""

from ailab.plugins.manager import GROUP as GROUP
from ailab.plugins.manager import create_manager as create_manager
from ailab.plugins.manager import failures as failures
from ailab.plugins.manager import shared_manager as shared_manager
from ailab.plugins.markers import hookimpl as hookimpl
from ailab.plugins.markers import hookspec as hookspec

__all__ = ["GROUP", "create_manager", "failures", "hookimpl", "hookspec", "shared_manager"]
