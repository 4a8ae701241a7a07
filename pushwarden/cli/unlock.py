"""``pushwarden unlock``: lift the lock of a repository after a leak was dealt with."""

from __future__ import annotations

import click

from pushwarden.cli.deployed import deployed_app


@click.command()
@click.argument("repository")
@click.option("--keep-open", is_flag=True, help="Lift the lock, but do not accept what was found: tell of it again.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--stack", default="pushwarden", show_default=True, help="CloudFormation stack of the deployment.")
@click.option("--region", default=None, help="AWS Region; by default that of your AWS profile.")
def unlock(repository: str, *, keep_open: bool, dry_run: bool, stack: str, region: str | None) -> None:
    """Lift the lock of REPOSITORY after a leak was dealt with.

    Rotate the secret first. What is still open on the repository's branches counts as accepted from now on.
    """
    from pushwarden.service.admin import plan_unlock  # noqa: PLC0415 - imports boto3
    from pushwarden.service.admin import unlock as carry_out  # noqa: PLC0415

    app = deployed_app(stack, region)
    plan = plan_unlock(app, repository, accept_open=not keep_open)
    for line in plan.explain():
        click.echo(line)
    if not dry_run:
        carry_out(app, plan)
        if plan.locked:
            click.echo("Done.")
