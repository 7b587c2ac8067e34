"""Which names an experiment, a metric or an image may have."""

from __future__ import annotations

from ailab.errors import shown

__all__ = ["check_file_name", "check_metric_name"]

_LONGEST = 200
"""Characters. A file name may have 255 bytes on the file systems in use; this leaves room for a step and an ending."""


def check_file_name(argument: str, name: object) -> str:
    """``name``, if it can be a file's or folder's name on any system.

    Raises:
        TypeError: it is no string.
        ValueError: it is empty, too long, begins with a dot, or holds a path separator, ``..``, ``@`` or a control
            character.
    """
    text = _check_text(argument, name)
    if "/" in text or "\\" in text or text == ".." or text.startswith("."):
        raise ValueError(
            f"{argument} must be a plain name without path separators that does not begin with a dot, got {shown(name)}"
        )
    bad = sorted(set(text) & set('@:*?"<>|'))
    if bad:
        raise ValueError(f"{argument} must not hold {' '.join(bad)} (it becomes a file's name), got {shown(name)}")
    return text


def check_metric_name(argument: str, name: object) -> str:
    """``name``, if a metric may be called so; ``/`` groups metrics, as in ``train/loss``.

    Raises:
        TypeError: it is no string.
        ValueError: it is empty, too long, holds a control character or a backslash, or one of its parts is empty or
            ``..``.
    """
    text = _check_text(argument, name)
    if "\\" in text or any(part in ("", ".", "..") for part in text.split("/")):
        raise ValueError(f"{argument} must be a name such as 'loss' or 'train/loss', got {shown(name)}")
    return text


def _check_text(argument: str, name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"{argument} must be a string, got {shown(name)}")
    if not name.strip():
        raise ValueError(f"{argument} must not be empty, got {shown(name)}")
    if len(name) > _LONGEST or len(name.encode("utf-8", "surrogatepass")) > _LONGEST:
        raise ValueError(
            f"{argument} must have at most {_LONGEST} bytes, got {len(name)} characters: {shown(name, 40)}"
        )
    if any(ord(c) < 32 or 127 <= ord(c) < 160 or 0xD800 <= ord(c) < 0xE000 for c in name):
        raise ValueError(f"{argument} must not hold control characters or lone surrogates, got {shown(name)}")
    return name
