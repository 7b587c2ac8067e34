"""Checking a Config's fields against their annotations."""

from __future__ import annotations

import sys
import types
import typing
from typing import Any
from weakref import WeakKeyDictionary

from ailab.errors import shown

__all__ = ["UNCHECKED", "check_field", "field_types", "looks_like"]

UNCHECKED: Any = object()
"""Stands for an annotation that cannot be resolved here, such as one that names a class inside a function."""


# By class, and gone with it: configs are made in tests and notebooks over and over.
_types: WeakKeyDictionary[type, dict[str, Any]] = WeakKeyDictionary()
_adapters: WeakKeyDictionary[type, dict[str, Any]] = WeakKeyDictionary()


def field_types(cls: type) -> dict[str, Any]:
    """The annotated public fields of a class and its bases: name to type, or `UNCHECKED`."""
    if cls not in _types:
        _types[cls] = _find_types(cls)
    return _types[cls]


def _find_types(cls: type) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        for name, annotation in base.__dict__.get("__annotations__", {}).items():
            if not name.startswith("_"):
                found[name] = _resolve(base, name, annotation)
    return {name: kind for name, kind in found.items() if typing.get_origin(kind) is not typing.ClassVar}


def _resolve(owner: type, name: str, annotation: Any) -> Any:
    if not isinstance(annotation, str):
        return annotation
    holder = types.SimpleNamespace(__annotations__={name: annotation})
    module = sys.modules.get(owner.__module__)
    try:
        return typing.get_type_hints(holder, vars(module) if module else {}, dict(vars(owner)), include_extras=True)[
            name
        ]
    except (NameError, AttributeError, TypeError, SyntaxError):
        return UNCHECKED


def check_field(owner: type, name: str, value: Any) -> Any:
    """``value`` as the annotation of ``owner.name`` wants it: a list as a tuple, an int as a float, a str as a Path.

    Not a text as a number: that is a mistake in code, and `ailab.experiment.config_layers` reads texts.

    Raises:
        ValueError: it does not fit.
    """
    kind = field_types(owner).get(name, UNCHECKED)
    if kind is UNCHECKED or kind is Any:
        return value
    if isinstance(kind, type):
        if isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool and kind is not object):
            return value
        if any(base.__name__ == "ConfigPart" for base in kind.__mro__):
            raise ValueError(f"{owner.__name__}.{name} must be a {kind.__name__}, got {shown(value)}")
    try:
        found = validate(owner, name, value)
    except ValueError as error:
        raise ValueError(
            f"{owner.__name__}.{name} must be {type_name(kind)}, got {shown(value)}{_reason(error)}"
        ) from None
    if isinstance(value, str | bool) and isinstance(found, int | float) and type(found) is not type(value):
        raise ValueError(f"{owner.__name__}.{name} must be {type_name(kind)}, got {shown(value)}")
    return found


def validate(owner: type, name: str, value: Any) -> Any:
    """``value`` as pydantic, in its lax mode, makes it fit the annotation of ``owner.name``.

    Raises:
        ValueError: it does not fit (pydantic's ValidationError).
    """
    adapters = _adapters.setdefault(owner, {})
    if name not in adapters:
        adapters[name] = _adapter(field_types(owner)[name])
    return adapters[name].validate_python(value)


def type_name(kind: Any) -> str:
    """As one would write the annotation."""
    return kind.__name__ if isinstance(kind, type) and not typing.get_args(kind) else str(kind).replace("typing.", "")


def _adapter(kind: Any) -> Any:
    import pydantic  # late: only those who annotate pay for it

    try:
        return pydantic.TypeAdapter(kind, config=pydantic.ConfigDict(arbitrary_types_allowed=True))
    except pydantic.PydanticUserError:  # a type with a configuration of its own, such as a BaseModel
        return pydantic.TypeAdapter(kind)


def _reason(error: ValueError) -> str:
    problems = error.errors(include_url=False) if hasattr(error, "errors") else []
    said = [
        (".".join(map(str, problem["loc"])) + ": " if problem["loc"] else "") + problem["msg"] for problem in problems
    ]
    return f" ({'; '.join(said[:3])})" if said else ""


def looks_like(name: str, known: typing.Iterable[str], certain: bool = False) -> str | None:
    """The known name that ``name`` is most likely a misspelling of, if any.

    Args:
        certain: only what can be nothing else: other case or underscores, or two letters in a long name swapped.
    """
    names = [other for other in known if other != name]
    for other in names:
        if _squash(other) == _squash(name) or _swapped(name, other):
            return other
    if certain:
        return None
    import difflib  # late: only a mistake needs it

    close = difflib.get_close_matches(name, names, n=1)
    return close[0] if close else None


def _squash(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _swapped(a: str, b: str) -> bool:
    if len(a) != len(b) or len(a) < 6:
        return False
    at = [i for i in range(len(a)) if a[i] != b[i]]
    return len(at) == 2 and at[1] == at[0] + 1 and a[at[0]] == b[at[1]] and a[at[1]] == b[at[0]]
