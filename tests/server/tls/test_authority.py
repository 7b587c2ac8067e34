from __future__ import annotations

import datetime
import ipaddress
import shutil
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509

from ailab_server.tls import authority as module
from ailab_server.tls.authority import LEAF_DAYS, Authority, fingerprint

NAMES = ["gpu1", "gpu1.local", "localhost"]
LOOPBACK = ipaddress.ip_address("127.0.0.1")
LAN = ipaddress.ip_address("192.168.7.5")
PUBLIC = ipaddress.ip_address("203.0.113.7")


@pytest.fixture
def authority() -> Authority:
    return Authority.create("gpu1", NAMES, [LOOPBACK, PUBLIC])


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Set the date so many days from now."""
    real = module._now

    def move(days: int) -> None:
        monkeypatch.setattr(module, "_now", lambda: real() + datetime.timedelta(days=days))

    return move


def test_a_certificate_has_the_names_and_addresses_and_a_good_life(authority: Authority) -> None:
    leaf = x509.load_pem_x509_certificate(authority.issue(NAMES, [LOOPBACK, LAN]))
    held = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert held.get_values_for_type(x509.DNSName) == NAMES
    assert held.get_values_for_type(x509.IPAddress) == [LOOPBACK, LAN]
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc <= datetime.timedelta(days=LEAF_DAYS)
    assert leaf.not_valid_before_utc < datetime.datetime.now(datetime.UTC)
    leaf.verify_directly_issued_by(authority.certificate)
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


@pytest.mark.parametrize(
    ("name", "permitted"),
    [
        ("gpu1", True), ("gpu1.local", True), ("a.gpu1.local", True), ("*.gpu1.local", True), ("gpu2", False),
        ("evilgpu1", False), ("gpu1.example.org", False), ("google.com", False), (LAN, True), (LOOPBACK, True),
        (PUBLIC, True), (ipaddress.ip_address("203.0.113.8"), False), (ipaddress.ip_address("::1"), True),
        (ipaddress.ip_address("2001:db8::1"), False), (ipaddress.ip_address("fd00::1"), True),
    ],
)  # fmt: skip
def test_the_ca_is_for_this_machine_and_private_addresses_only(
    authority: Authority, name: str, permitted: bool
) -> None:
    assert authority.permits(name) is permitted


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
@pytest.mark.parametrize(
    ("names", "addresses", "good"),
    [(NAMES, [LOOPBACK, LAN, PUBLIC], True), (["google.com"], [], False), ([], ["203.0.113.8"], False)],
)
def test_openssl_holds_the_ca_to_it(
    authority: Authority, tmp_path: Path, names: list[str], addresses: list[object], good: bool
) -> None:
    ca, leaf = tmp_path / "ca.pem", tmp_path / "leaf.pem"
    ca.write_bytes(authority.public_pem())
    leaf.write_bytes(authority.issue(names, [ipaddress.ip_address(str(one)) for one in addresses]))
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", str(ca), str(leaf)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is good, done.stdout + done.stderr
    assert good or "permitted subtree violation" in done.stderr


def test_a_ca_comes_back_from_its_file_and_a_damaged_one_does_not(authority: Authority) -> None:
    pem = authority.to_pem()
    assert Authority.from_pem(pem).certificate == authority.certificate
    other = Authority.create("x", ["x"], [])
    with pytest.raises(ValueError, match="not that of the certificate"):
        Authority.from_pem(other.to_pem().split(b"-----BEGIN CERT")[0] + authority.public_pem())
    for damaged in (b"", pem[:200], authority.public_pem()):
        with pytest.raises(ValueError):
            Authority.from_pem(damaged)


def test_when_a_certificate_is_no_longer_fresh(authority: Authority, at: Callable[[int], None]) -> None:
    leaf = authority.issue(NAMES, [LOOPBACK])
    assert authority.is_fresh(leaf, NAMES, [LOOPBACK])
    assert not authority.is_fresh(leaf, NAMES, [LOOPBACK, LAN])
    assert not authority.is_fresh(leaf, NAMES[1:], [LOOPBACK])
    assert not authority.is_fresh(b"rubbish", NAMES, [LOOPBACK])
    assert not Authority.create("gpu1", NAMES, []).is_fresh(leaf, NAMES, [LOOPBACK])
    for days, fresh in ((LEAF_DAYS - 40, True), (LEAF_DAYS - 20, False), (-10, False)):
        at(days)
        assert authority.is_fresh(leaf, NAMES, [LOOPBACK]) is fresh, days


def test_a_certificate_ends_with_its_ca(authority: Authority, at: Callable[[int], None]) -> None:
    at(3500)
    leaf = x509.load_pem_x509_certificate(authority.issue(NAMES, []))
    assert leaf.not_valid_after_utc == authority.certificate.not_valid_after_utc
    assert not authority.expired
    at(3660)
    assert authority.expired


def test_the_fingerprint_is_the_one_that_browsers_show(authority: Authority) -> None:
    import hashlib

    der = ssl.PEM_cert_to_DER_cert(authority.public_pem().decode())
    shown = fingerprint(authority.certificate)
    assert shown.replace(":", "").lower() == hashlib.sha256(der).hexdigest()
    assert len(shown) == 95
