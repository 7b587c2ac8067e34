"""The machine: it boots, runs one Python program as root with this machine's files below its feet, and is gone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sharing.packages import Parts

__all__ = ["load_order", "run"]

_HERE = Path(__file__).parent
_FIRST = ("virtio_pci", "9pnet_virtio", "9p", "overlay")
_DISK = 1 << 30


def run(parts: Parts, folder: Path, program: Sequence[str], variables: dict[str, str], kvm: bool, limit: float) -> int:
    """Boot, run ``program``, power off.

    The program finds a writable folder at /run/out, which is ``folder``/out here; an ext4 on a disk of its own is
    mounted at /srv/disk, /srv/writer and /srv/reader are two clients' mounts of its folder ``export``, as
    ``guest.sh`` says.

    Args:
        folder: for what the machine needs; everything in it but the parts is made anew.
        program: the command, whose files are this machine's.
        variables: environment variables of the program, besides PATH and HOME.
        kvm: the processor runs the guest itself, which needs a /dev/kvm that works; else QEMU translates every
            instruction.
        limit: seconds until it is ended.

    Returns:
        The program's exit code.

    Raises:
        RuntimeError: the machine ended before the program did, and the console's last lines are in the message; or
            it was not done after ``limit``.
    """
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    first = _first_file_system(parts, folder / "first")
    disk = folder / "disk"
    disk.unlink(missing_ok=True)
    with disk.open("wb") as file:
        file.truncate(_DISK)
    env = {"PATH": "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin", "HOME": "/root", **variables}
    job = {"command": [sys.executable, *program], "env": env, "cwd": str(Path.cwd())}
    (out / "job.json").write_text(json.dumps(job))
    (out / "guest").write_text(f"{_HERE / 'guest.sh'}\n{sys.executable}\n")
    console = out / "console.log"
    command = [
        "qemu-system-x86_64",
        *(("-accel", "kvm", "-cpu", "host") if kvm else ("-accel", "tcg,thread=multi", "-cpu", "Nehalem")),
        *("-m", "2048", "-smp", "2", "-no-reboot", "-nodefaults", "-display", "none", "-net", "none"),
        *("-serial", f"file:{console}", "-kernel", str(parts.kernel), "-initrd", str(first)),
        *("-append", "console=ttyS0 panic=-1 loglevel=4"),
        *("-drive", f"file={disk},format=raw,if=virtio"),
        *_folder("host", Path("/"), "on"),
        *_folder("parts", parts.root, "on"),
        *_folder("out", out, "off"),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        process.wait(limit)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"the machine was not done after {limit:g} s") from error
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        disk.unlink()
    code = out / "exit-code"
    if not code.exists():
        last = console.read_text("utf-8", "replace").splitlines()[-30:] if console.exists() else []
        raise RuntimeError("\n".join(["the machine ended by itself", *last]))
    return int(code.read_text())


def _folder(name: str, path: Path, read_only: str) -> tuple[str, ...]:
    where = f"local,id={name},path={path},security_model=none,readonly={read_only},multidevs=remap"
    return ("-fsdev", where, "-device", f"virtio-9p-pci,fsdev={name},mount_tag={name}")


def _first_file_system(parts: Parts, folder: Path) -> Path:
    """Busybox, the modules that reach this machine's files, and ``first.sh`` as /init."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("bin", "modules"):
        (folder / name).mkdir(parents=True)
    shutil.copy(parts.busybox, folder / "bin/busybox")
    shutil.copy(_HERE / "first.sh", folder / "init")
    (folder / "init").chmod(0o755)
    order = load_order(parts)
    for path in order:
        shutil.copy(parts.modules / path, folder / "modules" / Path(path).name)
    (folder / "modules/order").write_text("".join(f"{Path(path).name}\n" for path in order))
    image = folder.with_name("first.cpio")
    with image.open("wb") as file:
        names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
        cpio = [str(parts.busybox), "cpio", "-o", "-H", "newc"]
        subprocess.run(
            cpio, input="\n".join(names).encode(), stdout=file, stderr=subprocess.DEVNULL, cwd=folder, check=True
        )
    return image


def load_order(parts: Parts) -> list[str]:
    """The files of the modules that the first file system needs, each after those that it needs itself."""
    needs: dict[str, list[str]] = {}
    for line in (parts.modules / "modules.dep").read_text().splitlines():
        path, _, others = line.partition(":")
        needs[path] = others.split()
    files = {Path(path).name.split(".")[0].replace("-", "_"): path for path in needs}
    order: dict[str, None] = {}

    def add(path: str) -> None:
        for other in needs[path]:
            add(other)
        order[path] = None

    for name in _FIRST:
        if name in files:  # else it is part of the kernel
            add(files[name])
    return list(order)
