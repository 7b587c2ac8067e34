"""``python -m ailab_server.openapi [FILE]``.

Write the OpenAPI document from which the page's client types are made.
"""

import json
import sys
from pathlib import Path

from ailab_server.app import document

__all__ = ["render"]


def render() -> str:
    """The document as it lies in the repository."""
    return json.dumps(document(), indent=2, sort_keys=True) + "\n"


def main() -> None:
    """Write it to the file that is named, else to ``packages/ailab-ui/openapi.json``."""
    Path(sys.argv[1] if len(sys.argv) > 1 else "packages/ailab-ui/openapi.json").write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
