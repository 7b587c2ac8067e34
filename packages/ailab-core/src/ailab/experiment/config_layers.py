"""Overrides of a Config: from a file, the environment and the command line, each going before the one before it."""

from __future__ import annotations

import json
import os
import re
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ailab.errors import shown
from ailab.experiment.config_types import UNCHECKED, field_types, looks_like, type_name, validate
from ailab.experiment.decode import from_jsonable, load_object
from ailab.experiment.encode import to_jsonable
from ailab.experiment.settings import flatten
from ailab.experiment.variables import RECORDED_VARIABLE

if TYPE_CHECKING:
    from ailab.experiment.config import ConfigPart

__all__ = [
    "FILE_VARIABLE",
    "PREFIX",
    "RECORDED_VARIABLE",
    "Override",
    "apply_overrides",
    "apply_recorded",
    "describe",
    "from_arguments",
    "from_environment",
    "from_file",
]

PREFIX = "AILAB_CONFIG__"
"""``AILAB_CONFIG__train__batch_size=64`` sets ``train.batch_size``."""

FILE_VARIABLE = "AILAB_CONFIG_FILE"
"""Names a file of overrides, as ``--config`` does."""

_ARGUMENT = re.compile(r"(?:--)?(\+?)(?:config\.)?([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)=(.*)", re.DOTALL)
_NAMED = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


@dataclass(frozen=True)
class Override:
    """One field to set: where it was said, and whether it may be a new one (``+path=value``)."""

    path: str
    value: Any
    source: str
    is_text: bool = False
    may_be_new: bool = False


def from_arguments(arguments: Sequence[str]) -> tuple[list[Override], Path | None]:
    """The overrides among command-line arguments, and the file that ``--config`` names.

    ``config.train.batch_size=64``, ``train.batch_size=64`` and ``--train.batch_size=64`` are the same; ``+train.new=1``
    may add a field.

    Raises:
        ValueError: an argument is none of these.
    """
    found: list[Override] = []
    file = None
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument == "--config" and rest:
            file = Path(rest.pop(0))
        elif argument.startswith("--config="):
            file = Path(argument.removeprefix("--config="))
        elif match := _ARGUMENT.fullmatch(argument):
            found.append(Override(match[2], match[3], argument, is_text=True, may_be_new=bool(match[1])))
        else:
            raise ValueError(
                f"cannot understand the argument {argument!r}: expected such as train.batch_size=64, or --config FILE "
                "(--help lists the fields)"
            )
    return found, file


def from_environment(environment: Mapping[str, str] | None = None) -> list[Override]:
    """The overrides in environment variables that begin with `PREFIX`."""
    variables = os.environ if environment is None else environment
    return [
        Override(name.removeprefix(PREFIX).replace("__", "."), value, f"{name}={value}", is_text=True)
        for name, value in sorted(variables.items())
        if name.startswith(PREFIX)
    ]


