"""The parts of a config that have keys of their own, and what several keys share."""

import getpass
import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

__all__ = [
    "Email",
    "Folder",
    "Happening",
    "Limits",
    "Notify",
    "Part",
    "Role",
    "Seconds",
    "Text",
    "Threshold",
    "TlsFiles",
    "TlsSetting",
    "check_role",
    "expand",
    "is_loopback",
]

Role = Literal["viewer", "operator", "admin"]

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def _string(value: object) -> object:
    if not isinstance(value, str):
        raise PydanticCustomError("string", "is not a string")
    return value


def _path(value: object) -> str:
    text = str(_string(value))
    if not text or "\0" in text:
        raise PydanticCustomError("path", "is no path")
    return str(Path(expand(text)).absolute())


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("number", "is not a number")
    return value


def check_role(value: object) -> object:
    """``value`` if it is a role."""
    if value not in get_args(Role):
        raise PydanticCustomError("role", "is no role: viewer, operator or admin")
    return value


Text = Annotated[str, BeforeValidator(_string)]
Folder = Annotated[str, BeforeValidator(_path)]
Seconds = Annotated[float, BeforeValidator(_number)]


class Part(BaseModel):
    """What every object of a config is: closed, and never shown with its values."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class TlsFiles(Part):
    """A certificate that someone else made, Tailscale or an ACME client, say."""

    cert: Folder = Field(description="PEM file of the certificate and those between it and its CA.")
    key: Folder = Field(description="PEM file of its private key, without a passphrase.")


def _tls(value: object) -> object:
    if value is True:
        return "auto"
    if value is None or value is False or value == "auto" or isinstance(value, dict | TlsFiles):
        return value
    raise PydanticCustomError("tls", 'is neither "auto", nor false, nor {"cert": PATH, "key": PATH}')


TlsSetting = Annotated[TlsFiles | Literal["auto", False] | None, BeforeValidator(_tls)]


def _between(lowest: int, highest: int) -> Any:
    def check(value: int) -> int:
        if not lowest <= value <= highest:
            raise PydanticCustomError(
                "range", "is not between {lowest} and {highest}", {"lowest": lowest, "highest": highest}
            )
        return value

    return AfterValidator(check)


class Limits(Part):
    """What one server takes at most."""

    body_bytes: Annotated[StrictInt, _between(1024, 2**30)] = Field(
        default=2**20, description="Largest body of a request; larger ones get 413 before they are read."
    )
    connections: Annotated[StrictInt, _between(8, 100_000)] = Field(
        default=900, description="Connections at a time; further ones get 503."
    )
    streams: Annotated[StrictInt, _between(1, 100_000)] = Field(
        default=512, description="Browsers that watch at a time; further ones get 503."
    )
    waiting_tasks: Annotated[StrictInt, _between(1, 1_000_000)] = Field(
        default=1000, description="Tasks that may wait in the queue; further ones get 429."
    )
    login_hours: Annotated[StrictInt, _between(1, 24 * 366)] = Field(
        default=168, description="Hours after which a login ends."
    )


class Threshold(Part):
    """When a metric's value is worth a message."""

    metric: Text = Field(description="The metric's name.")
    above: Seconds | None = Field(default=None, description="Tell when it is larger than this,")
    below: Seconds | None = Field(default=None, description="or smaller than this.")

    @model_validator(mode="after")
    def _check(self) -> "Threshold":
        if self.above is None and self.below is None:
            raise PydanticCustomError("threshold", 'has neither "above" nor "below"')
        return self

    def broken_by(self, value: float) -> bool:
        """Whether ``value`` is worth telling; NaN is not."""
        return (self.above is not None and value > self.above) or (self.below is not None and value < self.below)

    def __str__(self) -> str:
        limits = (("above", self.above), ("below", self.below))
        return " or ".join(f"{word} {limit:g}" for word, limit in limits if limit is not None)


class Email(Part):
    """An SMTP server to send through."""

    host: Text = Field(description="Name of the SMTP server.")
    port: Annotated[StrictInt, _between(1, 65535)] = Field(default=587, description="Its port.")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="`starttls` (port 587), `tls` (port 465), or `none`, which sends readably."
    )
    user: Text | None = Field(default=None, description="User name, if it wants one.")
    password: Text | None = Field(default=None, repr=False, description="Password of that user.")
    sender: Text = Field(description="Address that it comes from.")
    recipients: Annotated[list[Text], Field(min_length=1)] = Field(description="Addresses that it goes to.")

    @field_validator("host")
    @classmethod
    def _check_host(cls, host: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_.:-]+", host):
            raise PydanticCustomError("host", "is no host name")
        return host

    @field_validator("sender", "recipients")
    @classmethod
    def _check_addresses(cls, value: str | list[str]) -> str | list[str]:
        for address in [value] if isinstance(value, str) else value:
            if not re.fullmatch(r"[^\s@,;<>\"]+@[^\s@,;<>\"]+", address):
                raise PydanticCustomError("address", "holds what is no e-mail address")
        return value


Happening = Literal["finished", "failed", "killed", "stale", "nan", "threshold"]


class Notify(Part):
    """Who is told of what."""

    on: list[Happening] = Field(
        default=["failed", "stale", "nan", "threshold"],
        description="What is told: `finished`, `failed`, `killed`, `stale` (not heard of any more), `nan` (a metric is"
        " NaN or infinite), `threshold`.",
    )
    webhooks: list[Text] = Field(
        default_factory=list,
        repr=False,
        description="Addresses of incoming webhooks as Slack, Mattermost and others have them.",
    )
    email: Email | None = Field(default=None, description="An SMTP server to send through; see below.")
    thresholds: list[Threshold] = Field(
        default_factory=list, description='Such as `{"metric": "loss", "above": 10}`; each is told once a run.'
    )

    @field_validator("webhooks")
    @classmethod
    def _check_webhooks(cls, urls: list[str]) -> list[str]:
        for url in urls:
            try:
                parts = urlsplit(url)
                good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
            except ValueError:
                good = False
            if not good or not url.isascii() or not url.isprintable() or " " in url or parts.username is not None:
                raise PydanticCustomError("webhook", "holds what is no http or https address")
        return urls


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches ``host``."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def expand(path: str) -> str:
    """``path`` with ``~``, ``$USER`` and other variables of the environment put in.

    Raises:
        PydanticCustomError: a variable is not set, or a user does not exist. It is a ``ValueError``.
    """

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
