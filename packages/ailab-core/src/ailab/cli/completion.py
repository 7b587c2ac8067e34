"""``ailab completion``: completion of commands, options and run ids in a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes ailab's commands, options and run ids.

    \b
    bash:  ailab completion bash >> ~/.bashrc
    zsh:   ailab completion zsh >> ~/.zshrc
    fish:  ailab completion fish > ~/.config/fish/completions/ailab.fish
    """
    from ailab.cli.main import main

    found = get_completion_class(shell)
    assert found is not None  # click brings these three
    # Not .source(): that asks the shell for its version, and here it may not even be installed.
    complete = found(main, {}, "ailab", "_AILAB_COMPLETE")
    click.echo(complete.source_template % complete.source_vars())
