"""The whole of AI Lab at once: a server, a training, and the page that shows it live.

    python examples/demo.py [torch|keras] [--exit] [--epochs N]

Starts ailab-server on this machine, trains a digit classifier, and leaves the server up until Ctrl-C (``--exit`` ends
it after the training).
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path

HERE = Path(__file__).resolve().parent
START_SECONDS = 60


def cache_folder() -> Path:
    """Where this user's programs keep what can be made again."""
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home()))
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "ailab" / "demo"


def start_server(stack: ExitStack, folder: Path, scratch: Path, password: str) -> tuple[subprocess.Popen[bytes], str]:
    """Start ailab-server on a free port of this machine; returns it and its address once it listens."""
    config, ready, output = scratch / "demo_config.json", scratch / "ready.json", scratch / "server.log"
    settings = {
        "host": "127.0.0.1",
        "port": 0,
        "users": {"demo": password},
        "workspace": str(folder / "workspace"),
        "auto_detect_experiments": True,
        "gpus": [],
    }
    config.touch(mode=0o600)
    config.write_text(json.dumps(settings, indent=2))
    with output.open("wb") as log:
        command = [sys.executable, "-m", "ailab.visualization", str(config), "--ready-file", str(ready)]
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    stack.callback(stop, server)
    deadline = time.monotonic() + START_SECONDS
    while not ready.exists():
        if server.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"The server did not start:\n{output.read_text(errors='replace')}")
        time.sleep(0.05)
    return server, json.loads(ready.read_text())["url"]


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process of ours, if it has not ended by itself (Ctrl-C reaches it too)."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()


def at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {number}")
    return number


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("framework", nargs="?", choices=("torch", "keras"), default="torch")
    parser.add_argument("--exit", action="store_true", help="end the server after the training")
    parser.add_argument("--epochs", type=at_least_one, help="passes over the training data")
    options = parser.parse_args()

    # However this ends, by Ctrl-C, SIGTERM or an error, the server and the training end with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with ExitStack() as stack:
        stack.enter_context(suppress(KeyboardInterrupt))
        return demo(stack, options)
    return 0


def demo(stack: ExitStack, options: argparse.Namespace) -> int:
    folder = cache_folder()
    (folder / "workspace").mkdir(parents=True, exist_ok=True)
    password = secrets.token_urlsafe(9)
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ailab-demo-")))
    server, address = start_server(stack, folder, scratch, password)
    print(f"\n  Open      {address}\n  User      demo\n  Password  {password}\n", flush=True)

    command = [sys.executable, str(HERE / f"digits_{options.framework}.py")]
    if options.epochs is not None:
        command += ["--epochs", str(options.epochs)]
    environment = os.environ | {"AILAB_WORKSPACE": str(folder / "workspace"), "TF_CPP_MIN_LOG_LEVEL": "2"}
    training = subprocess.Popen(command, cwd=HERE, env=environment)
    stack.callback(stop, training)
    if training.wait() != 0:
        print(f"The training failed (exit code {training.returncode}); its run says why.", file=sys.stderr)
    if options.exit:
        return training.returncode
    print("\nThe server stays up at the address above, with the run. Ctrl-C ends it.", flush=True)
    return server.wait()


if __name__ == "__main__":
    sys.exit(main())
