from __future__ import annotations

import ipaddress
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ailab_server.config import ServerConfig
from ailab_server.tls import addresses
from ailab_server.tls.authority import Authority
from ailab_server.tls.certificate import FileCertificate, MachineCertificate, TlsError, certificate_of, tls_folder

LOOPBACK = ipaddress.ip_address("127.0.0.1")


def test_the_first_server_makes_a_ca_and_the_next_takes_it(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "tls"
    first = MachineCertificate(folder, [])
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {
        "authority.pem": 0o600, "server.pem": 0o600, "ca.pem": 0o644,
    }  # fmt: skip
    assert b"PRIVATE" not in first.ca_file.read_bytes()
    served = first.file.read_bytes()
    second = MachineCertificate(folder, [])
    assert second.fingerprint == first.fingerprint
    assert second.file.read_bytes() == served


def test_another_address_makes_another_certificate_under_the_same_ca(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = MachineCertificate(tmp_path, [])
    assert not certificate.refresh()
    context, fingerprint = certificate.context, certificate.fingerprint
    monkeypatch.setattr(addresses, "own_addresses", lambda: [LOOPBACK, ipaddress.ip_address("10.9.8.7")])
    assert certificate.refresh()
    assert certificate.context is not context
    assert certificate.fingerprint == fingerprint
    assert not certificate.refresh()


def test_a_name_that_the_ca_is_not_for_is_left_out_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    MachineCertificate(tmp_path, [])
    later = MachineCertificate(tmp_path, ["gpu.example.org"])
    later.refresh()
    said = [record.getMessage() for record in caplog.records if "leaves out" in record.getMessage()]
    assert len(said) == 1
    assert "gpu.example.org" in said[0] and "authority.pem" in said[0]


def test_a_ca_that_is_over_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first = MachineCertificate(tmp_path, []).fingerprint
    ends = iter([True])
    monkeypatch.setattr(Authority, "expired", property(lambda self: next(ends, False)))
    assert MachineCertificate(tmp_path, []).fingerprint != first
    assert "a new one is made" in caplog.text


def test_a_damaged_ca_is_said_and_not_silently_replaced(tmp_path: Path) -> None:
    MachineCertificate(tmp_path, [])
    (tmp_path / "authority.pem").write_bytes(b"rubbish")
    with pytest.raises(TlsError, match=r"authority\.pem is damaged .*; remove it to make a new CA"):
        MachineCertificate(tmp_path, [])


def test_a_damaged_certificate_is_made_anew(tmp_path: Path) -> None:
    first = MachineCertificate(tmp_path, [])
    first.file.write_bytes(first.file.read_bytes()[:300])
    assert MachineCertificate(tmp_path, []).fingerprint == first.fingerprint


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TlsError, match="name a folder in state_dir"):
        MachineCertificate(tmp_path / "file" / "tls", [])


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return renew(tmp_path)


def renew(folder: Path) -> tuple[Path, Path]:
    """A certificate and its key in files of their own, as an ACME client leaves them."""
    pem = Authority.create("x", ["x"], []).issue(["x"], [LOOPBACK])
    key, _, cert = pem.partition(b"-----BEGIN CERT")
    files = folder / "cert.pem", folder / "key.pem"
    for file, content in zip(files, (b"-----BEGIN CERT" + cert, key), strict=True):
        temporary = file.with_suffix(".new")
        temporary.write_bytes(content)
        temporary.replace(file)
    return files


def test_renewed_files_are_read_again(files: tuple[Path, Path], tmp_path: Path) -> None:
    certificate = FileCertificate(*files)
    context = certificate.context
    assert not certificate.refresh()
    renew(tmp_path)
    assert certificate.refresh()
    assert certificate.context is not context


def test_while_only_one_of_the_files_is_renewed_the_old_ones_stay(
    files: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certificate = FileCertificate(*files)
    context, old_key = certificate.context, files[1].read_bytes()
    renew(tmp_path)
    new_key = files[1].read_bytes()
    files[1].write_bytes(old_key)
    assert not certificate.refresh()
    assert certificate.context is context
    assert "not taken yet" in caplog.text
    files[1].write_bytes(new_key)
    assert certificate.refresh()
    files[0].unlink()
    assert not certificate.refresh()


def test_files_that_are_no_certificate_are_one_line(files: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(TlsError, match="do not belong together"):
        FileCertificate(files[0], files[0])
    with pytest.raises(TlsError, match="No such file"):
        FileCertificate(files[0], tmp_path / "none")


def test_a_key_with_a_passphrase_does_not_wait_for_someone_to_type_it(files: tuple[Path, Path]) -> None:
    from cryptography.hazmat.primitives import serialization as s

    key = s.load_pem_private_key(files[1].read_bytes(), None)
    sealed = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.BestAvailableEncryption(b"secret"))
    files[1].write_bytes(sealed)
    with pytest.raises(TlsError):
        FileCertificate(*files)


def test_what_the_config_asks_for(
    make_config: Callable[..., ServerConfig], files: tuple[Path, Path], tmp_path: Path
) -> None:
    own = certificate_of(make_config(tls={"cert": str(files[0]), "key": str(files[1])}))
    assert isinstance(own, FileCertificate)
    made = certificate_of(make_config(tls="auto", state_dir=str(tmp_path / "s")))
    assert isinstance(made, MachineCertificate)
    assert made.ca_file == tmp_path / "s" / "tls" / "ca.pem"


def test_a_machine_has_a_folder_of_its_own_in_a_shared_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr("socket.gethostname", lambda: "GPU1.lab.example")
    assert tls_folder(None) == tmp_path / "ailab-server" / "gpu1" / "tls"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tls_folder(None) == tmp_path / ".local" / "state" / "ailab-server" / "gpu1" / "tls"


def test_the_addresses_are_this_machines() -> None:
    import socket

    found = addresses.own_addresses()
    assert found[0] == LOOPBACK
    assert len(found) == len(set(found))
    for address in found:  # one can listen on each of one's own, and on no other
        if address.version == 4:
            with socket.socket() as one:
                one.bind((str(address), 0))


@pytest.mark.parametrize(
    ("name", "there"),
    [("gpu.example.org", True), ("*.Example.org", True), ("bad name", False), ("x" * 254, False), ("ü.de", False)],
)
def test_names_that_a_certificate_can_hold(name: str, there: bool) -> None:
    assert (name.lower() in addresses.dns_names([name])) is there
    assert "localhost" in addresses.dns_names([])


def test_no_temporary_file_is_left(tmp_path: Path) -> None:
    MachineCertificate(tmp_path, [])
    assert {file.name for file in tmp_path.iterdir()} == {"authority.pem", "ca.pem", "server.pem"}


def test_a_server_on_loopback_does_not_wait_for_cryptography() -> None:
    code = "import sys, ailab_server.serve, ailab_server.tls.trust; print('cryptography' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
