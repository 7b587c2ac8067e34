"""Running commands as a terminal would."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ailab.cli import main
from ailab.experiment import Run


@dataclass
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out, parse_constant=pytest.fail)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@pytest.fixture
def ailab(workspace: Path) -> Callable[..., Done]:
    """``ailab("list", "--json")`` in the test's workspace."""

    def run(*arguments: str, code: int | None = 0, **options: Any) -> Done:
        result = CliRunner().invoke(main, list(arguments), **options)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        done = Done(result.exit_code, result.stdout, result.stderr)
        assert code is None or done.code == code, (done.out, done.err)
        return done

    return run


@pytest.fixture
def three(record: Callable[..., Run]) -> list[Run]:
    return [
        record({"loss": [3.0, 0.25]}, seed=0),
        record({"loss": [1.0, 0.125], "val/acc": [0.5]}, seed=1),
        record(
            {"loss": [float("nan")]},
            seed=0,
            batch_size=64,
            end={"state": "failed", "error": "no\x1b[31m", "traceback": "T"},
        ),
    ]
