"""One retry policy for every call to CodeCommit.

botocore cannot do it: a throttled CodeCommit answers with XML and status 400, which botocore takes for an error of the
caller (https://github.com/boto/boto3/issues/3663), so none of its retry modes tries again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from pushwarden.aws.githttp import GitUnavailableError

T = TypeVar("T")

_THROTTLES: Final = frozenset({
    "Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded", "TooManyRequestsException",
    "RequestThrottled", "RequestThrottledException", "SlowDown", "ProvisionedThroughputExceededException",
})  # fmt: skip
_SERVER_ERROR: Final = 500
# What botocore makes of the XML body: the status stands where the error's name should be.
_UNPARSED_XML: Final = "400"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off with full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ ."""

    attempts: int = 6
    base_s: float = 0.2
    cap_s: float = 8.0
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = field(default=random.random)

    def call(self, function: Callable[[], T]) -> T:
        """Return what ``function`` returns, trying again after passing faults; the last fault is raised as it came."""
        for attempt in range(1, self.attempts):
            try:
                return function()
            except (ClientError, BotoConnectionError, HTTPClientError, GitUnavailableError) as error:
                if not is_passing(error):
                    raise
            self.sleep(self.jitter() * min(self.cap_s, self.base_s * 2**attempt))
        return function()


def is_passing(error: Exception) -> bool:
    """Tell whether the same call may well succeed a moment later."""
    if not isinstance(error, ClientError):
        return isinstance(error, (BotoConnectionError, HTTPClientError, GitUnavailableError))
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return code in _THROTTLES or code == _UNPARSED_XML or status >= _SERVER_ERROR
