"""Find a deployed Pushwarden: by its environment variables, or by the outputs of its CloudFormation stack."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from pushwarden.errors import UsageError

if TYPE_CHECKING:
    from pushwarden.service.app import App

OUTPUT_KEY = "Environment"
"""The stack output that holds the settings as a JSON object of environment variables."""


def deployed_app(stack: str, region: str | None) -> App:
    """Return an app for the deployment, with the caller's own credentials.

    Raises:
        UsageError: neither the environment nor a stack of that name tells where Pushwarden is.
    """
    from pushwarden.service.app import App  # noqa: PLC0415 - boto3 is slow to import, and absent without the extra

    if "PUSHWARDEN_TABLE" in os.environ:
        return App.from_environment()
    return App.from_environment(_outputs(stack, region))


def _outputs(stack: str, region: str | None) -> dict[str, str]:
    import boto3  # noqa: PLC0415 - see above
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    hint = "name the stack with --stack and its Region with --region, and check your AWS credentials"
    try:
        client = boto3.client("cloudformation", region_name=region)
        outputs = client.describe_stacks(StackName=stack)["Stacks"][0].get("Outputs", [])
    except (BotoCoreError, ClientError) as error:
        raise UsageError(f"cannot read the stack {stack!r} ({type(error).__name__}); {hint}") from None
    for each in outputs:
        if each.get("OutputKey") == OUTPUT_KEY:
            values: dict[str, str] = json.loads(each["OutputValue"])
            return {"AWS_REGION": client.meta.region_name, **values}
    raise UsageError(f"the stack {stack!r} has no output {OUTPUT_KEY}; is it Pushwarden's? Otherwise {hint}")
