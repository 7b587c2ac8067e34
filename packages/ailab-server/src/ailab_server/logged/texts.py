"""The texts of a run."""

from pathlib import Path

from ailab_server.logged.events import Logged, find, latest, steps_to
from ailab_server.models.logged import Text, TextContent
from ailab_server.strict import text
from ailab_server.workspace.entry import Entry
from ailab_server.workspace.files import read_inside

__all__ = ["one", "texts"]

_SHOWN = 200
_LARGEST = 16 << 20


def texts(root: Path, entry: Entry, name: str | None = None) -> list[Text]:
    """All of them, or those of a name; the beginning of each.

    Raises:
        OSError: the run's streams cannot be read.
    """
    return [
        Text(**logged.head(), text=text(_inline(logged)[:_SHOWN]), characters=_characters(logged))
        for logged in latest(root, entry, "text")
        if name is None or logged.name == name
    ]


def one(root: Path, entry: Entry, id: str) -> TextContent:
    """A whole text.

    Raises:
        KeyError: there is none of this id.
        OSError: it cannot be read.
        FileTooLarge: it has more than 16 MiB.
    """
    logged = find(root, entry, "text", id)
    content = _inline(logged)
    if logged.file is not None:
        data, _ = read_inside(root, steps_to(entry, "texts", logged.file), largest=_LARGEST)
        content = data.decode("utf-8", "replace")
    return TextContent(**logged.head(), text=text(content, _LARGEST))


def _inline(logged: Logged) -> str:
    found = logged.fields.get("text")
    return found if isinstance(found, str) else ""


def _characters(logged: Logged) -> int:
    said = logged.fields.get("characters")
    known = isinstance(said, int) and not isinstance(said, bool) and 0 <= said < 2**53
    return said if known and isinstance(said, int) else len(_inline(logged))
