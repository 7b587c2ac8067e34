"""Install each wheel of a folder alone in a fresh environment, and use it: ``python use_wheels.py FOLDER``.

What each needs beside our own wheels comes from the package index; TensorFlow and torch are left out (their adapters
are then only loaded as plugins, which must work without the framework).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

USES = {
    "ailab_core": "import ailab.experiment.logging, ailab.data; import ailab.cli; ailab.cli.main(['plugins'])",
    "ailab_server": "import ailab.visualization; ailab.visualization.main(['--help'])",
    "ailab_ui": "import ailab_ui; assert (ailab_ui.static_folder() / 'index.html').is_file()",
    "ailab_keras": "from ailab_keras import hooks; assert hooks",
    "ailab_torch": "from ailab_torch import hooks; assert hooks",
}
FRAMEWORKS = ("ailab_keras", "ailab_torch")


def run(*command: str) -> None:
    print("$", *command[-4:], flush=True)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main(folder: Path) -> None:
    for name, code in USES.items():
        (wheel,) = folder.glob(f"{name}-*.whl")
        with tempfile.TemporaryDirectory() as scratch:
            run(sys.executable, "-m", "virtualenv", "--quiet", scratch)
            python = str(Path(scratch) / "bin" / "python")
            pip = [python, "-m", "pip", "install", "--quiet", "--find-links", str(folder)]
            if name in FRAMEWORKS:
                run(*pip, "ailab-core")
                run(*pip, "--no-deps", str(wheel))
            else:
                run(*pip, str(wheel))
            run(python, "-c", f"try:\n    {code}\nexcept SystemExit as end:\n    raise SystemExit(end.code or 0)")
    print(f"{len(USES)} wheels built, installed alone and used")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
