"""A resource's tags, asked of the tagging service instead of the resource's own.

CodeCommit's request rates are shared by everybody in the account, the tagging service's are not CodeCommit's. GetResources
knows every resource type: https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from pushwarden.errors import PushwardenError


class TagsUnknownError(PushwardenError):
    """The tagging service refused to answer."""


@dataclass(frozen=True, slots=True)
class ResourceTags:
    """The Resource Groups Tagging API of one Region."""

    client: Any
    """botocore's client of ``resourcegroupstaggingapi``."""

    def of(self, arn: str) -> Mapping[str, str]:
        """Return every tag of a resource; none for one that is not there.

        https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html

        Raises:
            TagsUnknownError: the service refused, or is busy for too long.
        """
        try:
            found = self.client.get_resources(ResourceARNList=[arn])["ResourceTagMappingList"]
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "unknown error")
            raise TagsUnknownError(f"the tags of {arn} cannot be read ({code}); is tag:GetResources allowed?") from None
        return {
            tag["Key"]: tag["Value"] for each in found if each["ResourceARN"] == arn for tag in each.get("Tags", [])
        }
