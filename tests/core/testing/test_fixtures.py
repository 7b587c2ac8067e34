from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_workspace_is_an_empty_folder_that_runs_go_to(workspace: Path) -> None:
    assert os.environ["AILAB_WORKSPACE"] == str(workspace)
    assert workspace.is_dir()
    assert not list(workspace.iterdir())


def test_pytests_start_does_not_load_numpy() -> None:
    program = "import sys, ailab.testing.fixtures; assert not {'numpy', 'ailab.data'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
