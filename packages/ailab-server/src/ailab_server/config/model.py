"""What a config file may hold."""

import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, StrictBool, StrictInt, field_validator
from pydantic_core import PydanticCustomError

from ailab_server.auth.passwords import is_hash, parse_hash
from ailab_server.config.parts import (
    Folder,
    Limits,
    Notify,
    Part,
    Role,
    Seconds,
    Text,
    TlsFiles,
    TlsSetting,
    check_role,
    is_loopback,
)
from ailab_server.security.origins import parse_origin

__all__ = ["ServerConfig"]


class ServerConfig(Part):
    """A config file's keys. All but ``workspace`` have a default that is safe."""

    host: Text = Field(default="127.0.0.1", description='Address to listen on; "*" is every interface.')
    port: StrictInt = Field(default=12345, description="Port to listen on; 0 takes a free one.")
    users: dict[str, Text] = Field(
        default_factory=dict,
        repr=False,
        description="User names and their passwords, plain or as `ailab-server hash-password` prints them, or any"
        " argon2's hash.",
    )
    roles: dict[str, Annotated[Role, BeforeValidator(check_role)]] = Field(
        default_factory=dict,
        description="What users may do: a `viewer` looks, an `operator` also queues tasks, stops their own and looks"
        " after runs, an `admin` stops anyone's and reads the audit. Without this key all are admins; with it, who is"
        " not named is a viewer.",
    )
    workspace: Folder = Field(description="Folder of the experiments; `~`, `$USER` and the like expand.")
    auto_detect_experiments: StrictBool = Field(
        default=True, description="Show every experiment of the workspace; false shows only `experiments`."
    )
    experiments: list[Text] = Field(default_factory=list, description="Experiments to show when they are not detected.")
    gpus: list[StrictInt] = Field(
        default_factory=list, description="Ids of the GPUs that tasks may have, as nvidia-smi numbers them."
    )
    tasks_per_gpu: StrictInt = Field(
        default=1,
        description="Tasks that may share a GPU, 1 to 64; what one task leaves of its memory, the next may use.",
    )
    allowed_origins: list[Text] = Field(
        default_factory=list,
        description='Further web origins whose page may use this server, or "*" for any.',
    )
    allowed_hosts: list[Text] = Field(
        default_factory=list,
        description="Further names under which this server is reached; *.example.org works.",
    )
    tls: TlsSetting = Field(
        default=None,
        description='Encryption. `"auto"`: a certificate of the machine\'s own, made and renewed by itself, the default'
        ' unless `host` is loopback. `{"cert": PATH, "key": PATH}`: yours, read again when renewed. `false`: none.',
    )
    state_dir: Folder | None = Field(
        default=None,
        description="Folder on a local disk for the tasks' output, the server's certificate, the audit, and rows and"
        " sizes of runs. By default the output goes with the server, the certificate and the audit are kept in"
        " `~/.local/state/ailab-server`, rows and sizes in `~/.cache/ailab-server`.",
    )
    executor: Text = Field(
        default="local", description="What runs the tasks: this machine, or what a plugin offers under this name."
    )
    poll_seconds: Seconds = Field(
        default=0.25,
        description="Seconds between two looks at a running run on a network share, 0.05 to 60; more is easier on it.",
    )
    notify: Notify | None = Field(
        default=None, description="Messages about what became of runs, to chats and by e-mail; see below."
    )
    limits: Limits = Field(default_factory=Limits, description="What the server takes at most; see below.")

    @field_validator("host")
    @classmethod
    def _check_host(cls, host: str) -> str:
        if not re.fullmatch(r"\*|[A-Za-z0-9_.:%-]+", host):
            raise PydanticCustomError("host", 'is no address to listen on: give "*", an IP address or a host name')
        return host

    @field_validator("port")
    @classmethod
    def _check_port(cls, port: int) -> int:
        if not 0 <= port <= 65535:
            raise PydanticCustomError("port", "is no port: 0 to 65535")
        return port

    @field_validator("users")
    @classmethod
    def _check_users(cls, users: dict[str, str]) -> dict[str, str]:
        for name, password in users.items():
            if not name or len(name) > 256 or not name.isprintable() or name != name.strip():
                raise PydanticCustomError("user", "holds a name that is empty, too long or not printable")
            if not password:
                raise PydanticCustomError("user", "{name} has an empty password", {"name": name})
            if len(password) > 1024:
                raise PydanticCustomError("user", "{name} has a password of over 1024 characters", {"name": name})
            if is_hash(password):
                try:
                    parse_hash(password)
                except ValueError as error:
                    raise PydanticCustomError(
                        "user", "the entry of {name} {why}", {"name": name, "why": str(error)}
                    ) from None
        return users

    @field_validator("executor")
    @classmethod
    def _check_executor(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,100}", name):
            raise PydanticCustomError("executor", "is no executor's name")
        return name

    @field_validator("poll_seconds")
    @classmethod
    def _check_poll_seconds(cls, seconds: float) -> float:
        if not 0.05 <= seconds <= 60:
            raise PydanticCustomError("poll_seconds", "is not between 0.05 and 60")
        return seconds

    @field_validator("experiments")
    @classmethod
    def _check_experiments(cls, names: list[str]) -> list[str]:
        for name in names:
            if not name or "\0" in name or Path(name).is_absolute() or ".." in Path(name).parts:
                raise PydanticCustomError(
                    "experiment", "holds {name}, which is no experiment's name", {"name": repr(name)}
                )
        return names

    @field_validator("gpus")
    @classmethod
    def _check_gpus(cls, ids: list[int]) -> list[int]:
        for position, one in enumerate(ids):
            if one < 0:
                raise PydanticCustomError("gpus", "holds {one}, but ids are 0 or more", {"one": one})
            if one in ids[:position]:
                raise PydanticCustomError("gpus", "holds {one} twice", {"one": one})
        return ids

    @field_validator("tasks_per_gpu")
    @classmethod
    def _check_tasks_per_gpu(cls, tasks: int) -> int:
        if not 1 <= tasks <= 64:
            raise PydanticCustomError("tasks_per_gpu", "is not between 1 and 64")
        return tasks

    @field_validator("allowed_origins")
    @classmethod
    def _check_origins(cls, origins: list[str]) -> list[str]:
        for origin in origins:
            if origin != "*" and parse_origin(origin) is None:
                raise PydanticCustomError(
                    "origin",
                    "holds {origin}, which is no origin: write it as https://name or http://name:port",
                    {"origin": repr(origin)},
                )
        return [origin.lower() for origin in origins]

    @field_validator("allowed_hosts")
    @classmethod
    def _check_hosts(cls, hosts: list[str]) -> list[str]:
        for host in hosts:
            if not re.fullmatch(r"(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", host):
                raise PydanticCustomError(
                    "host",
                    "holds {host}, which is no host name (give it without a port)",
                    {"host": repr(host)},
                )
        return [host.lower() for host in hosts]

    @property
    def encrypted(self) -> bool:
        """Whether connections are encrypted."""
        return self.tls is not False and not (self.tls is None and is_loopback(self.host))

    def role_of(self, user: str) -> Role:
        """What ``user`` may do."""
        return self.roles.get(user, "viewer") if self.roles else "admin"

    def strangers(self) -> list[str]:
        """Names with a role that are no users."""
        return [name for name in self.roles if name not in self.users]

    def warnings(self, path: Path) -> list[str]:
        """What works but should not stay so, one line each. ``path`` is the file that it was read from."""
        found = []
        plain = [name for name, password in self.users.items() if not is_hash(password)]
        if plain:
            found.append(
                f"{path}: users: {_some(plain)} with a plain password;"
                " `ailab-server hash-password` makes a hash to put there"
            )
        if self.users and _mode(path) & (stat.S_IRGRP | stat.S_IROTH):
            found.append(f"{path}: other users of this machine can read this file: chmod 600 {path}")
        if not is_loopback(self.host) and not self.encrypted:
            found.append(
                f"{path}: tls: {self.host} is open to the network and nothing is encrypted on the way, passwords"
                ' neither: take "auto", or use it where you trust the network'
            )
        if isinstance(self.tls, TlsFiles) and _mode(Path(self.tls.key)) & (stat.S_IRGRP | stat.S_IROTH):
            found.append(f"{path}: tls: other users of this machine can read {self.tls.key}: chmod 600 it")
        if self.notify is not None and self.notify.email is not None:
            mail = self.notify.email
            if mail.password and mail.security == "none" and not is_loopback(mail.host):
                found.append(f"{path}: notify: the password for {mail.host} is sent readably: take starttls or tls")
        if strangers := self.strangers():
            found.append(f"{path}: roles: {_some(strangers)} with a role, but not among the users")
        return found


def _mode(file: Path) -> int:
    try:
        return file.stat().st_mode
    except OSError:
        return 0


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
