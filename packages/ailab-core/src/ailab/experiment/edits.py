"""Adding to a run that somebody else writes, or wrote: each edit is a writer of its own, with files of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ailab.errors import shown
from ailab.experiment.record.layout import RunFolder

__all__ = ["check_notes", "check_tags", "write_edit"]

_LONGEST_TAG = 100
_LONGEST_NOTES = 100_000


def write_edit(folder: RunFolder, type: str, **fields: Any) -> None:
    """Append one event to a run by a new pair of stream files.

    Raises:
        OSError: the folder does not take it.
    """
    from ailab.experiment.record.writer import RecordWriter

    refused: list[OSError] = []
    writer = RecordWriter(folder, lambda what, error: refused.append(_saying(what, error)))
    writer.event(type, **fields)
    writer.close()
    if refused:
        raise refused[0]


def _saying(what: str, error: OSError) -> OSError:
    """The same error, saying what was being done."""
    return error.__class__(error.errno, f"{what}: {error.strerror}")


def check_tags(tags: Iterable[str]) -> list[str]:
    """The tags in order, each once.

    Raises:
        TypeError, ValueError: one is no plain text of 1 to 100 characters in one line.
    """
    if isinstance(tags, str):
        raise TypeError(f"tags must be several strings, such as [{tags!r}], got {shown(tags)}")
    found = list(tags)
    for tag in found:
        if not isinstance(tag, str):
            raise TypeError(f"a tag must be a string, got {shown(tag)}")
        if not tag.strip() or tag != tag.strip() or len(tag) > _LONGEST_TAG or not tag.isprintable():
            raise ValueError(f"a tag must be 1 to {_LONGEST_TAG} printable characters in one line, got {shown(tag)}")
    return list(dict.fromkeys(found))


def check_notes(text: str) -> str:
    """The text as it is.

    Raises:
        TypeError, ValueError: it is no string, or longer than 100,000 characters.
    """
    if not isinstance(text, str):
        raise TypeError(f"notes must be a string, got {shown(text)}")
    if len(text) > _LONGEST_NOTES:
        raise ValueError(f"notes must have at most {_LONGEST_NOTES} characters, got {len(text)}")
    return text.encode("utf-8", "replace").decode()
