from __future__ import annotations

from pathlib import Path

import click
import pytest

from ailab.cli import main
from ailab.cli.main import _COMMANDS

DOCS = Path(__file__).parents[3] / "docs" / "cli.md"


def test_every_command_is_documented() -> None:
    text = DOCS.read_text()
    assert [name for name in _COMMANDS if f"`ailab {name}" not in text] == []


@pytest.mark.parametrize("name", sorted(set(_COMMANDS) - {"completion", "queue"}))
def test_every_command_prints_json_and_says_what_it_does(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert any("--json" in option.opts for option in command.params)
    assert command.help


def test_an_unknown_one_is_none() -> None:
    assert main.get_command(click.Context(main), "teleport") is None
    assert set(_COMMANDS) <= set(main.list_commands(click.Context(main)))
