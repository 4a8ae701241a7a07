"""``pushwarden completion``: shell completion."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of SHELL: `eval "$(pushwarden completion bash)"`."""
    from pushwarden.cli import cli  # noqa: PLC0415 - this module is loaded by that one

    found = get_completion_class(shell)
    if found is None:  # pragma: no cover - the three are click's own
        raise click.UsageError(f"there is no completion for {shell}")
    click.echo(found(cli, {}, "pushwarden", "_PUSHWARDEN_COMPLETE").source())
