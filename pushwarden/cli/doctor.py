"""``pushwarden doctor``: check a deployed Pushwarden and the caller's rights."""

from __future__ import annotations

from typing import Any

import click

from pushwarden.cli.deployed import deployed_app

EXIT_UNWELL = 1


@click.command()
@click.option("--stack", default="pushwarden", show_default=True, help="CloudFormation stack of the deployment.")
@click.option("--region", default=None, help="AWS Region; by default that of your AWS profile.")
def doctor(stack: str, region: str | None) -> int:
    """Check a deployed Pushwarden and your own rights; change nothing.

    Exits with 0 if all is well, else with 1.
    """
    import boto3  # noqa: PLC0415 - slow to import, and absent without the extra

    from pushwarden.service.doctor import Doctor  # noqa: PLC0415 - imports botocore

    settings = deployed_app(stack, region).settings
    session = boto3.Session(region_name=settings.region)

    def client(service: Any) -> Any:
        return session.client(service)

    unwell = 0
    for check in Doctor(settings, client).checks():
        click.echo(f"{'ok  ' if check.well else 'FAIL'}  {check.what}{'' if check.well else f': {check.advice}'}")
        unwell += not check.well
    click.echo("All is well." if not unwell else f"{unwell} of the checks failed.")
    return EXIT_UNWELL if unwell else 0
