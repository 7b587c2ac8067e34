"""What is logged besides numbers and images, in forms that outlive the tool: CSV for tables, counts for histograms."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ailab.errors import shown

__all__ = ["histogram", "table"]

_MOST_BINS = 10_000


def table(data: object, columns: Sequence[str] | None = None) -> tuple[Callable[[], bytes], list[str], int]:
    """A function that makes the CSV of ``data`` as they are now, the names of its columns, and its number of rows.

    Args:
        data: a dict of columns (sequences of one length); a list of rows, each a dict or a sequence; a two-dimensional
            array; or a DataFrame.
        columns: names for rows that are sequences; an order and a choice for the others.

    Raises:
        TypeError: data are no table.
        ValueError: rows or columns differ in length, or a named column is missing.
    """
    if hasattr(data, "to_dict") and hasattr(data, "columns"):  # pandas, polars
        data = {str(name): list(data[name]) for name in data.columns}  # type: ignore[index]
    if hasattr(data, "tolist"):
        data = data.tolist()
    if isinstance(data, Mapping):
        rows = _rows_of_columns({str(name): list(column) for name, column in data.items()})
        names = [str(name) for name in data]
    elif isinstance(data, Sequence) and not isinstance(data, str | bytes):
        rows, names = _rows(list(data), columns)
    else:
        raise TypeError(f"data must be a dict of columns, a list of rows, an array or a DataFrame, got {shown(data)}")
    if columns is not None and list(columns) != names:
        missing = [name for name in columns if name not in names]
        if missing:
            raise ValueError(f"columns must be among {names}, got {missing}")
        places = [names.index(name) for name in columns]
        rows, names = [[row[place] for place in places] for row in rows], list(columns)
    return lambda: _csv(names, rows), names, len(rows)


def _rows_of_columns(columns: dict[str, list[Any]]) -> list[list[Any]]:
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"the columns of data must have one length, got {lengths}")
    return [list(row) for row in zip(*columns.values(), strict=True)]


def _rows(data: list[Any], columns: Sequence[str] | None) -> tuple[list[list[Any]], list[str]]:
    if all(isinstance(row, Mapping) for row in data):
        names = list(dict.fromkeys(str(name) for row in data for name in row))
        return [[row.get(name, "") for name in names] for row in data], names if data else list(columns or [])
    rows: list[list[Any]] = []
    for row in data:
        cells = row.tolist() if hasattr(row, "tolist") else row
        if not isinstance(cells, Sequence) or isinstance(cells, str | bytes):
            raise TypeError(f"each row of data must be a dict or a sequence, got {shown(row)}")
        rows.append(list(cells))
    widths = {len(row) for row in rows} | ({len(columns)} if columns is not None else set())
    if len(widths) > 1:
        raise ValueError(f"the rows of data and columns must have one length, got {sorted(widths)}")
    names = [str(name) for name in columns] if columns is not None else [f"column {i}" for i in range(max(widths))]
    return rows, names


def _csv(names: list[str], rows: list[list[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8", "replace")


def histogram(values: object, bins: int) -> tuple[Callable[[], dict[str, Any]], int]:
    """A function that counts ``values`` as they are now, and how many bytes of memory it holds.

    Its result: ``edges`` (n + 1 floats), ``counts`` (n ints), ``nonfinite`` (how many are NaN or infinite; they are in
    no bin).

    Raises:
        TypeError: values are no numbers.
        ValueError: bins is no number from 1 to 10,000.
    """
    import numpy as np

    if isinstance(bins, bool) or not isinstance(bins, int) or not 1 <= bins <= _MOST_BINS:
        raise ValueError(f"bins must be an integer from 1 to {_MOST_BINS}, got {shown(bins)}")
    array = np.array(values)  # a copy: the caller may change it at once
    if array.dtype.kind not in "fiub":
        raise TypeError(f"values must be numbers, got an array of dtype {array.dtype}")

    def count() -> dict[str, Any]:
        numbers = array.astype(np.float64).ravel()
        finite = numbers[np.isfinite(numbers)]
        # Numbers near the end of what a float holds are halved first, so that their range is a float as well.
        scale = 2.0 if finite.size and np.abs(finite).max() > np.finfo(np.float64).max / 4 else 1.0
        counts, edges = np.histogram(finite / scale, bins)
        edges *= scale
        return {
            "edges": edges.tolist(),
            "counts": counts.tolist(),
            "nonfinite": int(numbers.size - finite.size),
        }

    return count, array.nbytes
