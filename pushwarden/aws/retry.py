"""One retry policy for every call to CodeCommit, and a pace that keeps requests from being thrown away.

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

FAULTS: Final = (ClientError, BotoConnectionError, HTTPClientError, GitUnavailableError)
"""What a call may raise that :func:`is_passing` can judge."""
_THROTTLES: Final = frozenset({
    "Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded", "TooManyRequestsException",
    "RequestThrottled", "RequestThrottledException", "SlowDown", "ProvisionedThroughputExceededException",
})  # fmt: skip
_SERVER_ERROR: Final = 500
# What botocore makes of the XML body: the status stands where the error's name should be.
_UNPARSED_XML: Final = "400"


@dataclass(slots=True)
class Pace:
    """Leaves time between the requests of one process: the more, the more often CodeCommit says that it is busy.

    CodeCommit does not publish its limits, and whatever uses it in the account shares them. So each process finds its
    share by itself: a refusal doubles the gap, an answer shortens it, and when nothing was refused for a while it is gone.
    """

    first_gap_s: float = 0.1
    cap_s: float = 4.0
    calm_s: float = 5.0
    """After this time without a refusal, no gap is left."""
    clock: Callable[[], float] = time.monotonic
    least_s: float = 0.0
    """A gap that is always left; see :meth:`leave`."""
    gap_s: float = 0.0
    _last: float = float("-inf")
    _refused: float = float("-inf")

    def leave(self, least_s: float) -> None:
        """Leave at least so many seconds before every request from here on, the next one among them."""
        self.least_s = least_s
        if least_s:
            self._last = max(self._last, self.clock())

    def wait(self, sleep: Callable[[float], None]) -> None:
        """Wait until the next request may go out."""
        now = self.clock()
        if now - self._refused > self.calm_s:
            self.gap_s = 0.0
        ahead = self._last + max(self.gap_s, self.least_s) - now
        if ahead > 0:
            sleep(ahead)
        self._last = max(now, self.clock())

    def refused(self) -> None:
        """Note that CodeCommit was too busy to answer."""
        self.gap_s = min(self.cap_s, max(self.first_gap_s, self.gap_s * 2))
        self._refused = self.clock()

    def answered(self) -> None:
        """Note that CodeCommit answered."""
        self.gap_s *= _SHORTER


_SHORTER: Final = 0.8


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off with full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ ."""

    attempts: int = 6
    base_s: float = 0.2
    cap_s: float = 8.0
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = field(default=random.random)
    pace: Pace = field(default_factory=Pace)

    def call(self, function: Callable[[], T]) -> T:
        """Return what ``function`` returns, trying again after passing faults; the last fault is raised as it came."""
        for attempt in range(1, self.attempts):
            try:
                return self._paced(function)
            except FAULTS as error:
                if not is_passing(error):
                    raise
            self.sleep(self.jitter() * min(self.cap_s, self.base_s * 2**attempt))
        return self._paced(function)

    def _paced(self, function: Callable[[], T]) -> T:
        self.pace.wait(self.sleep)
        try:
            answer = function()
        except FAULTS as error:
            if is_passing(error):
                self.pace.refused()
            raise
        self.pace.answered()
        return answer


def is_passing(error: Exception) -> bool:
    """Tell whether the same call may well succeed a moment later."""
    if not isinstance(error, ClientError):
        return isinstance(error, (BotoConnectionError, HTTPClientError, GitUnavailableError))
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return code in _THROTTLES or code == _UNPARSED_XML or status >= _SERVER_ERROR
