"""The two markers, apart from the manager so that a plugin's module imports nothing else."""

import pluggy

__all__ = ["hookimpl", "hookspec"]

hookspec = pluggy.HookspecMarker("ailab")
hookimpl = pluggy.HookimplMarker("ailab")
