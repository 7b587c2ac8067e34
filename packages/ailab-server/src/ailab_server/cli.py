"""The command line: ``ailab-server my_config.json`` and ``ailab-server hash-password``."""

import gc
import getpass
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from ailab_server import __version__

__all__ = ["main"]


class _ServeByDefault(click.Group):
    """A group that takes anything but one of its commands for the arguments of ``serve``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own_options = {name for param in self.get_params(ctx) for name in param.opts}
        if args and args[0] not in self.commands and args[0] not in own_options:
            args = ["serve", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_ServeByDefault, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """AI Lab's server: shows the runs of a workspace live and hands out this machine's GPUs.

    \b
      ailab-server my_config.json      start the server that the file describes
      ailab-server hash-password       make a hash to put in the file instead of a password

    A config is JSON. This one serves one user on this machine only:

    \b
      {"workspace": "~/experiments", "users": {"ada": "a password"}, "gpus": [0, 1]}

    Its other keys, each with a safe default: host ("*" for any interface), port (12345),
    auto_detect_experiments, experiments, allowed_origins, allowed_hosts, state_dir.
    """


@cli.command()
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
@click.option(
    "--ready-file", type=click.Path(path_type=Path), help='Write {"url", "pid"} here once the server listens.'
)
def serve(config_file: Path, ready_file: Path | None) -> None:
    """Start the server (the word "serve" may be left out).

    Ctrl-C or SIGTERM stops it and the tasks it runs.
    """
    # What is imported stays: looking for garbage meanwhile takes a tenth of the start. `serve` turns it on again.
    gc.disable()
    click.get_current_context().call_on_close(gc.enable)
    # Late, so that --help and hash-password do not wait for them.
    from ailab_server.config import ConfigError, load_config
    from ailab_server.serve import ListenError
    from ailab_server.serve import serve as run

    try:
        config = load_config(config_file)
    except ConfigError as error:
        _fail(str(error), 2)
    for warning in config.warnings(config_file):
        click.echo(f"warning: {warning}", err=True)
    if not config.users:
        user, password = getpass.getuser(), secrets.token_urlsafe(12)
        config = config.model_copy(update={"users": {user: password}})
        click.echo(f"no users in {config_file}; until this server stops: user {user}, password {password}", err=True)
    try:
        run(config, lambda url: click.echo(f"AI Lab server on {url}"), ready_file)
    except ListenError as error:
        _fail(f"{config_file}: {error}", 2 if error.wrong else 1)


@cli.command("hash-password")
def hash_password_command() -> None:
    """Print the hash of a password, typed twice at the terminal or read from the first line of stdin."""
    from ailab_server.auth.passwords import hash_password

    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        _fail("a password may not be empty", 2)
    click.echo(str(hash_password(password)))


def main(args: Sequence[str] | None = None) -> None:
    """The program. ``args`` are the command line's by default."""
    cli.main(args=list(args) if args is not None else None, prog_name="ailab-server")


def _fail(message: str, code: int) -> NoReturn:
    from ailab_server.logs import escaped

    click.echo(escaped(message), err=True)
    sys.exit(code)