def from_file(path: Path) -> list[Override]:
    """The overrides in a ``.json`` (such as a run's config.json), ``.toml``, ``.yaml`` or ``.yml`` file.

    Raises:
        ValueError: it is none of these, or cannot be read as one.
        ModuleNotFoundError: it is YAML, and nothing that reads it is installed.
        OSError: it is not there.
    """
    load = _readers().get(path.suffix)
    if load is None:
        raise ValueError(f"a file of overrides is .json, .toml or .yaml, got {path.name!r} (import_config loads a .py)")
    try:
        content = load(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold an object with the Config's parts, got {shown(content)}")
    return list(_leaves(content, "", str(path)))


def _readers() -> dict[str, Callable[[str], Any]]:
    from ailab.experiment.config_yaml import load_yaml

    return {".json": json.loads, ".toml": tomllib.loads, ".yaml": load_yaml, ".yml": load_yaml}


def _leaves(content: Mapping[str, Any], prefix: str, source: str) -> list[Override]:
    found: list[Override] = []
    for key, value in content.items():
        if isinstance(value, dict) and value and not next(iter(value)).startswith("$"):
            found += _leaves(value, f"{prefix}{key}.", source)
        elif not (isinstance(value, dict) and "$object" in value):  # which only its own code can make
            found.append(Override(prefix + key, from_jsonable(value), f"{source}: {prefix}{key}"))
    return found


def apply_overrides(config: ConfigPart, overrides: Sequence[Override]) -> None:
    """Set each field, the last word counting.

    Raises:
        ValueError: naming what was said, where the Config has no such field or its value does not fit.
    """
    for override in overrides:
        _apply(config, override)


def apply_recorded(config: ConfigPart, path: Path) -> None:
    """Set the fields that a run recorded, as far as there are such fields now.

    The others (those that a script adds later, objects that only its code can make) are what the code says; whoever
    reproduces a run compares the two configurations in the end.

    Raises:
        ValueError, OSError: the file cannot be read.
    """
    recorded = flatten(json.loads(path.read_text("utf-8")))
    known = flatten(to_jsonable(config.to_dict()))
    for name, value in recorded.items():
        marked = isinstance(value, dict) and any(str(key).startswith("$") for key in value)
        if name in known and known[name] != value and not marked:
            # What was recorded had its variables expanded: a dollar sign that is left is one.
            text = value.replace("$", "$$") if isinstance(value, str) else value
            _apply(config, Override(name, text, f"{path}: {name}"))


def _apply(config: ConfigPart, override: Override) -> None:
    from ailab.experiment.config import ConfigPart

    *parts, last = override.path.split(".")
    owner: Any = config
    for depth, part in enumerate(parts):
        below = owner.__dict__.get(part) if isinstance(owner, ConfigPart) else owner.get(part)
        if below is None and override.may_be_new:
            below = ConfigPart()
            _put(owner, part, below)
        if not isinstance(below, ConfigPart | dict):
            raise _unknown(override, owner, part, ".".join(parts[:depth]))
        owner = below
    known = _names(owner)
    if last not in known and not override.may_be_new:
        raise _unknown(override, owner, last, ".".join(parts))
    current = owner.get(last, None)
    try:
        value = _read(owner, last, current, override.value) if override.is_text else _as_before(current, override.value)
        if isinstance(current, ConfigPart) and not isinstance(value, ConfigPart):
            raise ValueError(f"{override.path} is a group of fields: {', '.join(_names(current))}")
        _put(owner, last, value)
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{override.source}: {error}") from None


def _as_before(current: Any, value: Any) -> Any:
    """What JSON and TOML have no word for: a tuple stays one, and a float that happens to be whole."""
    if isinstance(current, tuple) and isinstance(value, list):
        return tuple(value)
    return float(value) if isinstance(current, float) and type(value) is int else value


def _put(owner: Any, name: str, value: Any) -> None:
    if isinstance(owner, dict):
        owner[name] = value
    else:
        setattr(owner, name, value)


def _names(owner: Any) -> list[str]:
    return (
        list(owner) if isinstance(owner, dict) else list(dict.fromkeys([*owner.to_dict(), *field_types(type(owner))]))
    )


def _unknown(override: Override, owner: Any, name: str, where: str) -> ValueError:
    known = _names(owner)
    close = looks_like(name, known)
    hint = f"did you mean {close!r}?" if close else f"it has: {', '.join(known)}"
    return ValueError(
        f"{override.source}: {where or 'the Config'} has no field {name!r}; {hint} (+{override.path}=... adds a field)"
    )


def _read(owner: Any, name: str, current: Any, text: str) -> Any:
    """What a text stands for: by the field's annotation, else by the kind of its value so far."""
    kind = UNCHECKED if isinstance(owner, dict) else field_types(type(owner)).get(name, UNCHECKED)
    if kind is not UNCHECKED and kind is not Any:
        return _read_as(type(owner), name, text)
    if isinstance(current, bool):
        if text.lower() in (*_YES, *_NO):
            return text.lower() in _YES
        raise ValueError(f"{name} is true or false, got {text!r}")
    if isinstance(current, str):
        return text
    if (isinstance(current, type) or callable(current) or current is None) and _NAMED.fullmatch(text):
        return load_object(text)
    value = _json_or_text(text)
    if isinstance(current, int | float) and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise ValueError(f"{name} is a number ({current!r}), got {text!r}")
    if isinstance(current, list | tuple) and not isinstance(value, list):
        raise ValueError(f"{name} is a list, such as [1, 2], got {text!r}")
    return float(value) if isinstance(current, float) else tuple(value) if isinstance(current, tuple) else value


def _read_as(owner: type, name: str, text: str) -> Any:
    # A text that is meant as text comes first, or "1" would be no string; then what JSON makes of it.
    attempts: list[Any] = [text]
    if (value := _json_or_text(text)) is not text:
        attempts.insert(0, value) if text[:1] in "[{" or text == "null" else attempts.append(value)
    if _NAMED.fullmatch(text):
        attempts.append(load_object)
    for attempt in attempts:
        try:
            return validate(owner, name, attempt(text) if attempt is load_object else attempt)
        except ValueError:
            continue
    raise ValueError(f"{name} must be {type_name(field_types(owner)[name])}, got {text!r}")


def _json_or_text(text: str) -> Any:
    try:
        return float(text) if text.lower() in ("nan", "inf", "-inf") else json.loads(text)
    except ValueError:
        return text


def describe(config: ConfigPart) -> str:
    """Every field with its value, as ``--help`` prints them."""
    lines = [f"  {path}={json.dumps(value)}" for path, value in flatten(to_jsonable(config.to_dict())).items()]
    return "\n".join(
        [
            f"usage: {Path(sys.argv[0]).name} [--config FILE] [FIELD=VALUE ...]",
            "",
            f"The fields of {type(config).__name__}, each with the value it has now; {PREFIX}train__batch_size=64 in",
            "the environment sets one too, and --config takes a .json, .toml or .yaml file:",
            *lines,
            "",
        ]
    )
