"""Samples to one batch: the structure stays, each array-like in it gains a leading batch axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from ailab.data.batches.leaves import Place, stack
from ailab.data.batches.native import one_type
from ailab.data.batches.records import field_names, is_record, rebuilt
from ailab.data.batches.rows import Rows

__all__ = ["collate", "collate_columns"]

_LEAVES = frozenset([np.ndarray, list, float, int, bool, str, bytes])  # the usual ones: they need no second look


def collate(samples: Sequence[Any], indices: Sequence[int] | None = None, *, rows: Rows | None = None) -> Any:
    """One batch of ``samples``.

    Dicts, tuples, named tuples and dataclasses keep their structure, however deep; every kind of dict becomes a plain
    one. A batch of dataclasses is one of the same class, made without its ``__init__`` and ``__post_init__``.
    Everything else is a leaf: n samples of shape (a, b) become one new array of shape (n, a, b). A Python
    list is a leaf, read by NumPy. Python floats become float32, ints int64, bools bool; str and bytes become
    NumPy's fixed-width string arrays; NumPy's dtypes are kept, in native byte order. Where dtypes differ
    between samples they are promoted as NumPy does it, and it is an error if that changes a value.

    Args:
        samples: at least one.
        indices: the samples' indices in their dataset, for error messages; 0, 1, 2, ... if left out.
        rows: has parts of the batch that were filled while the samples were read.

    Raises:
        ValueError: shapes or structures differ (names the key, the samples and both), or a value does not fit
            its dtype.
        TypeError: NumPy cannot read a leaf as numbers or strings; names the key, the sample and the type.
    """
    if not samples:
        raise ValueError("samples=[]: expected at least one sample to make a batch of")
    numbers = range(len(samples)) if indices is None else indices
    first = samples[0]
    if type(first) is tuple and len(first) == 2:
        # Of a pair, errors speak as the user does: features['image'] rather than sample[0]['image'].
        _check_alike(samples, Place("value", numbers, rows))
        features, labels = zip(*samples, strict=True)
        return _column(features, Place("features", numbers, rows)), _column(labels, Place("labels", numbers, rows))
    return _column(samples, Place("value", numbers, rows))


def collate_columns(
    features: dict[Any, Sequence[Any]], labels: dict[Any, Sequence[Any]], indices: Sequence[int]
) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """`collate` of samples that are pairs of dicts, given key by key as all samples' values for it."""
    return _dict(features, Place("features", indices)), _dict(labels, Place("labels", indices))


def _dict(columns: Mapping[Any, Sequence[Any]], place: Place) -> dict[Any, Any]:
    return {key: _column(column, place.under(f"[{key!r}]")) for key, column in columns.items()}


def _column(values: Sequence[Any], place: Place) -> Any:
    first = values[0]
    kind = one_type(values)
    if kind in _LEAVES:
        return stack(values, place, kind)
    if isinstance(first, Mapping):
        columns = _fields_of_dicts(values)
        if columns is None:
            _check_alike(values, place)
            columns = {key: [value[key] for value in values] for key in first}
        return _dict(columns, place)
    if isinstance(first, tuple):
        _check_alike(values, place)
        fields: Sequence[str] | None = getattr(first, "_fields", None)
        names = [f".{field}" for field in fields] if fields else [f"[{i}]" for i in range(len(first))]
        parts = [_column([value[i] for value in values], place.under(name)) for i, name in enumerate(names)]
        return type(first)(*parts) if fields else tuple(parts)
    kinds = {kind} if kind is not None else set(map(type, values))
    if any(issubclass(kind, Mapping | tuple) or is_record(kind) for kind in kinds):
        _check_alike(values, place)
        return _record(values, place)  # of all kinds together: a leaf among them, or them among leaves, is an error
    return stack(values, place, kind)


def _record(values: Sequence[Any], place: Place) -> Any:
    first = values[0]
    parts = []
    for name in field_names(type(first)):
        inner = place.under(f".{name}")
        for position, value in enumerate(values):
            if not hasattr(value, name):
                raise ValueError(f"{inner} is not set in sample {place.index(position)}; give every field a value")
        parts.append(_column([getattr(value, name) for value in values], inner))
    return rebuilt(first, parts)


def _fields_of_dicts(values: Sequence[Any]) -> dict[Any, list[Any]] | None:
    """Key by key the values of plain dicts; None unless all are such and have the keys of the first."""
    if set(map(type, values)) != {dict} or len(set(map(len, values))) != 1:
        return None
    try:
        return {key: list(map(itemgetter(key), values)) for key in values[0]}
    except KeyError:
        return None


def _check_alike(values: Sequence[Any], place: Place) -> None:
    """Every value has the structure of the first."""
    first = values[0]
    if type(first) is tuple and set(map(type, values)) == {tuple} and len(set(map(len, values))) == 1:
        return
    for position, value in enumerate(values):
        if not _alike(value, first):
            raise ValueError(
                f"{place} is {_structure(value, first)} in sample {place.index(position)} "
                f"but {_structure(first, value)} in sample {place.index(0)}; "
                "all samples need the same structure"
            )


def _alike(value: Any, first: Any) -> bool:
    if isinstance(first, Mapping):
        return isinstance(value, Mapping) and value.keys() == first.keys()
    if isinstance(first, tuple):
        return type(value) is type(first) and len(value) == len(first)
    if is_record(type(first)):
        return type(value) is type(first)
    return not isinstance(value, Mapping | tuple) and not is_record(type(value))


def _structure(value: Any, other: Any) -> str:
    """What ``value`` is, with what sets it apart from ``other``."""
    name = type(value).__qualname__
    if isinstance(value, Mapping) and isinstance(other, Mapping):
        only = [key for key in value if key not in other]
        lacks = [key for key in other if key not in value]
        parts = [f"with {only}"] if only else []
        parts += [f"without {lacks}"] if lacks else []
        return f"a {name} {' and '.join(parts)}"
    if isinstance(value, tuple):
        return f"a {name} of length {len(value)}"
    return f"of type {name}"
