"""The command's root; each subcommand has a module of its own, plugins add theirs by ``ailab_cli_commands``."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import click

from ailab import __version__

__all__ = ["main"]

# Command → "module:name". Imported when typed, so that none pays for the others.
_COMMANDS = {
    "code": "ailab.cli.diff:code",
    "compare": "ailab.cli.compare:compare",
    "completion": "ailab.cli.completion:completion",
    "config": "ailab.cli.config:config",
    "diff": "ailab.cli.diff:diff",
    "doctor": "ailab.cli.doctor:doctor",
    "export": "ailab.cli.export:export",
    "gc": "ailab.cli.trash:gc",
    "list": "ailab.cli.listing:list_",
    "note": "ailab.cli.edit:note",
    "plot": "ailab.cli.plot:plot",
    "plugins": "ailab.cli.plugins:plugins",
    "queue": "ailab.cli.queue:queue",
    "reproduce": "ailab.cli.reproduce:reproduce",
    "restore": "ailab.cli.trash:restore",
    "rm": "ailab.cli.trash:rm",
    "show": "ailab.cli.show:show",
    "tag": "ailab.cli.edit:tag",
    "tail": "ailab.cli.tail:tail",
}


class _Group(click.Group):
    """Imports a command once it is typed, and adds the plugins' once it is none of our own."""

    def list_commands(self, context: click.Context) -> list[str]:
        self._add_from_plugins()
        return sorted({*_COMMANDS, *self.commands})

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name in _COMMANDS:
            module, _, attribute = _COMMANDS[name].partition(":")
            command: click.Command = getattr(import_module(module), attribute)
            return command
        if name not in self.commands:
            self._add_from_plugins()
        return super().get_command(context, name)

    def _add_from_plugins(self) -> None:
        from ailab.plugins import shared_manager

        for commands in shared_manager().hook.ailab_cli_commands():
            for command in commands:
                self.commands.setdefault(command.name, command)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ailab")
@click.pass_context
def main(context: click.Context) -> None:
    """AI Lab: data, experiments and logging for Keras and PyTorch.

    Exit codes: 0 done; 1 it could not be done, or the answer is no; 2 the command line is wrong.
    """
    if os.environ.get("NO_COLOR"):  # no-color.org
        context.color = False
    for stream in (sys.stdout, sys.stderr):  # an id or a tag may hold what an old terminal's encoding does not
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(errors="replace")
