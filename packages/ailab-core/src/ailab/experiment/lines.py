"""What is left of printed text when progress bars have drawn over themselves: lines, each in its last form."""

from __future__ import annotations

import re

__all__ = ["PrintedLines"]

_CONTROL = re.compile(r"(\n|\r|\x1b\[\d*A)|\x1b\[[0-9;?]*[@-ln-~]|\x08+")
"""Line feed, carriage return, cursor up; and what is left out: other movements of the cursor, but no colours."""
_BEGUN = re.compile(r"\x1b(?:\[[0-9;?]{0,16})?\Z")
_MOST_ROWS = 20
_LONGEST = 1 << 16
"""Characters of a line without its end, of which the last are kept."""


class PrintedLines:
    """Turns text, as it is printed to a terminal, into whole lines.

    A carriage return starts a line over, and "cursor up" goes back to one above, as bars inside bars do. Lines that
    were drawn in place are handed out once nothing draws over them any more: when a line without such drawing ends
    below them, or another is drawn twice without going up in between.
    """

    def __init__(self) -> None:
        self._rows: list[str] = [""]
        self._in_place: list[bool] = [False]
        self._at = 0
        self._over = False  # what comes replaces the line: the cursor stands before it
        self._returned = False  # by a carriage return
        self._begun = ""  # of a control sequence whose rest is not there yet
        self._drawn = 0  # how often the current line was started over since the cursor came down to it

    def feed(self, text: str) -> list[str]:
        """Take in more text; returns the lines that are whole now, without their ends."""
        plain = len(self._rows) == 1 and not (self._over or self._begun or self._in_place[0])
        if plain and not ("\r" in text or "\x1b" in text or "\x08" in text):
            *lines, rest = (self._rows[0] + text).split("\n")
            self._rows[0] = rest[-_LONGEST:]
            return lines
        return self._draw(text)

    def settle(self) -> list[str]:
        """The lines above the cursor: something else is about to be printed below them."""
        return self._take(self._at)

    def end(self) -> list[str]:
        """What is left: nothing comes any more."""
        lines = self._take(len(self._rows))
        return lines[:-1] if lines and not lines[-1] else lines

    def _draw(self, text: str) -> list[str]:
        text = self._begun + text
        cut = _BEGUN.search(text)
        text, self._begun = (text, "") if cut is None else (text[: cut.start()], cut[0])
        lines: list[str] = []
        position = 0
        for match in _CONTROL.finditer(text):
            self._put(text[position : match.start()])
            position = match.end()
            control = match[1]
            if control == "\n":
                lines += self._down()
            elif control == "\r":
                self._over = self._returned = True
            elif control:
                self._at = max(0, self._at - int(control[2:-1] or 1))
                self._over, self._returned, self._drawn = False, False, 0
        self._put(text[position:])
        # A line drawn for the second time: whoever draws bars inside bars would have gone up before.
        if self._drawn > 1 and self._at:
            lines += self._take(self._at)
        return lines

    def _put(self, text: str) -> None:
        if not text:
            return
        if self._over:
            self._rows[self._at], self._in_place[self._at] = "", self._returned
            self._drawn += self._returned
            self._over = self._returned = False
        self._rows[self._at] = (self._rows[self._at] + text)[-_LONGEST:]

    def _down(self) -> list[str]:
        self._at += 1
        self._drawn, self._returned = 0, False
        self._over = self._at < len(self._rows)
        if not self._over:
            self._rows.append("")
            self._in_place.append(False)
        if not self._in_place[self._at - 1]:
            return self._take(self._at)
        return self._take(1) if len(self._rows) > _MOST_ROWS else []

    def _take(self, count: int) -> list[str]:
        """Hand out the first rows; bars that were wiped are none."""
        lines = [
            row
            for row, in_place in zip(self._rows[:count], self._in_place[:count], strict=True)
            if row.strip() or not in_place
        ]
        del self._rows[:count], self._in_place[:count]
        if not self._rows:
            self._rows, self._in_place = [""], [False]
        self._at = max(0, self._at - count)
        return lines
