"""The server's config file: what it may hold, and errors that say file, key and reason in one line."""

import difflib
import getpass
import ipaddress
import json
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationError,
    field_validator,
)
from pydantic_core import PydanticCustomError

from ailab_server.auth.passwords import PREFIX, parse_hash
from ailab_server.security.origins import parse_origin

__all__ = ["ConfigError", "ServerConfig", "is_loopback", "load_config"]

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_SECRET_KEYS = {"users"}


class ConfigError(Exception):
    """The config cannot be used; its message is the one line to print."""


def _string(value: object) -> object:
    if not isinstance(value, str):
        raise PydanticCustomError("string", "is not a string")
    return value


Text = Annotated[str, BeforeValidator(_string)]


class ServerConfig(BaseModel):
    """A config file's keys. All but ``workspace`` have a default that is safe."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    host: Text = Field(default="127.0.0.1", description='Address to listen on; "*" is every interface.')
    port: StrictInt = Field(default=12345, description="Port to listen on; 0 takes a free one.")
    users: dict[str, Text] = Field(
        default_factory=dict,
        repr=False,
        description="User names and their passwords, plain or as `ailab-server hash-password` prints them.",
    )
    workspace: Text = Field(description="Folder of the experiments; ~, $USER and the like expand.")
    auto_detect_experiments: StrictBool = Field(
        default=True, description="Show every experiment of the workspace; false shows only `experiments`."
    )
    experiments: list[Text] = Field(default_factory=list, description="Experiments to show when they are not detected.")
    gpus: list[StrictInt] = Field(
        default_factory=list, description="Ids of the GPUs that tasks may have, as nvidia-smi numbers them."
    )
    allowed_origins: list[Text] = Field(
        default_factory=list,
        description='Further web origins whose page may use this server, or "*" for any.',
    )
    allowed_hosts: list[Text] = Field(
        default_factory=list,
        description="Further names under which this server is reached; *.example.org works.",
    )
    state_dir: Text | None = Field(
        default=None,
        description="Folder for the tasks' output; by default a temporary one that goes with the server.",
    )

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
            if password.startswith(PREFIX):
                try:
                    parse_hash(password)
                except ValueError as error:
                    raise PydanticCustomError(
                        "user", "the entry of {name} {why}", {"name": name, "why": str(error)}
                    ) from None
        return users

    @field_validator("workspace", "state_dir")
    @classmethod
    def _expand(cls, path: str | None) -> str | None:
        if path is None:
            return None
        if not path or "\0" in path:
            raise PydanticCustomError("folder", "is no folder")
        return str(Path(_expand(path)).absolute())

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

    def warnings(self, path: Path) -> list[str]:
        """What works but should not stay so, one line each."""
        found = []
        plain = [name for name, password in self.users.items() if not password.startswith(PREFIX)]
        if plain:
            found.append(
                f"{path}: users: {_some(plain)} with a plain password;"
                " `ailab-server hash-password` makes a hash to put there"
            )
        try:
            open_to_others = path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH)
        except OSError:
            open_to_others = 0
        if self.users and open_to_others:
            found.append(f"{path}: other users of this machine can read this file: chmod 600 {path}")
        if not is_loopback(self.host):
            found.append(
                f"{path}: host: {self.host} is open to the network and nothing is encrypted on the way:"
                " use it where you trust the network"
            )
        return found


def load_config(path: Path) -> ServerConfig:
    """Read and check a config file.

    Raises:
        ConfigError: with one line: the file, the key, and what is wrong.
    """
    data = _read(path)
    try:
        config = ServerConfig.model_validate(data)
    except ValidationError as error:
        raise ConfigError(_first_line(path, data, error)) from None
    if not Path(config.workspace).is_dir():
        raise ConfigError(f"{path}: workspace: {config.workspace!r} is no folder on this machine")
    if config.state_dir is not None:
        _check_state_dir(path, Path(config.state_dir))
    if not config.users and not is_loopback(config.host):
        raise ConfigError(
            f"{path}: users: there are none, so anyone who reaches {config.host!r} could run programs here:"
            " add one, or take host 127.0.0.1"
        )
    return config


def _check_state_dir(path: Path, folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{path}: state_dir: {str(folder)!r} cannot be made: {error.strerror}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"{path}: state_dir: {str(folder)!r} cannot be written to")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches ``host``."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Twice(ValueError):
    pass


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _Twice(key)
        found[key] = value
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        # utf-8-sig: an editor's byte order mark is not an error.
        data = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_no_duplicates)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 (byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}: line {error.lineno}, column {error.colno}: {error.msg}") from None
    except _Twice as error:
        raise ConfigError(f"{path}: {error}: is written twice") from None
    except (RecursionError, ValueError):
        raise ConfigError(f"{path}: is no JSON that a config could be") from None
    if not isinstance(data, dict):
        raise ConfigError(f'{path}: is not a JSON object: a config looks like {{"workspace": "~/experiments"}}')
    return data


_REASONS = {
    "int_type": "is not a whole number",
    "bool_type": "is not true or false",
    "list_type": "is not a list",
    "dict_type": "is not an object of names and passwords",
}


def _first_line(path: Path, data: dict[str, Any], error: ValidationError) -> str:
    item = error.errors(include_url=False, include_context=False)[0]
    key = str(item["loc"][0])
    where = key + "".join(f"[{part}]" for part in item["loc"][1:])
    if item["type"] == "missing":
        return f"{path}: {key}: is missing"
    if item["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, ServerConfig.model_fields, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "; the keys are " + ", ".join(ServerConfig.model_fields)
        return f"{path}: {key}: there is no such key{hint}"
    reason = _REASONS.get(item["type"], item["msg"])
    if key in _SECRET_KEYS:  # never the value: it may be a password
        return f"{path}: {where}: {reason}"
    value: Any = data
    for part in item["loc"]:
        value = value[part]
    shown = json.dumps(value, ensure_ascii=True)
    return f"{path}: {where}: {shown if len(shown) <= 100 else shown[:99] + '…'} {reason}"


def _expand(path: str) -> str:
    def replace(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        value = os.environ.get(name)
        if value is None and name == "USER":  # not set under systemd and in containers
            value = getpass.getuser()
        if not value:
            raise PydanticCustomError("variable", "names ${name}, which is not set", {"name": name})
        return value

    expanded = _VARIABLE.sub(replace, path)
    if expanded.startswith("~"):
        home = os.path.expanduser(expanded)  # noqa: PTH111  Path.expanduser raises for an unknown user
        if home.startswith("~"):
            raise PydanticCustomError("home", "begins with the home of a user who does not exist")
        return home
    return expanded


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
