"""Reading a config file; what is wrong with it is one line: file, key, value and reason."""

import difflib
import json
import os
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from ailab_server.config.model import ServerConfig
from ailab_server.config.parts import TlsFiles, is_loopback

__all__ = ["ConfigError", "check_config", "load_config"]

_SECRET_KEYS = {"users", "notify"}
_NO_SECRETS = {("notify", "on"), ("notify", "thresholds"), ("notify", "email", "port"), ("notify", "email", "security")}
"""Below them, and what may be shown all the same."""


class ConfigError(Exception):
    """The config cannot be used; its message is the one line to print."""


def load_config(path: Path) -> ServerConfig:
    """Read and check a config file.

    Raises:
        ConfigError: with one line: the file, the key, and what is wrong.
    """
    return check_config(_read(path), str(path))


def check_config(data: dict[str, Any], source: str) -> ServerConfig:
    """The config that ``data`` describes, checked against this machine. ``source`` is what its errors begin with.

    Raises:
        ConfigError: as of ``load_config``.
    """
    try:
        config = ServerConfig.model_validate(data)
    except ValidationError as error:
        raise ConfigError(_first_line(source, data, error)) from None
    _check_workspace(source, Path(config.workspace))
    if config.state_dir is not None:
        _check_state_dir(source, Path(config.state_dir))
    if isinstance(config.tls, TlsFiles):
        for key, file in (("cert", config.tls.cert), ("key", config.tls.key)):
            _check_file(source, f"tls[{key}]", Path(file))
    if not config.users and not is_loopback(config.host):
        raise ConfigError(
            f"{source}: users: there are none, so anyone who reaches {config.host!r} could run programs here:"
            " add one, or take host 127.0.0.1"
        )
    return config


def _check_workspace(source: str, folder: Path) -> None:
    if not folder.is_dir():
        raise ConfigError(f"{source}: workspace: {str(folder)!r} is no folder on this machine")
    try:
        with os.scandir(folder):
            pass
    except OSError as error:
        raise ConfigError(f"{source}: workspace: {str(folder)!r} cannot be read: {error.strerror}") from None


def _check_state_dir(source: str, folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{source}: state_dir: {str(folder)!r} cannot be made: {error.strerror}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"{source}: state_dir: {str(folder)!r} cannot be written to")


def _check_file(source: str, key: str, file: Path) -> None:
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise ConfigError(f"{source}: {key}: {str(file)!r} cannot be read: {error.strerror}") from None


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
    "too_short": "is empty",
    "int_type": "is not a whole number",
    "bool_type": "is not true or false",
    "list_type": "is not a list",
    "dict_type": "is not an object of names and passwords",
    "model_type": "is not an object",
    "model_attributes_type": "is not an object",
}


def _first_line(source: str, data: dict[str, Any], error: ValidationError) -> str:
    item = error.errors(include_url=False, include_context=True)[0]
    # pydantic names the kinds of a union on the way down; they are in no file.
    loc: list[str | int] = []
    value: Any = data
    missing = item["type"] == "missing"
    for position, part in enumerate(item["loc"]):
        last = position == len(item["loc"]) - 1
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            if not (missing and last):
                continue
        loc.append(part)
    key = str(loc[0])
    where = key + "".join(f"[{part}]" for part in loc[1:])
    if missing:
        return f"{source}: {where}: is missing"
    if item["type"] == "extra_forbidden":
        names = list(_model_at(loc[:-1]).model_fields)
        near = difflib.get_close_matches(str(loc[-1]), names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "; the keys are " + ", ".join(names)
        return f"{source}: {where}: there is no such key{hint}"
    reason = _REASONS.get(item["type"], item["msg"])
    if item["type"] == "literal_error":
        reason = f"is none of {item['ctx']['expected']}"
    if key == "roles" and item["type"] == "dict_type":
        reason = "is not an object of names and roles"
    if key in _SECRET_KEYS and not _NO_SECRETS.intersection((tuple(loc[:2]), tuple(loc[:3]))):
        return f"{source}: {where}: {reason}"  # never the value: it may be a password
    shown = json.dumps(value, ensure_ascii=True)
    return f"{source}: {where}: {shown if len(shown) <= 100 else shown[:99] + '…'} {reason}"


def _model_at(loc: list[str | int]) -> type[BaseModel]:
    """The model of the object at ``loc``."""
    model: type[BaseModel] = ServerConfig
    for part in loc:
        field = model.model_fields.get(str(part))
        if field is None:
            continue
        found = _models_in(field.annotation)
        if found:
            model = found[0]
    return model


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models_in(inner)]
