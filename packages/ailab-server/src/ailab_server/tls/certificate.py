"""What a server shows to browsers: its own certificate, made here, or files that someone else renews."""

import logging
import os
import secrets
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ailab_server.config import ServerConfig
from ailab_server.config.parts import TlsFiles

if TYPE_CHECKING:
    from ailab_server.tls.authority import Authority

__all__ = ["FileCertificate", "MachineCertificate", "TlsError", "certificate_of", "tls_folder"]

_log = logging.getLogger(__name__)


class TlsError(Exception):
    """There is no certificate to show; the message names the config's key and says why."""


class Certificate(Protocol):
    """Something to encrypt with."""

    context: ssl.SSLContext
    """For connections from now on."""

    def refresh(self) -> bool:
        """Renew, or read what was renewed; whether there is a new ``context``. May be slow: not for the event loop."""


def certificate_of(config: ServerConfig) -> "FileCertificate | MachineCertificate":
    """What the config asks for, ready to use.

    Raises:
        TlsError: it is not to be had.
    """
    if isinstance(config.tls, TlsFiles):
        return FileCertificate(Path(config.tls.cert), Path(config.tls.key))
    return MachineCertificate(tls_folder(config.state_dir), config.allowed_hosts)


def tls_folder(state_dir: str | None) -> Path:
    """Where this machine's CA and certificate are kept. A home on a network share has one folder a machine."""
    if state_dir is not None:
        return Path(state_dir) / "tls"
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "ailab-server" / _machine() / "tls"


class FileCertificate:
    """A certificate and key in files, read again when they change."""

    def __init__(self, cert: Path, key: Path) -> None:
        self._files = (cert, key)
        self._read_at: list[tuple[int, int]] = []
        self.context = self._load()

    def refresh(self) -> bool:
        """Read the files if they are others; while they do not belong together the old ones stay in use."""
        try:
            if self._stamps() == self._read_at:
                return False
            self.context = self._load()
        except (OSError, TlsError) as error:
            _log.warning("the renewed certificate is not taken yet: %s", error)
            return False
        _log.info("the certificate %s was renewed", self._files[0])
        return True

    def _load(self) -> ssl.SSLContext:
        cert, key = self._files
        try:
            stamps = self._stamps()
            context = _context(cert, key)
        except OSError as error:  # ssl.SSLError is one
            why = "do not belong together, or are no PEM files" if isinstance(error, ssl.SSLError) else error.strerror
            raise TlsError(f"tls: {str(cert)!r} and {str(key)!r}: {why}") from None
        except ValueError as error:
            raise TlsError(f"tls: {str(cert)!r} and {str(key)!r}: {error}") from None
        self._read_at = stamps
        return context

    def _stamps(self) -> list[tuple[int, int]]:
        # The inode too: an ACME client replaces a link's target.
        return [(status.st_ino, status.st_mtime_ns) for status in (file.stat() for file in self._files)]


class MachineCertificate:
    """A certificate that this machine's own CA signs, for all its names and addresses; both kept in ``folder``.

    Args:
        folder: is made if it is missing; only its owner can enter it.
        more: further names under which the machine is reached.
    """

    def __init__(self, folder: Path, more: Sequence[str]) -> None:
        self._folder = folder
        self._more = list(more)
        self._left_out: list[str] = []
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.authority = self._the_authority()
            self._renew()
            self.context = _context(self.file, None)
        except OSError as error:
            raise TlsError(
                f"tls: a certificate cannot be kept in {str(folder)!r}: {error.strerror or error};"
                " name a folder in state_dir, or certificate and key in tls"
            ) from None

    @property
    def file(self) -> Path:
        """Key, certificate and CA, as servers read them."""
        return self._folder / "server.pem"

    @property
    def ca_file(self) -> Path:
        """The CA's certificate, for browsers."""
        return self._folder / "ca.pem"

    @property
    def fingerprint(self) -> str:
        """The CA's SHA-256."""
        from ailab_server.tls.authority import fingerprint

        return fingerprint(self.authority.certificate)

    def refresh(self) -> bool:
        """Make a new certificate when the old one nears its end or the machine has other names or addresses."""
        try:
            if not self._renew():
                return False
            self.context = _context(self.file, None)
        except OSError as error:
            _log.warning("the certificate cannot be renewed in %s: %s", self._folder, error)
            return False
        _log.info("the certificate was renewed: %s", self.file)
        return True

    def _the_authority(self) -> "Authority":
        from ailab_server.tls.addresses import dns_names, own_addresses
        from ailab_server.tls.authority import Authority

        file = self._folder / "authority.pem"
        for _ in range(2):
            try:
                found = Authority.from_pem(file.read_bytes())
            except FileNotFoundError:
                pass
            except ValueError as error:
                raise OSError(0, f"{file.name} is damaged ({error}); remove it to make a new CA") from None
            else:
                if not found.expired:
                    _write(self.ca_file, found.public_pem(), 0o644)
                    return found
                _log.warning("the CA in %s is over; a new one is made, which browsers have to be told of", file)
                file.unlink(missing_ok=True)
            made = Authority.create(_machine(), dns_names(self._more), own_addresses())
            _write(file, made.to_pem(), 0o600, new=True)  # another server that was faster wins
        return self._the_authority()

    def _renew(self) -> bool:
        from ailab_server.tls.addresses import dns_names, own_addresses

        names, addresses = dns_names(self._more), own_addresses()
        refused = [name for name in (*names, *addresses) if not self.authority.permits(name)]
        left_out = [str(name) for name in refused]
        if left_out and left_out != self._left_out:
            file = self._folder / "authority.pem"
            names_left = ", ".join(left_out)
            _log.warning("the certificate leaves out %s: its CA is older; remove %s to make one", names_left, file)
        self._left_out = left_out
        names = [name for name in names if name not in refused]
        addresses = [address for address in addresses if address not in refused]
        try:
            held = self.file.read_bytes()
        except FileNotFoundError:
            held = b""
        if self.authority.is_fresh(held, names, addresses):
            return False
        _write(self.file, self.authority.issue(names, addresses), 0o600)
        return True


def _context(cert: Path, key: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    # A password of its own, for else OpenSSL would ask for one at the terminal and wait.
    context.load_cert_chain(cert, key, password="")
    return context


def _write(file: Path, content: bytes, mode: int, new: bool = False) -> None:
    """Put ``content`` there whole or not at all; ``new`` leaves one that is there already."""
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(fd, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if new:
            try:
                os.link(temporary, file)
            except FileExistsError:
                return
        else:
            temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def _machine() -> str:
    name = socket.gethostname().partition(".")[0].lower()
    return "".join(c for c in name if c.isalnum() or c in "-_") or "machine"
