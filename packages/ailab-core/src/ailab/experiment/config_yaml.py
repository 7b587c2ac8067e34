"""Reading YAML, where PyYAML is installed: what JSON could hold, and nothing that runs code."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from ailab.errors import shown

__all__ = ["load_yaml"]

# YAML 1.2's core schema (https://yaml.org/spec/1.2.2/#103-core-schema). PyYAML follows YAML 1.1, to which 1e-4 is a
# text and "no" is False.
_PLAIN = {
    "bool": (re.compile(r"true|True|TRUE|false|False|FALSE"), "tTfF"),
    "null": (re.compile(r"~|null|Null|NULL|"), ["~", "n", "N", ""]),
    "int": (re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"), "-+0123456789"),
    "float": (
        re.compile(
            r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        ),
        "-+.0123456789",
    ),
}


def load_yaml(text: str) -> Any:
    """The one document in ``text``: dicts with strings as keys, lists, strings, numbers, truth values, None.

    Raises:
        ModuleNotFoundError: PyYAML is not installed.
        ValueError: it is no YAML, or holds something that JSON does not have, such as a date.
    """
    try:
        import yaml
    except ModuleNotFoundError:
        raise ModuleNotFoundError("reading YAML needs PyYAML: pip install pyyaml") from None
    try:
        return _checked(yaml.load(text, Loader=_loader(yaml)))
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def _loader(yaml: Any) -> Any:
    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            keys = [key.value for key, _ in node.value if key.tag == "tag:yaml.org,2002:str"]
            if twice := sorted({key for key in keys if keys.count(key) > 1}):
                raise yaml.constructor.ConstructorError(
                    None, None, f"{', '.join(twice)} stands there twice", node.start_mark
                )
            return super().construct_mapping(node, deep)

    for name, (pattern, first) in _PLAIN.items():
        whole = re.compile(rf"(?:{pattern.pattern})\Z")
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{name}", whole, list(first))
    Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: _int(loader.construct_scalar(node)))
    return Loader


def _int(text: str) -> int:
    return int(text, 8) if text.startswith("0o") else int(text, 16) if text.startswith("0x") else int(text)


def _checked(value: Any, where: str = "") -> Any:
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ValueError(f"{where}{key!r} must be a text, as a field's name: quote it")
            _checked(item, f"{where}{key}.")
    elif isinstance(value, list):
        for item in value:
            _checked(item, where)
    elif value is not None and not isinstance(value, str | bool | int | float):
        raise ValueError(f"{where.rstrip('.')} must be what JSON could hold too, got {shown(value)}: quote it")
    return value
