"""Compiles ``_native.c``, where there is a compiler; without one the package is complete, and makes batches slower.

``AILAB_NATIVE=0`` leaves it out, which makes a wheel for every machine; ``AILAB_NATIVE=1`` makes it an error if it
cannot be compiled.
"""

from __future__ import annotations

import os
import shutil
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path("src", "ailab", "data", "batches", "_native.c")
# Built with NumPy 2 it runs with every NumPy that the package allows.
TOOLS = ["numpy>=2.0", "setuptools>=77"]


class NativeHook(BuildHookInterface[Any]):
    """Hatchling calls ``dependencies`` to ask what the build needs, then ``initialize`` before it collects files."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return TOOLS if wanted() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if not wanted():
            return
        source = Path(self.root, SOURCE)
        with tempfile.TemporaryDirectory(prefix="ailab-core-") as folder:
            try:
                built = compiled(source, Path(folder))
            except Exception as error:
                if os.environ.get("AILAB_NATIVE") == "1":
                    raise
                self.app.display_warning(f"ailab-core: built without its compiled loops: {error}")
                if version == "editable":
                    remove_old(source.parent)
                return
            if version == "editable":
                # Moved into its place: a process may have the one before in its memory.
                fresh = source.parent / f".{built.name}.new"
                shutil.copyfile(built, fresh)
                fresh.replace(source.parent / built.name)
            else:
                self._kept = tempfile.TemporaryDirectory(prefix="ailab-core-")
                kept = shutil.copy(built, self._kept.name)
                build_data["force_include"][kept] = f"ailab/data/batches/{built.name}"
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        kept = getattr(self, "_kept", None)
        if kept is not None:
            kept.cleanup()


def wanted() -> bool:
    """Not in a Python without the global lock: the loops rely on it."""
    return os.environ.get("AILAB_NATIVE") != "0" and not sysconfig.get_config_var("Py_GIL_DISABLED")


def compiled(source: Path, folder: Path) -> Path:
    """The module made of ``source`` in ``folder``."""
    import numpy as np
    from setuptools import Distribution, Extension

    copied = shutil.copy(source, folder)  # setuptools leaves its own files near the source
    extension = Extension(
        f"ailab.data.batches.{source.stem}",
        [copied],
        include_dirs=[np.get_include()],
        extra_compile_args=[] if os.name == "nt" else ["-g0"],
    )
    command: Any = Distribution({"name": "ailab-core", "ext_modules": [extension]}).get_command_obj("build_ext")
    command.build_lib, command.build_temp = str(folder / "lib"), str(folder / "temp")
    command.ensure_finalized()
    command.run()
    return Path(command.get_ext_fullpath(extension.name))


def remove_old(folder: Path) -> None:
    """One of earlier sources must not be left beside new ones."""
    for file in folder.glob(f"{SOURCE.stem}.*"):
        if file.suffix in (".so", ".pyd"):
            file.unlink()
