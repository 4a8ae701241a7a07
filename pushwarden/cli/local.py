"""``pushwarden local``: the whole service on this machine."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import click

from pushwarden.cli.scan_settings import cache_dir


@click.group()
def local() -> None:
    """Run the whole service on this machine, without AWS."""


@local.command()
@click.option("--keep", is_flag=True, help="Keep the folder with mails, logs and repositories.")
def demo(*, keep: bool) -> None:
    """Show the main job from push to restore; exits non-zero if a step does not happen as promised."""
    from rich.console import Console  # noqa: PLC0415 - only this command shows anything

    from pushwarden.detect.load import cached_database  # noqa: PLC0415 - loads what compiles the rules
    from pushwarden.local.demo import Demo, DemoFailedError  # noqa: PLC0415 - moto is slow to import

    root = Path(tempfile.mkdtemp(prefix="pushwarden-demo-"))
    try:
        Demo(Console(), root, rules=cached_database(cache_dir())).run()
    except DemoFailedError as error:
        keep = True
        raise click.ClickException(str(error)) from None
    finally:
        if not keep:
            shutil.rmtree(root, ignore_errors=True)


@local.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8989,
    show_default=True,
    help="Port of CodeCommit on 127.0.0.1; 0 for any.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Where mails, logs and repositories go; by default a new temporary folder.",
)
@click.option("--repository", default="TestRepository", show_default=True, help="A repository to begin with.")
def up(port: int, folder: Path | None, repository: str) -> None:
    """Keep the service running, and show what happens live; Ctrl-C ends it."""
    from rich.console import Console  # noqa: PLC0415 - see above

    from pushwarden.detect.load import cached_database  # noqa: PLC0415 - see above
    from pushwarden.local.up import run  # noqa: PLC0415 - see above

    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    root = folder or Path(tempfile.mkdtemp(prefix="pushwarden-local-"))
    run(Console(), root, port, repository, cached_database(cache_dir()))
