"""``python tests/soak --minutes 15 --json soak.json``: exit code 0 if nothing was wrong and everything is flat."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])  # this folder holds a module of its own name
    from soak.command import main

    main()
