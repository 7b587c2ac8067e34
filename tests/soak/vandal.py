"""Runs whose files are damaged, again and again, beside those that must stay as they are."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Sequence
from pathlib import Path

__all__ = ["EXPERIMENT", "Vandal"]

EXPERIMENT = "damaged"


class Vandal:
    """Keeps at most ``most`` damaged copies of good runs in the workspace."""

    def __init__(self, workspace: Path, most: int, seed: int) -> None:
        self.made = self.damages = 0
        self._folder = workspace / EXPERIMENT
        self._folder.mkdir()
        self._most = most
        self._random = random.Random(seed)
        self._bad: list[Path] = []

    def strike(self, good: Sequence[Path]) -> None:
        """Copy one of the ``good`` runs, or damage an earlier copy a little more."""
        if good and (len(self._bad) < self._most or self._random.random() < 0.1):
            if len(self._bad) >= self._most:
                shutil.rmtree(self._bad.pop(0))
            target = self._folder / f"bad{self.made:05d}"
            shutil.copytree(self._random.choice(good), target, symlinks=True)
            self._bad.append(target)
            self.made += 1
        if self._bad:
            self._damage(self._random.choice(self._bad))
            self.damages += 1

    def _damage(self, run: Path) -> None:
        files = [file for file in run.rglob("*") if file.is_file() and not file.is_symlink()]
        if not files:
            return
        file = self._random.choice(files)
        match self._random.randrange(9):
            case 0:
                self._flip(file)
            case 1:
                os.truncate(file, self._random.randrange(file.stat().st_size + 1))
            case 2:
                with file.open("ab") as end:
                    end.write(self._random.randbytes(self._random.choice((1, 31, 5000))))
            case 3:
                file.write_bytes(bytes(self._random.randrange(10_000)))
            case 4:
                self._rubbish(run)
            case 5:
                self._names(run)
            case 6:
                file.unlink()
                os.mkfifo(file)
            case 7:
                file.unlink()
                file.symlink_to("/etc/passwd")
            case 8:
                file.unlink()
                file.mkdir()

    def _flip(self, file: Path) -> None:
        data = bytearray(file.read_bytes())
        for _ in range(min(3, len(data))):
            data[self._random.randrange(len(data))] ^= 1 << self._random.randrange(8)
        file.write_bytes(data)

    def _rubbish(self, run: Path) -> None:
        file = run / self._random.choice(("run.json", "config.json"))
        if not file.is_file() or file.is_symlink():
            return
        text = self._random.choice((
            '{"created": 1e999, "host": NaN}', '{"created": 1, "created": "x"}', "[" * 20_000, '"\\ud800"',
            json.dumps({"host": "h" * 500_000}), "\ufeff{}", "null", "",
        ))  # fmt: skip
        file.write_bytes(text.encode(self._random.choice(("utf-8", "utf-16"))))

    def _names(self, run: Path) -> None:
        streams = run / "streams"
        if not streams.is_dir():
            return
        with (streams / f"flood-{self._random.randrange(1000)}.jsonl").open("a") as file:
            for number in range(500):
                name = f"{number}" if number else "n" * 200_000
                file.write(json.dumps({"type": "metric", "time": 1.7e9, "id": number, "name": name}) + "\n")
            file.write('{"type": "image", "time": 1.7e9, "name": "x", "file": "../../../etc/passwd"}\n')
            file.write('{"type": "progress", "time": 1.7e9, "value": 1e999}\n')
