"""``ailab queue``: the tasks of a server, from the command line."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ailab.client import Client, ServerError

if TYPE_CHECKING:
    from ailab.client.types import Task

__all__ = ["queue"]


@click.group()
def queue() -> None:
    """Queue training commands on a server, which runs each as soon as enough of its GPUs are free.

    The server is named by --server or AILAB_SERVER, the user by --user or AILAB_USER; the password comes from
    AILAB_PASSWORD or is asked for.
    """


def _with_server(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option(
            "--user", envvar="AILAB_USER", show_envvar=True, required=True, help="As in the server's config file."
        ),
        click.option(
            "--server", envvar="AILAB_SERVER", show_envvar=True, required=True, help="Such as http://gpu1:12345."
        ),
    ):
        command = option(command)
    return command


@contextmanager
def _client(server: str, user: str) -> Iterator[Client]:
    password = os.environ.get("AILAB_PASSWORD")
    if password is None:
        if not sys.stdin.isatty():
            raise click.UsageError("no password: set AILAB_PASSWORD, or run this in a terminal to be asked")
        password = click.prompt(f"Password of {user} at {server}", hide_input=True)
    try:
        with Client(server, user, password) as client:
            yield client
    except (ServerError, ValueError) as error:
        raise click.ClickException(str(error)) from None


@queue.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@_with_server
@click.option("--gpus", default=1, show_default=True, type=click.IntRange(min=0), help="How many GPUs it needs.")
@click.option("--folder", default=".", help="Where it runs, on the server's machine.  [default: this folder]")
@click.option("--name", help="What the task is called.  [default: from the command]")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def add(
    server: str, user: str, as_json: bool, gpus: int, folder: str, name: str | None, command: tuple[str, ...]
) -> None:
    """Queue COMMAND: ailab queue add --gpus 1 -- python train.py --epochs 10"""
    with _client(server, user) as client:
        task = client.add_task(command, str(Path(folder).absolute()), gpus, name)
    if task["state"] == "failed" and not as_json:
        raise click.ClickException(f"{task['id']} could not be started: {_safe(task['output'].strip())}")
    click.echo(
        json.dumps(task, indent=2) if as_json else f"{task['id']} {task['state']}: {_safe(shlex.join(task['command']))}"
    )


@queue.command("list")
@_with_server
def list_(server: str, user: str, as_json: bool) -> None:
    """Show the tasks, newest first."""
    with _client(server, user) as client:
        tasks = client.tasks()
    if as_json:
        click.echo(json.dumps(tasks, indent=2))
        return
    if not tasks:
        click.echo("no tasks")
    for task in tasks:
        click.echo(_row(task))


@queue.command()
@_with_server
@click.argument("task")
def stop(server: str, user: str, as_json: bool, task: str) -> None:
    """Take TASK (its id) out of the queue, or end it with all its processes."""
    with _client(server, user) as client:
        stopped = client.stop_task(task)
    click.echo(json.dumps(stopped, indent=2) if as_json else _row(stopped))


def _row(task: Task) -> str:
    gpus = ",".join(map(str, task["gpu_ids"])) or (f"wants {task['gpus']}" if task["state"] == "queued" else "none")
    code = f" ({task['exit_code']})" if task["exit_code"] is not None else ""
    command = _safe(shlex.join(task["command"]))
    return f"{task['id']}  {task['state'] + code:<13} GPUs {gpus:<8} {_safe(task['user'])}  {command}"


def _safe(text: str) -> str:
    """Without control characters: what others named must not steer this terminal."""
    return "".join(c if c.isprintable() else "�" for c in text)
