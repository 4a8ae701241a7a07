"""``pushwarden backfill``: scan the history that was there before Pushwarden was."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import click

from pushwarden.cli.deployed import deployed_app

_LOOK_EVERY_S: Final = 10.0
_EXIT_INCOMPLETE: Final = 4


def _deployment(command: Callable[..., Any]) -> Callable[..., Any]:
    stack = click.option(
        "--stack", default="pushwarden", show_default=True, help="CloudFormation stack of the deployment."
    )
    region = click.option("--region", default=None, help="AWS Region; by default that of your AWS profile.")
    return stack(region(command))


@click.group()
def backfill() -> None:
    """Scan the whole history of every watched repository.

    Old findings become reports and one mail. They never lock or reset anything. A deployment does this once by itself.
    """


@backfill.command()
@click.option("--repository", "repositories", multiple=True, help="Only this repository; may be given several times.")
@click.option("--again", is_flag=True, help="Begin anew, with today's rules, although the history was scanned before.")
@click.option("--dry-run", is_flag=True, help="Say how many slices there are and what they cost, and start nothing.")
@_deployment
def start(repositories: tuple[str, ...], *, again: bool, dry_run: bool, stack: str, region: str | None) -> None:
    """Start a backfill, or go on with one that was stopped."""
    from pushwarden.service.backfill_start import plan_start  # noqa: PLC0415 - imports boto3
    from pushwarden.service.backfill_start import start as carry_out  # noqa: PLC0415

    app = deployed_app(stack, region)
    if dry_run:
        _estimate(app, repositories)
        return
    order = plan_start(app, again=again, repositories=repositories)
    carry_out(app, order)
    verb = "Resumed" if order.resumes else "Started"
    click.echo(f"{verb} {order.payload['run']}. `pushwarden backfill status` says how far it is.")


@backfill.command()
@click.option("--wait", is_flag=True, help="Come back when it has ended.")
@_deployment
def status(*, wait: bool, stack: str, region: str | None) -> None:
    """Say how far the newest backfill is. Exit code 4: it ended, and something is not scanned."""
    from pushwarden.service.backfill_start import status as ask  # noqa: PLC0415 - imports boto3

    app = deployed_app(stack, region)
    found, running = ask(app), app.machine.running()
    while wait and running:
        time.sleep(_LOOK_EVERY_S)
        found, running = ask(app), app.machine.running()
    if found is None:
        begun = f"The backfill {', '.join(sorted(running))} has just begun."
        click.echo(begun if running else "There was no backfill yet.")
        return
    state = "runs" if found.running else "is finished" if found.run.finished else "has stopped"
    click.echo(f"The backfill {found.run.run} {state}.")
    click.echo(f"  Repositories planned  {found.repositories:,} ({found.commits:,} commits)")
    click.echo(f"  Slices scanned        {found.scanned:,} of {found.slices:,}")
    click.echo(f"  Findings so far       {found.findings:,}")
    if found.run.finished:
        click.echo(f"  Reports               s3://{app.backups.bucket}/backfill/{found.run.run}/reports/")
    elif not found.running:
        click.echo("Go on with it: pushwarden backfill start")
        raise click.exceptions.Exit(_EXIT_INCOMPLETE)


@backfill.command()
@_deployment
def stop(*, stack: str, region: str | None) -> None:
    """Stop the backfill that runs. What was scanned stays scanned; `start` goes on from there."""
    from pushwarden.service.backfill_start import stop as carry_out  # noqa: PLC0415 - imports boto3

    stopped = carry_out(deployed_app(stack, region))
    click.echo(f"Stopped {', '.join(stopped)}." if stopped else "No backfill runs.")


def _estimate(app: Any, repositories: tuple[str, ...]) -> None:
    from pushwarden.service.backfill_cost import Share, cost, shares  # noqa: PLC0415 - imports boto3

    found: list[Share] = []
    click.echo(f"{'Commits':>10}  {'Slices':>7}  Repository")
    for each in shares(app, repositories):
        found.append(each)
        problem = f"  ({each.problem})" if each.problem else ""
        click.echo(f"{each.commits:>10,}  {each.slices:>7,}  {each.name}{problem}")
    total = cost(found)
    click.echo(
        f"\n{total.commits:,} commits in {total.repositories:,} repositories: {total.slices:,} slices,"
        f" about {total.git_requests:,} git requests.\n"
        f"About {total.likely_usd:.2f} USD at a minute a slice, at most {total.at_most_usd:.2f} USD"
        " (Lambda and Step Functions, list prices of us-east-1, one call a slice).\n"
        "Nothing was started."
    )
