"""What a run logged besides numbers and images."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from ailab.client.connection import Connection, Query, quoted
from ailab.client.saving import save
from ailab.client.types import Histogram, HistogramName, LoggedFile, Table, TablePage, Text, TextContent

__all__ = ["LoggedCalls"]

_ROWS = 10_000


class LoggedCalls(Connection):
    """What a `Client` can ask about texts, tables, histograms and files."""

    def texts(self, run: str, name: str | None = None) -> list[Text]:
        """The texts of a run, or those of a name, oldest first, each with its first 200 characters."""
        return cast(list[Text], self._call("GET", f"/runs/{quoted(run)}/texts", query={"name": name})["texts"])

    def text(self, run: str, text: str) -> TextContent:
        """A whole text, by its id."""
        return cast(TextContent, self._call("GET", f"/runs/{quoted(run)}/texts/{quoted(text)}"))

    def tables(self, run: str, name: str | None = None) -> list[Table]:
        """The tables of a run, or those of a name, oldest first."""
        return cast(list[Table], self._call("GET", f"/runs/{quoted(run)}/tables", query={"name": name})["tables"])

    def table_page(self, run: str, table: str, offset: int = 0, limit: int = 1_000) -> TablePage:
        """Some rows of a table, by its id; at most 10,000."""
        query = {"offset": offset, "limit": limit}
        return cast(TablePage, self._call("GET", f"/runs/{quoted(run)}/tables/{quoted(table)}", query=query))

    def table_rows(self, run: str, table: str) -> Iterator[list[str]]:
        """All rows of a table, fetched 10,000 at a time; each has a text for each column."""
        offset = 0
        while rows := self.table_page(run, table, offset, _ROWS)["rows"]:
            yield from rows
            offset += len(rows)

    def save_table(self, run: str, table: str, path: str | os.PathLike[str]) -> Path:
        """Write a table as CSV to ``path``, which then holds all of it; returns the path."""
        with self._opened("GET", f"/runs/{quoted(run)}/tables/{quoted(table)}/csv") as answer:
            return save(answer, path)

    def histogram_names(self, run: str) -> list[HistogramName]:
        """Under which names a run logged histograms, and how many of each."""
        return cast(list[HistogramName], self._call("GET", f"/runs/{quoted(run)}/histograms")["names"])

    def histograms(self, run: str, name: str, most: int = 100) -> list[Histogram]:
        """The histograms of a name, oldest first; of more than ``most`` (1 to 1,000) so many, evenly spaced."""
        query: Query = {"name": name, "most": most}
        return cast(list[Histogram], self._call("GET", f"/runs/{quoted(run)}/histograms", query=query)["histograms"])

    def files(self, run: str, name: str | None = None) -> list[LoggedFile]:
        """The files that a run logged, or those of a name, oldest first."""
        return cast(list[LoggedFile], self._call("GET", f"/runs/{quoted(run)}/files", query={"name": name})["files"])

    def save_file(self, run: str, file: str, path: str | os.PathLike[str]) -> Path:
        """Write a logged file, by its id, to ``path``, which then holds all of it; returns the path."""
        with self._opened("GET", f"/runs/{quoted(run)}/files/{quoted(file)}") as answer:
            return save(answer, path)
