"""The peers' virtual environments: their pins conflict, so that each has one of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from recording.peers import PEERS, Peer

__all__ = ["ENVIRONMENTS", "build", "python_of", "versions"]

ENVIRONMENTS: dict[str, tuple[tuple[str, ...], ...]] = {
    # torch first and by itself: whatever depends on it is then content with the build that the constraints name.
    "tensorboard": (("torch",), ("tensorboard", "numpy", "pillow")),
    "tensorboardX": (("tensorboardX", "tensorboard", "numpy", "pillow"),),  # without torch it starts much faster
    "trackio": (("trackio", "numpy", "pillow"),),
    "aim": (("aim", "numpy", "pillow"),),
    "wandb": (("wandb", "numpy", "pillow"),),
    "mlflow": (("mlflow", "numpy", "pillow"),),
    "dvclive": (("dvclive", "numpy", "pillow"),),
    "sacred": (("sacred", "numpy", "pillow", "setuptools<81"),),  # it imports pkg_resources
}
"""Environment to what is installed into it, one pip after the other."""

CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"


def build(folder: Path, names: Iterable[str]) -> None:
    """Make the environments ``folder/<name>`` that are not there yet, with pip.

    Raises:
        subprocess.CalledProcessError: pip failed; its output was shown.
    """
    for name in names:
        done = folder / name / "complete"
        if done.exists():
            continue
        print(f"building {folder / name}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder / name)], check=True)
        for packages in ENVIRONMENTS[name]:
            command = [_python(folder / name), "-m", "pip", "install", "-q", *packages]
            constrained = ["-c", str(CONSTRAINTS)] if "torch" in packages else []
            subprocess.run([*command, *constrained], check=True, stdout=sys.stderr)
        done.touch()


def python_of(peer: Peer, folder: Path | None) -> str | None:
    """The interpreter that has this peer: that of its environment, else the running one, if it is installed there."""
    if folder is not None and (folder / peer.environment / "bin" / "python").exists() and peer.environment:
        return _python(folder / peer.environment)
    return sys.executable if versions(sys.executable, peer) is not None else None


def versions(python: str, peer: Peer) -> dict[str, str] | None:
    """The versions of the peer's distributions in that environment; None if one is missing."""
    script = (
        "import importlib.metadata as m, json, sys\n"
        "try: print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))\n"
        "except m.PackageNotFoundError: print('null')"
    )
    done = subprocess.run([python, "-c", script, *peer.distributions], capture_output=True, text=True, check=True)
    found: dict[str, str] | None = json.loads(done.stdout)
    return found


def needed(keys: Iterable[str]) -> list[str]:
    """The environments of these peers."""
    chosen = set(keys)
    return list(dict.fromkeys(peer.environment for peer in PEERS if peer.key in chosen and peer.environment))


def _python(environment: Path) -> str:
    return str(environment / "bin" / "python")
