"""Start, watch and stop the backfill's state machine.

https://docs.aws.amazon.com/step-functions/latest/apireference/Welcome.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient


@dataclass(frozen=True, slots=True)
class Machine:
    """The state machine."""

    client: SFNClient
    arn: str

    def start(self, name: str, payload: Mapping[str, Any]) -> bool:
        """Start an execution; False: there was one of that name already.

        A name counts for 90 days:
        https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
        """
        try:
            self.client.start_execution(stateMachineArn=self.arn, name=name, input=json.dumps(payload))
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "ExecutionAlreadyExists":
                return False
            raise
        return True

    def running(self) -> dict[str, str]:
        """Return the ARN of each execution that runs now, by name."""
        answer = self.client.list_executions(stateMachineArn=self.arn, statusFilter="RUNNING", maxResults=100)
        return {each["name"]: each["executionArn"] for each in answer["executions"]}

    def status(self, name: str) -> str | None:
        """Return how an execution stands (``RUNNING``, ``SUCCEEDED``, ``FAILED``, ...), or None where there is none."""
        try:
            answer = self.client.describe_execution(executionArn=self._execution(name))
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "ExecutionDoesNotExist":
                return None
            raise
        return answer["status"]

    def stop(self, name: str) -> None:
        """End an execution; the calls that run now come to their end."""
        self.client.stop_execution(executionArn=self._execution(name), cause="pushwarden backfill stop")

    def _execution(self, name: str) -> str:
        return f"{self.arn.replace(':stateMachine:', ':execution:')}:{name}"
