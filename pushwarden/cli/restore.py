"""``pushwarden restore``: give back commits that a reset removed."""

from __future__ import annotations

import click

from pushwarden.cli.deployed import deployed_app


@click.command()
@click.argument("repository")
@click.argument("incident", required=False)
@click.option("--branch", default=None, help="Name of the new branch (or tag); by default restored/INCIDENT.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--stack", default="pushwarden", show_default=True, help="CloudFormation stack of the deployment.")
@click.option("--region", default=None, help="AWS Region; by default that of your AWS profile.")
def restore(
    repository: str, incident: str | None, *, branch: str | None, dry_run: bool, stack: str, region: str | None
) -> None:
    """Give back the commits that INCIDENT's reset removed from REPOSITORY, as a new branch.

    Without INCIDENT, list what can be restored. The commits come back as they were, with the secret in them.
    """
    from pushwarden.service.admin import backups, plan_restore  # noqa: PLC0415 - imports boto3
    from pushwarden.service.admin import restore as carry_out  # noqa: PLC0415

    app = deployed_app(stack, region)
    if incident is None:
        found = backups(app, app.codecommit.repository(repository))
        for each in found:
            click.echo(f"{each.incident}  s3://{app.backups.bucket}/{each.key}")
        if not found:
            click.echo(f"There is nothing to restore for {repository}.")
        return
    plan = plan_restore(app, repository, incident, f"refs/heads/{branch}" if branch else None)
    click.echo(plan.explain())
    if not dry_run:
        carry_out(app, plan)
        click.echo("Done.")
