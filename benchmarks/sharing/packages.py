"""What the machine is made of: Debian's packages, downloaded and unpacked into a folder, not installed."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Parts", "missing", "unpack"]

_NFS = ("nfs-kernel-server", "nfs-common", "rpcbind", "keyutils")
_TOOLS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
    "tar": "tar",
    "mkfs.ext4": "e2fsprogs",
    "ip": "iproute2",
    "unshare": "util-linux",
}
_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True)
class Parts:
    """The unpacked packages.

    Attributes:
        root: laid over this machine's ``/`` in the guest; usr/lib/modules has the kernel's modules.
        version: the kernel's, as ``uname -r`` will say.
    """

    root: Path
    version: str

    @property
    def kernel(self) -> Path:
        """What QEMU boots."""
        return self.root / "boot" / f"vmlinuz-{self.version}"

    @property
    def busybox(self) -> Path:
        """Linked statically: the shell of the first file system."""
        found = [path for path in (self.root / "usr/bin/busybox", self.root / "bin/busybox") if path.exists()]
        return found[0]

    @property
    def modules(self) -> Path:
        """The folder of the kernel's modules, which has a modules.dep."""
        return self.root / "usr/lib/modules" / self.version


def missing() -> list[str]:
    """What this machine lacks, a sentence each; empty when the machine can be made."""
    found = []
    if platform.machine() != "x86_64":
        found.append(f"the guest is an x86-64 and sees this machine's programs, which are for {platform.machine()}")
    for tool, package in _TOOLS.items():
        if shutil.which(tool, path=_PATH) is None:
            found.append(f"{tool} is not there (Debian: apt-get install --no-install-recommends {package})")
    return found


def unpack(folder: Path) -> Parts:
    """The parts, downloaded by apt-get where ``folder`` does not have them yet. Needs no root.

    Raises:
        RuntimeError: apt-get or dpkg-deb failed; the message has what it said.
    """
    root, mark = folder / "root", folder / "kernel-version"
    if not mark.exists():
        shutil.rmtree(root, ignore_errors=True)
        archives = folder / "archives"
        archives.mkdir(parents=True, exist_ok=True)
        (root / "usr").mkdir(parents=True)
        for name in ("bin", "sbin", "lib"):  # as Debian has them, or whole folders would hide this machine's
            (root / "usr" / name).mkdir()
            (root / name).symlink_to(f"usr/{name}")
        kernel = _kernel()
        _run("apt-get", "download", kernel, "busybox-static", *_not_installed(), cwd=archives)
        for archive in sorted(archives.glob("*.deb")):
            tar = f"dpkg-deb --fsys-tarfile '{archive}' | tar -x --keep-directory-symlink -C '{root}'"
            _run("bash", "-o", "pipefail", "-c", tar)
        shutil.rmtree(archives)
        parts = Parts(root, kernel.removeprefix("linux-image-"))
        _run(str(parts.busybox), "depmod", "-b", str(root), parts.version)
        mark.write_text(parts.version)
    return Parts(root, mark.read_text())


def _kernel() -> str:
    """The package that today's linux-image-amd64 stands for."""
    found = re.search(r"linux-image-[0-9]\S+", _run("apt-cache", "depends", "linux-image-amd64"))
    if found is None:
        raise RuntimeError("apt-cache knows no kernel: apt-get update")
    return found.group()


def _not_installed() -> list[str]:
    """NFS and what it needs, as far as this machine, whose files the guest sees, does not have it."""
    plan = _run("apt-get", "--simulate", "install", "--no-install-recommends", *_NFS)
    return [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]


def _run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
