"""The command line: ``ailab-server my_config.json`` and the commands around it."""

import gc
import getpass
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from ailab_server import __version__

if TYPE_CHECKING:
    from ailab_server.config import ServerConfig

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
      ailab-server --workspace DIR         try it: on this machine only, with a password made up
      ailab-server init my_config.json     write a config, with a password made up
      ailab-server my_config.json          start the server that the file describes
      ailab-server check my_config.json    say what is wrong with a config, and start nothing
      ailab-server hash-password           make a hash to put in the file instead of a password
      ailab-server service my_config.json  print a systemd unit
      ailab-server trust                   let this user's browsers accept the server's certificate

    A config is JSON. This one serves one user on this machine only:

    \b
      {"workspace": "~/experiments", "users": {"ada": "a password"}, "gpus": [0, 1]}

    Its other keys, each with a safe default: host ("*" for any interface), port (12345),
    auto_detect_experiments, experiments, roles, tls, allowed_origins, allowed_hosts, state_dir,
    executor, tasks_per_gpu, poll_seconds, limits, notify. docs/server.md says what they mean.
    """


@cli.command()
@click.argument("config_file", metavar="[CONFIG]", required=False, type=click.Path(path_type=Path))
@click.option("--workspace", metavar="DIR", help="Serve this folder without a config file, on this machine only.")
@click.option("--port", type=int, help="With --workspace: the port to listen on, 12345 by default; 0 takes a free one.")
@click.option(
    "--ready-file", type=click.Path(path_type=Path), help='Write {"url", "pid"} here once the server listens.'
)
def serve(config_file: Path | None, workspace: str | None, port: int | None, ready_file: Path | None) -> None:
    """Start the server (the word "serve" may be left out).

    Ctrl-C or SIGTERM stops it and the tasks it runs.
    """
    # What is imported stays: looking for garbage meanwhile takes a tenth of the start. `serve` turns it on again.
    gc.disable()
    click.get_current_context().call_on_close(gc.enable)
    # Late, so that --help and hash-password do not wait for them.
    from ailab_server.clock import wrong_clock
    from ailab_server.config import ConfigError
    from ailab_server.serve import ListenError
    from ailab_server.serve import serve as run

    if (config_file is None) == (workspace is None):
        _fail("give either a config file or --workspace DIR", 2)
    if port is not None and workspace is None:
        _fail(f"--port goes with --workspace; the port of {config_file} is its key port", 2)
    try:
        config = _load(config_file) if config_file is not None else _without_file(str(workspace), port)
    except ConfigError as error:
        _fail(str(error), 2)
    if wrong := wrong_clock(time.time()):
        _fail(f"ailab-server: {wrong}", 1)
    source = "ailab-server" if config_file is None else str(config_file)
    if config_file is not None:
        _warn(config, config_file)
    if not config.users:
        from ailab_server.setup.new_config import new_password

        user, password = getpass.getuser(), new_password()
        config = config.model_copy(update={"users": {user: password}, "roles": {user: "admin"}})
        where = "no config file" if config_file is None else f"no users in {config_file}"
        click.echo(f"{where}; until this server stops: user {user}, password {password}", err=True)
    try:
        run(config, lambda url: click.echo(f"AI Lab server on {url}"), ready_file)
    except ConfigError as error:
        _fail(f"{source}: {error}", 2)
    except ListenError as error:
        _fail(f"{source}: {error}", 2 if error.wrong else 1)


@cli.command()
@click.argument("config_file", metavar="[CONFIG]", default="my_config.json", type=click.Path(path_type=Path))
@click.option("--workspace", metavar="DIR", default="~/experiments", show_default=True, help="Made if it is missing.")
@click.option("--user", metavar="NAME", help="The user's name; by default the one you are logged in as.")
@click.option("--host", default="127.0.0.1", show_default=True, help='Address to listen on; "*" for any interface.')
def init(config_file: Path, workspace: str, user: str | None, host: str) -> None:
    """Write a config file with a password made up, my_config.json by default."""
    from ailab_server.config import ConfigError, check_config
    from ailab_server.config.parts import expand
    from ailab_server.setup.new_config import detect_gpus, new_password, write_config

    user = getpass.getuser() if user is None else user
    gpus = detect_gpus()
    password = new_password()
    try:
        folder = Path(expand(workspace)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        kept = workspace if workspace.startswith(("~", "$")) else str(folder)
        check_config({"workspace": kept, "users": {user: password}, "host": host, "gpus": gpus}, str(config_file))
        write_config(config_file, kept, user, password, host, gpus)
    except ConfigError as error:
        _fail(str(error), 2)
    except FileExistsError as error:
        if Path(str(error.filename)) == config_file:
            _fail(f"{config_file}: is there already; remove it first, or name another", 2)
        _fail(f"{config_file}: workspace: {error.filename!r} is no folder", 2)
    except (OSError, ValueError) as error:
        _fail(f"{config_file}: cannot be written: {getattr(error, 'strerror', None) or error}", 2)
    click.echo(_escaped(f"wrote {config_file}: experiments in {folder}, GPUs {gpus or 'none'}"))
    click.echo(f"user {user}, password {password}   (shown only now; the file holds its hash)")
    click.echo(_escaped(f"start it: ailab-server {config_file}"))


@cli.command()
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
@click.option("--notify", is_flag=True, help="Also send a test message every way that the key notify names.")
def check(config_file: Path, notify: bool) -> None:
    """Say what is wrong with a config file, or what the server would do with it."""
    from ailab_server.config import ConfigError

    try:
        config = _load(config_file)
    except ConfigError as error:
        _fail(str(error), 2)
    _warn(config, config_file)
    from ailab_server.setup.rehearsal import doubts, refusal

    if wrong := refusal(config):
        _fail(f"{config_file}: {wrong}", 2)
    for doubt in doubts(config):
        click.echo(_escaped(f"warning: {config_file}: {doubt}"), err=True)
    scheme = "https" if config.encrypted else "http"
    users = ", ".join(f"{name} ({config.role_of(name)})" for name in config.users)
    lines = {
        "address": f"{scheme}://{config.host}:{config.port}",
        "workspace": config.workspace,
        "users": users or "none: a login is made up at each start",
        "gpus": ", ".join(str(id) for id in config.gpus) or "none",
    }
    for key, value in lines.items():
        click.echo(_escaped(f"{key:10} {value}"))
    click.echo(_escaped(f"{config_file} is good"))
    if notify:
        _try_notify(config, config_file)


@cli.command("hash-password")
@click.option("--argon2", is_flag=True, help='By argon2id, not scrypt: needs pip install "ailab-server[argon2]".')
def hash_password_command(argon2: bool) -> None:
    """Print the hash of a password, typed twice at the terminal or read from the first line of stdin."""
    from ailab_server.auth.passwords import MissingLibrary, argon2_hash, hash_password

    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        _fail("a password may not be empty", 2)
    try:
        click.echo(str(argon2_hash(password) if argon2 else hash_password(password)))
    except MissingLibrary as error:
        _fail(f"--argon2 {error}", 2)


@cli.command()
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
@click.option("--user", metavar="NAME", help="For a unit of the system's: the user that the server runs as.")
def service(config_file: Path, user: str | None) -> None:
    """Print a systemd unit that keeps the server running.

    \b
      ailab-server service my_config.json > ~/.config/systemd/user/ailab-server.service
      systemctl --user enable --now ailab-server && loginctl enable-linger

    With --user it is a unit of the system's, for /etc/systemd/system.
    """
    from ailab_server.config import ConfigError
    from ailab_server.setup.service import systemd_unit

    try:
        _load(config_file)
        unit = systemd_unit(config_file, user)
    except (ConfigError, ValueError) as error:
        _fail(str(error), 2)
    click.echo(unit, nl=False)


@cli.command()
@click.argument("ca_file", metavar="[CA]", required=False, type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask whether the fingerprint is right.")
def trust(ca_file: Path | None, yes: bool) -> None:
    """Let this user's browsers accept the certificates of a server's CA.

    CA is the file ca.pem that the server names when it starts, copied here from its machine; without it, that of
    a server on this machine. Compare the fingerprint with the one that the server prints.
    """
    from ailab_server.tls.certificate import tls_folder
    from ailab_server.tls.trust import TrustError, commands, import_ca, read_ca

    file = tls_folder(None) / "ca.pem" if ca_file is None else ca_file
    try:
        name, fingerprint = read_ca(file)
        steps = commands(file, name)
        click.echo(_escaped(name))
        click.echo(f"SHA-256 {fingerprint}")
        if not yes and not click.confirm("Is this what the server printed, and shall this user's browsers trust it?"):
            _fail("nothing was changed", 1)
        import_ca(file, steps)
    except TrustError as error:
        _fail(str(error), 1)
    click.echo("done; browsers that run have to be started again")


def main(args: Sequence[str] | None = None) -> None:
    """The program. ``args`` are the command line's by default."""
    cli.main(args=list(args) if args is not None else None, prog_name="ailab-server")


def _load(path: Path) -> "ServerConfig":
    from ailab_server.config import load_config

    return load_config(path)


def _without_file(workspace: str, port: int | None) -> "ServerConfig":
    from ailab_server.config import check_config

    keys = {"workspace": workspace} | ({} if port is None else {"port": port})
    return check_config(keys, "ailab-server")


def _warn(config: "ServerConfig", path: Path) -> None:
    for warning in config.warnings(path):
        click.echo(_escaped(f"warning: {warning}"), err=True)


def _try_notify(config: "ServerConfig", path: Path) -> None:
    from ailab_server.notify.deliver import try_out

    if config.notify is None or not (config.notify.webhooks or config.notify.email):
        _fail(f"{path}: notify: names neither webhooks nor email", 2)
    failed = try_out(config.notify)
    if failed:
        _fail(f"{path}: notify: {'; '.join(failed)}", 1)
    click.echo("test message sent")


def _escaped(text: str) -> str:
    from ailab_server.logs import escaped

    return escaped(text)


def _fail(message: str, code: int) -> NoReturn:
    click.echo(_escaped(message), err=True)
    sys.exit(code)
