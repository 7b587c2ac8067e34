"""Making this user's browsers accept a server's CA: ``ailab-server trust``."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["TrustError", "commands", "import_ca", "read_ca"]

_SECONDS = 120  # macOS asks for the user's password


class TrustError(Exception):
    """The CA was not imported; the message says why and what to do."""


def read_ca(file: Path) -> tuple[str, str]:
    """The name and the SHA-256 fingerprint of the CA in a PEM file.

    Raises:
        TrustError: it holds none.
    """
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    from ailab_server.tls.authority import fingerprint

    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        ca = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        constrained = certificate.extensions.get_extension_for_class(x509.NameConstraints)
    except OSError as error:
        raise TrustError(f"{file}: cannot be read: {error.strerror}") from None
    except (ValueError, x509.ExtensionNotFound):
        raise TrustError(f"{file}: is no CA that an ailab-server made") from None
    # Importing a CA hands it the browser: one that is not held to its machine's names is not ours to import.
    if not ca or not constrained.value.permitted_subtrees:
        raise TrustError(f"{file}: is no CA that an ailab-server made")
    (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME) or (None,)
    return (str(name.value) if name is not None else "AI Lab CA"), fingerprint(certificate)


def commands(file: Path, name: str, platform: str = sys.platform, home: Path | None = None) -> list[list[str]]:
    """What imports ``file`` for this user, step by step."""
    home = Path.home() if home is None else home
    if platform == "darwin":
        keychain = home / "Library" / "Keychains" / "login.keychain-db"
        return [["security", "add-trusted-cert", "-r", "trustRoot", "-k", str(keychain), str(file)]]
    if platform == "win32":
        return [["certutil", "-user", "-addstore", "Root", str(file)]]
    # Chromium and Chrome on Linux read this database; Firefox has one of its own for each profile.
    database = home / ".pki" / "nssdb"
    first = [] if database.exists() else [["certutil", "-N", "--empty-password", "-d", f"sql:{database}"]]
    return [*first, ["certutil", "-A", "-d", f"sql:{database}", "-t", "C,,", "-n", name, "-i", str(file)]]


def import_ca(file: Path, steps: Sequence[Sequence[str]]) -> None:
    """Run ``steps``.

    Raises:
        TrustError: a program is missing or fails.
    """
    program = steps[0][0]
    if shutil.which(program) is None:
        hint = " (Debian and Ubuntu: apt install libnss3-tools)" if sys.platform == "linux" else ""
        raise TrustError(f"the program {program} is needed{hint}; or import {file} in the browser's settings")
    if "-N" in steps[0]:
        Path(steps[0][-1].removeprefix("sql:")).mkdir(mode=0o700, parents=True, exist_ok=True)
    for step in steps:
        try:
            done = subprocess.run(step, capture_output=True, text=True, timeout=_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise TrustError(f"{program} cannot be run: {error}") from None
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise TrustError(f"{program} failed: {said[-1] if said else f'exit code {done.returncode}'}")
