"""A configuration as text for a paper or another program: LaTeX, Markdown, YAML, JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ailab.experiment.difference import ABSENT
from ailab.experiment.settings import flatten

__all__ = ["FORMATS", "as_latex", "as_markdown", "as_yaml", "config_table"]

FORMATS = ("latex", "markdown", "yaml", "json")

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
}  # fmt: skip
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|~#])")
# What YAML 1.1 and 1.2 read as a plain string and nothing else.
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}


def config_table(configs: Sequence[Any], only_differing: bool = False) -> dict[str, list[Any]]:
    """Dotted path to the value in each configuration, `ABSENT` where it is not set, in order of appearance."""
    flat = [flatten(config) for config in configs]
    table = {
        path: [one.get(path, ABSENT) for one in flat]
        for path in dict.fromkeys(path for one in flat for path in one)
    }  # fmt: skip
    if only_differing:
        table = {path: values for path, values in table.items() if any(value != values[0] for value in values)}
    return table


def as_latex(table: Mapping[str, Sequence[Any]], names: Sequence[str]) -> str:
    """A ``tabular`` with a row for each path and a column for each name; it needs the package booktabs."""
    rows = [
        " & ".join([rf"\texttt{{{_escape(path)}}}", *(_escape(_text(value)) for value in values)]) + r" \\"
        for path, values in table.items()
    ]
    head = " & ".join(["Parameter", *(map(_escape, names) if len(names) > 1 else ["Value"])]) + r" \\"
    return "\n".join(
        [
            rf"\begin{{tabular}}{{l{'l' * len(names)}}}",
            r"\toprule",
            head,
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )


def as_markdown(table: Mapping[str, Sequence[Any]], names: Sequence[str]) -> str:
    """A table with a row for each path and a column for each name."""
    head = ["Parameter", *(map(_mark, names) if len(names) > 1 else ["Value"])]
    rows = [[f"`{path}`", *(_mark(_text(value)) for value in values)] for path, values in table.items()]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def as_yaml(content: Any, indent: int = 0) -> str:
    """Plain YAML that any reader takes: block mappings and lists, scalars as JSON where a bare word is misread."""
    space = "  " * indent
    if isinstance(content, Mapping) and content:
        return "\n".join(
            f"{space}{_yaml_scalar(str(key))}:{_yaml_value(value, indent)}" for key, value in content.items()
        )
    if isinstance(content, list | tuple) and content:
        return "\n".join(f"{space}-{_yaml_value(value, indent)}" for value in content)
    return space + _yaml_scalar(content)


def _yaml_value(value: Any, indent: int) -> str:
    if isinstance(value, Mapping | list | tuple) and value:
        return "\n" + as_yaml(value, indent + 1)
    return " " + _yaml_scalar(value)


def _yaml_scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    if isinstance(value, float) and "e" in repr(value) and "." not in repr(value):
        return repr(value).replace("e", ".0e")  # YAML 1.1 takes 1e-05 for a string
    return json.dumps(value)


def _text(value: Any) -> str:
    if value is ABSENT:
        return "-"
    if isinstance(value, Mapping) and value and next(iter(value)).startswith("$"):
        return str(next(iter(value.values()))).rpartition(":")[2]  # a class by its name
    return value if isinstance(value, str) else json.dumps(value)


def _escape(text: str) -> str:
    return "".join(_LATEX.get(c, c if c.isprintable() else " ") for c in text)


def _mark(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", "".join(c if c.isprintable() else " " for c in text))
