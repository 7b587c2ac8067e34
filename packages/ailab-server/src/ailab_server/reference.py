"""``python -m ailab_server.reference [FILE]``: write the tables of the config's keys into docs/server.md.

They are made from the pydantic model, so that what is documented is what is checked.
"""

import json
import sys
from pathlib import Path

from pydantic import BaseModel

from ailab_server.config import ServerConfig
from ailab_server.config.parts import Email, Limits, Notify, Threshold, TlsFiles

__all__ = ["put_in", "table"]

PARTS: dict[str, type[BaseModel]] = {
    "keys": ServerConfig,
    "limits": Limits,
    "tls": TlsFiles,
    "notify": Notify,
    "email": Email,
    "threshold": Threshold,
}
"""Where a table goes (``<!-- table: NAME -->`` to ``<!-- end -->``), and of what."""


def table(model: type[BaseModel]) -> str:
    """A Markdown table of a model's keys, their defaults and meanings."""
    lines = ["| key | default | meaning |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if field.is_required() or default is None:
            shown = ""
        elif isinstance(default, BaseModel):
            shown = "see below"
        else:
            shown = f"`{json.dumps(default)}`"
        meaning = (field.description or "").replace("|", "\\|")
        lines.append(f"| `{name}` | {shown} | {meaning} |" if shown else f"| `{name}` | | {meaning} |")
    return "\n".join(lines)


def put_in(text: str) -> str:
    """``text`` with its tables as they should be.

    Raises:
        ValueError: it has no place for one of them.
    """
    for name, model in PARTS.items():
        start, end = f"<!-- table: {name} -->\n", "<!-- end -->"
        before, found, rest = text.partition(start)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"there is no place for the table {name!r}: {start.strip()} … {end.strip()}")
        text = f"{before}{start}{table(model)}\n{end}{after}"
    return text


def main() -> None:
    """Write them into the file that is named, else into ``docs/server.md``."""
    file = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/server.md")
    file.write_text(put_in(file.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
