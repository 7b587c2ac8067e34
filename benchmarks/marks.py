"""Tables in a Markdown document that a benchmark can make anew."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["fill"]


def fill(text: str, tables: Mapping[str, str]) -> str:
    """``text`` with the table of that name between each ``<!-- table: NAME -->`` and ``<!-- end -->``.

    An empty one is of what was not measured: what stands there stays.

    Raises:
        ValueError: there are no such marks.
    """
    for name, table in tables.items():
        before, mark, rest = text.partition(f"<!-- table: {name} -->\n")
        _, end, after = rest.partition("<!-- end -->")
        if not end:
            raise ValueError(f"the document has no <!-- table: {name} --> … <!-- end -->")
        if table:
            text = f"{before}{mark}{table}\n{end}{after}"
    return text
