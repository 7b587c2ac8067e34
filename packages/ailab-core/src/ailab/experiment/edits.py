"""Adding to a run that somebody else writes, or wrote: each edit is a writer of its own, with files of its own."""

from __future__ import annotations

import errno
import math
import time
from collections.abc import Iterable
from functools import partial
from typing import Any

from ailab.errors import shown
from ailab.experiment.record.layout import RunFolder

__all__ = ["check_notes", "check_tags", "write_edit"]

_LONGEST_TAG = 100
_LONGEST_NOTES = 100_000


def write_edit(folder: RunFolder, type: str, after: float = -math.inf, **fields: Any) -> None:
    """Append one event to a run by a new pair of stream files.

    Args:
        after: when what it replaces was written (seconds since the epoch), perhaps by a clock that is ahead of ours:
            the edit is dated later than that, or it would not count.

    Raises:
        OSError: the folder does not take it, or its ``streams`` is a link: what lies in a workspace is not trusted to
            stay in it.
    """
    from ailab.experiment.record.writer import RecordWriter

    if folder.streams.is_symlink():
        raise OSError(errno.ELOOP, "the folder of the run's streams is a link", str(folder.streams))

    refused: list[OSError] = []
    problem = partial(_keep, refused)
    writer = RecordWriter(folder, problem, clock=lambda: max(time.time(), after + 1e-3), alive=False)
    writer.event(type, **fields)
    writer.close()
    if refused:
        raise refused[0]


def _keep(refused: list[OSError], what: str, error: OSError) -> None:
    """Note the same error, saying what was being done."""
    refused.append(error.__class__(error.errno, f"{what}: {error.strerror}"))


def check_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags in the order given (a set's: sorted), each once.

    Raises:
        TypeError: they are not several strings.
        ValueError: one is no plain text of 1 to 100 characters in one line, or holds a comma, which separates tags
            wherever several are typed.
    """
    if isinstance(tags, str) or not isinstance(tags, Iterable):
        raise TypeError(f"tags must be several strings, such as ['baseline'], got {shown(tags)}")
    found = list(tags)
    for tag in found:
        if not isinstance(tag, str):
            raise TypeError(f"a tag must be a string, got {shown(tag)}")
        if not tag.strip() or tag != tag.strip() or len(tag) > _LONGEST_TAG or not tag.isprintable() or "," in tag:
            raise ValueError(
                f"a tag must be 1 to {_LONGEST_TAG} printable characters in one line without commas, got {shown(tag)}"
            )
    return tuple(dict.fromkeys(sorted(found) if isinstance(tags, set | frozenset) else found))


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
