"""The command's root; each subcommand has a module of its own, plugins add theirs by ``ailab_cli_commands``."""

from __future__ import annotations

import click

from ailab import __version__
from ailab.cli.plugins import plugins
from ailab.cli.queue import queue
from ailab.plugins import shared_manager

__all__ = ["main"]


class _Group(click.Group):
    """Adds the plugins' commands, once the command line is really used."""

    def list_commands(self, context: click.Context) -> list[str]:
        self._add_from_plugins()
        return super().list_commands(context)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in self.commands:
            self._add_from_plugins()
        return super().get_command(context, name)

    def _add_from_plugins(self) -> None:
        for commands in shared_manager().hook.ailab_cli_commands():
            for command in commands:
                self.commands.setdefault(command.name, command)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ailab")
def main() -> None:
    """AI Lab: data, experiments and logging for Keras and PyTorch."""


main.add_command(plugins)
main.add_command(queue)
