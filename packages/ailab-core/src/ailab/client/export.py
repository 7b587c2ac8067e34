"""Values of many runs as a file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ailab.client.connection import Connection
from ailab.client.saving import save

__all__ = ["ExportCalls"]


class ExportCalls(Connection):
    """What a `Client` can export."""

    def export(
        self,
        path: str | os.PathLike[str],
        filter: str = "",
        runs: Sequence[str] = (),
        metrics: Sequence[str] = (),
        format: Literal["csv", "jsonl", "parquet"] | None = None,
        table: bool = False,
    ) -> Path:
        """Write the values of runs to ``path``; returns the path.

        Args:
            filter: of all runs those that pass.
            runs: ids of runs, instead of a filter.
            metrics: only these; all without any.
            format: by the path's ending, or csv, without one.
            table: a row for each run (facts, last values, configuration) instead of one for each value.

        Raises:
            ServerError: status 501 for Parquet from a server without pyarrow, 422 for a filter that is none.
            OSError: ``path`` cannot be written; it is what it was.
        """
        ending = Path(path).suffix[1:].lower()
        chosen = format or (ending if ending in ("csv", "jsonl", "parquet") else "csv")
        query = {"filter": filter or None, "run": list(runs), "metric": list(metrics), "format": chosen, "table": table}
        with self._opened("GET", "/export", query=query, seconds=600) as answer:
            return save(answer, path)
