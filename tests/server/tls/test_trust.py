from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ailab_server.tls.authority import Authority, fingerprint
from ailab_server.tls.trust import TrustError, commands, read_ca

AUTHORITY = Authority.create("gpu1", ["gpu1"], [])


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    file = tmp_path / "ca.pem"
    file.write_bytes(AUTHORITY.public_pem())
    return file


@pytest.fixture
def trust(tmp_path: Path, ca: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """``ailab-server trust`` of a user with an empty home, on a machine whose certutil writes down its arguments."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("certutil", "security"):
        (programs / name).write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/called\nexit ${{FAIL:-0}}\n')
        (programs / name).chmod(0o755)

    def run(*arguments: str, input: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        variables = {**os.environ, "HOME": str(tmp_path / "home"), "PATH": f"{programs}", **environment}
        command = [sys.executable, "-m", "ailab_server", "trust", *arguments]
        return subprocess.run(command, input=input, capture_output=True, text=True, timeout=60, env=variables)

    return run


@pytest.mark.skipif(sys.platform != "linux", reason="other systems import it otherwise")
def test_it_shows_the_fingerprint_asks_and_imports(
    trust: Callable[..., subprocess.CompletedProcess[str]], ca: Path, tmp_path: Path
) -> None:
    refused = trust(str(ca), input="n\n")
    assert refused.returncode == 1
    assert f"SHA-256 {fingerprint(AUTHORITY.certificate)}" in refused.stdout
    assert "nothing was changed" in refused.stderr
    assert not (tmp_path / "called").exists()
    done = trust(str(ca), input="y\n")
    assert done.returncode == 0, done.stderr
    database = f"sql:{tmp_path}/home/.pki/nssdb"
    assert (tmp_path / "called").read_text().splitlines() == [
        f"-N --empty-password -d {database}",
        f"-A -d {database} -t C,, -n AI Lab CA of gpu1 -i {ca}",
    ]


def test_a_failing_and_a_missing_program_are_one_line(
    trust: Callable[..., subprocess.CompletedProcess[str]], ca: Path
) -> None:
    failed = trust(str(ca), "--yes", FAIL="3")
    assert (failed.returncode, failed.stderr.count("\n")) == (1, 1)
    assert "failed: exit code 3" in failed.stderr
    missing = trust(str(ca), "--yes", PATH="/nonexistent")
    assert missing.returncode == 1
    assert "is needed" in missing.stderr and str(ca) in missing.stderr


def test_only_a_ca_of_a_server_is_imported(ca: Path, tmp_path: Path) -> None:
    assert read_ca(ca) == ("AI Lab CA of gpu1", fingerprint(AUTHORITY.certificate))
    leaf = tmp_path / "leaf.pem"
    leaf.write_bytes(AUTHORITY.issue(["gpu1"], []).partition(b"-----BEGIN CERT")[2].join([b"-----BEGIN CERT", b""]))
    (tmp_path / "rubbish.pem").write_text("x")
    for name in ("leaf.pem", "rubbish.pem"):
        with pytest.raises(TrustError, match="is no CA that an ailab-server made"):
            read_ca(tmp_path / name)
    with pytest.raises(TrustError, match="cannot be read: No such file"):
        read_ca(tmp_path / "none.pem")


def test_each_system_has_its_own_way(tmp_path: Path) -> None:
    file = Path("/ca.pem")
    (mac,) = commands(file, "CA", "darwin", tmp_path)
    assert mac[:4] == ["security", "add-trusted-cert", "-r", "trustRoot"]
    assert commands(file, "CA", "win32", tmp_path) == [["certutil", "-user", "-addstore", "Root", "/ca.pem"]]
    (tmp_path / ".pki" / "nssdb").mkdir(parents=True)
    (linux,) = commands(file, "CA", "linux", tmp_path)
    assert linux == ["certutil", "-A", "-d", f"sql:{tmp_path}/.pki/nssdb", "-t", "C,,", "-n", "CA", "-i", "/ca.pem"]


@pytest.mark.skipif(shutil.which("certutil") is None or sys.platform != "linux", reason="needs NSS's certutil")
def test_the_real_certutil_takes_it(ca: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    command = [sys.executable, "-m", "ailab_server", "trust", str(ca), "--yes"]
    for _ in range(2):
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, env={**os.environ, "HOME": str(home)}
        )
        assert done.returncode == 0, done.stderr
    listed = subprocess.run(
        ["certutil", "-L", "-d", f"sql:{home}/.pki/nssdb"], capture_output=True, text=True, check=True
    )
    assert "AI Lab CA of gpu1" in listed.stdout
