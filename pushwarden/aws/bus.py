"""Publish events on the security bus, sealed, and notice when EventBridge takes only some of them.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pushwarden.aws import seal
from pushwarden.errors import PushwardenError
from pushwarden.model import SOURCE

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient


class PublishError(PushwardenError):
    """EventBridge did not take the event; it must be published again."""


@dataclass(frozen=True, slots=True)
class SecurityBus:
    """The bus that security events and responses travel on."""

    client: EventBridgeClient
    name: str
    key: Callable[[], bytes]
    """Gives the key of the seals: the deployment's fingerprint key."""

    def publish(self, detail_type: str, detail: Mapping[str, Any], *, resources: tuple[str, ...] = ()) -> None:
        """Publish one event with its seal.

        Raises:
            PublishError: EventBridge answered, but did not take it.
        """
        entry: dict[str, Any] = {
            "Source": SOURCE,
            "DetailType": detail_type,
            "Detail": json.dumps(
                seal.sealed(detail_type, detail, self.key()), ensure_ascii=False, separators=(",", ":")
            ),
            "EventBusName": self.name,
            "Resources": list(resources),
        }
        answer = self.client.put_events(Entries=[entry])  # type: ignore[list-item]
        if answer["FailedEntryCount"]:
            code = answer["Entries"][0].get("ErrorCode", "unknown error")
            raise PublishError(f"EventBridge did not take a {detail_type} ({code}); it will be published again")
