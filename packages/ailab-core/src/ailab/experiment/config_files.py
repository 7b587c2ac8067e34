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
    # A name of its own for each place, so that two files of the same name are two modules. In sys.modules, or nothing
    # that it defines could be pickled for another process.
    name = f"{file.stem}_{hashlib.sha256(os.fsencode(file)).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ValueError(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(file.parent))  # as if it were run: a config may import the one beside it
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    finally:
        sys.path.remove(str(file.parent))
    return module


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
