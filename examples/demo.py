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
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
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


def start_server(folder: Path, scratch: Path, password: str) -> tuple[subprocess.Popen[bytes], str]:
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
    deadline = time.monotonic() + START_SECONDS
    while not ready.exists():
        if server.poll() is not None or time.monotonic() > deadline:
            server.kill()
            raise SystemExit(f"The server did not start:\n{output.read_text(errors='replace')}")
        time.sleep(0.05)
    return server, json.loads(ready.read_text())["url"]


def stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("framework", nargs="?", choices=("torch", "keras"), default="torch")
    parser.add_argument("--exit", action="store_true", help="end the server after the training")
    parser.add_argument("--epochs", type=int, help="passes over the training data")
    options = parser.parse_args()

    folder = cache_folder()
    (folder / "workspace").mkdir(parents=True, exist_ok=True)
    password = secrets.token_urlsafe(9)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ailab-demo-")))
        server, address = start_server(folder, scratch, password)
        stack.callback(stop, server)
        print(f"\n  Open      {address}\n  User      demo\n  Password  {password}\n", flush=True)

        command = [sys.executable, str(HERE / f"digits_{options.framework}.py")]
        if options.epochs is not None:
            command += ["--epochs", str(options.epochs)]
        environment = os.environ | {"AILAB_WORKSPACE": str(folder / "workspace"), "TF_CPP_MIN_LOG_LEVEL": "2"}
        try:
            trained = subprocess.run(command, cwd=HERE, env=environment, check=False)
            if trained.returncode != 0:
                print(f"The training failed (exit code {trained.returncode}); its run says why.", file=sys.stderr)
            if options.exit:
                return trained.returncode
            print("\nThe server stays up at the address above, with the run. Ctrl-C ends it.", flush=True)
            return server.wait()
        except KeyboardInterrupt:
            return 0


if __name__ == "__main__":
    sys.exit(main())
