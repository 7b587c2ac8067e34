"""``import_config("config/big.py")``: the Config that a file defines."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

from ailab.experiment.config import Config

__all__ = ["import_config"]


def import_config(path: str | os.PathLike[str], *arguments: Any, **options: Any) -> Config:
    """An instance of the Config subclass that a Python file defines.

    If it defines several, the one that none of the others builds on; if that is not one, or another is wanted, the file
    says which by ``config = MyConfig``, a class or an instance.

    Args:
        path: the file.
        *arguments, **options: for the class.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it defines no Config, or several.
        Exception: whatever the file itself raises.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {file} to import a Config from")
    chosen = _chosen(_load(file.resolve()), file)
    if isinstance(chosen, Config):
        if arguments or options:
            raise ValueError(
                f"{file} holds a finished config; arguments are for a class: write config = MyConfig in it"
            )
        return chosen
    made: Config = chosen(*arguments, **options)
    return made


def _load(file: Path) -> Any:
    name = _module_name(file)
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ValueError(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # or nothing that it defines could be pickled for another process
    sys.path.insert(0, str(file.parent))  # as if it were run: a config may import the one beside it
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    finally:
        sys.path.remove(str(file.parent))
    return module


def _module_name(file: Path) -> str:
    """What the file's module is called, and so the classes in it in config.json.

    As an import would call it, where an import would find it: then others can load the classes by their names.
    Otherwise a name for each place, so that two files of the same name are two modules; the place as seen from the
    current folder, so that a run that is reproduced elsewhere has the same.
    """
    folder = Path.cwd().resolve()
    place = file.relative_to(folder) if file.is_relative_to(folder) else file
    dotted = ".".join(place.with_suffix("").parts)
    try:
        found = importlib.util.find_spec(dotted) if not place.is_absolute() else None
    except (ImportError, ValueError, AttributeError):  # no package of this name, or no name of a module
        found = None
    if found is not None and found.origin is not None and Path(found.origin).resolve() == file:
        return dotted
    return f"{file.stem}_{hashlib.sha256(os.fsencode(place)).hexdigest()[:8]}"


def _chosen(module: Any, file: Path) -> Any:
    named = vars(module).get("config")
    if isinstance(named, Config) or (isinstance(named, type) and issubclass(named, Config)):
        return named
    defined = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Config) and value.__module__ == module.__name__
    ]
    defined = list(dict.fromkeys(defined))
    last = [one for one in defined if not any(other is not one and issubclass(other, one) for other in defined)]
    if len(last) != 1:
        names = ", ".join(one.__name__ for one in last)
        raise ValueError(
            f"{file} must define one subclass of ailab.experiment.Config, it defines {names or 'none'}; "
            "say which by config = MyConfig at its end"
        )
    return last[0]
