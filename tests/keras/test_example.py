"""The example that users copy, for one epoch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "digits_keras.py"


def test_trains_and_logs(workspace: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    command = [sys.executable, str(EXAMPLE), "--epochs", "1", "--seed", "3"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "held-out accuracy: " in done.stdout
    (run,) = (workspace / "digits-keras").iterdir()
    assert {"ConfusionMatrix.png", "Misclassified.png"} <= {path.name for path in (run / "images").iterdir()}
