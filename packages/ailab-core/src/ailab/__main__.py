"""``python -m ailab``: the ``ailab`` command."""

from ailab.cli import main

main(prog_name="ailab")
