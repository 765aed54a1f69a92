"""``sleepgate completion``: have the shell complete commands."""

import click
from click.shell_completion import get_completion_class

from gateway.cli.options import examples

PROGRAM = "sleepgate"
VARIABLE = "_SLEEPGATE_COMPLETE"


@examples(
    'eval "$(sleepgate completion bash)"',
    "sleepgate completion bash | sudo tee /etc/bash_completion.d/sleepgate",
    "sleepgate completion zsh > ~/.zfunc/_sleepgate",
    "sleepgate completion fish > ~/.config/fish/completions/sleepgate.fish",
)
@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print a script that lets your shell complete commands.

    SHELL runs it when it starts; then Tab completes commands and options.
    """
    kind = get_completion_class(shell)
    if kind is None:  # the three are click's own
        raise RuntimeError(shell)
    root = click.get_current_context().find_root().command
    click.echo(kind(root, {}, PROGRAM, VARIABLE).source())
