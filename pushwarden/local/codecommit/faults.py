"""What tests and benchmarks inject and observe: faults, a rate limit, latency, a log of the requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Final, Literal, get_args

from pushwarden.errors import UsageError

FaultKind = Literal[
    "throttle-xml",
    "http-500",
    "reset",
    "timeout-before",
    "timeout-after",
    "access-denied",
    "expired-token",
]
KINDS: Final[tuple[str, ...]] = get_args(FaultKind)

DEFAULT_HOLD_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to fail, for the next ``times`` matching requests."""

    operation: str
    """``GetBlob``, ``git-upload-pack``, ``git-receive-pack/info-refs``, or a pattern such as ``git-*``."""
    kind: FaultKind
    times: int
    principal_arn: str | None
    hold_s: float
    """How long a timeout keeps the connection open."""


class Faults:
    """The faults that wait for their requests; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def add(
        self,
        operation: str,
        kind: FaultKind,
        times: int = 1,
        principal_arn: str | None = None,
        *,
        hold_s: float = DEFAULT_HOLD_S,
    ) -> None:
        """Let the next ``times`` requests for ``operation`` (of that principal) fail.

        ``timeout-before`` does nothing and never answers, ``timeout-after`` does everything and never answers;
        ``throttle-xml`` is HTTP 400 with XML for the API and HTTP 429 for git.

        Raises:
            UsageError: ``kind`` is unknown or ``times`` is not positive.
        """
        if kind not in KINDS:
            raise UsageError(f"fault kind must be one of {', '.join(KINDS)}, not {kind!r}")
        if times < 1:
            raise UsageError(f"a fault happens at least once, not {times} times")
        with self._lock:
            self._waiting.append(Fault(operation, kind, times, principal_arn, hold_s))

    def take(self, operation: str, principal_arn: str) -> Fault | None:
        """Return the first fault that waits for this request, and count it."""
        with self._lock:
            for index, fault in enumerate(self._waiting):
                if fnmatchcase(operation, fault.operation) and fault.principal_arn in (None, principal_arn):
                    if fault.times == 1:
                        del self._waiting[index]
                    else:
                        self._waiting[index] = replace(fault, times=fault.times - 1)
                    return fault
        return None

    @property
    def waiting(self) -> Sequence[Fault]:
        """The faults that have not happened yet."""
        with self._lock:
            return tuple(self._waiting)

    def clear(self) -> None:
        """Forget every fault."""
        with self._lock:
            self._waiting.clear()


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request as the server saw it."""

    principal_arn: str | None
    """None when the caller was not recognised."""
    operation: str
    repository: str | None
    status: int
    """HTTP status; 0 when the connection was closed without an answer."""


class RequestLog:
    """Every request in the order of its end; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: list[RequestRecord] = []

    def add(self, record: RequestRecord) -> None:
        """Append a record."""
        with self._lock:
            self._records.append(record)

    def all(self) -> Sequence[RequestRecord]:
        """Return the records so far."""
        with self._lock:
            return tuple(self._records)

    def of(
        self, *, operation: str = "*", repository: str | None = None, principal_arn: str | None = None
    ) -> Sequence[RequestRecord]:
        """Return the records that match; ``operation`` may be a pattern such as ``git-*``."""
        return tuple(
            record
            for record in self.all()
            if fnmatchcase(record.operation, operation)
            and repository in (None, record.repository)
            and principal_arn in (None, record.principal_arn)
        )

    def clear(self) -> None:
        """Forget the records."""
        with self._lock:
            self._records.clear()

    def __len__(self) -> int:
        return len(self.all())


class RateLimit:
    """A token bucket over all calls of the account; unlimited until ``per_second`` is set."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_second: float | None = None
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens = 0.0
        self._filled_at = clock()

    def set(self, per_second: float | None) -> None:
        """Allow ``per_second`` requests per second, with a burst of one second; None lifts the limit."""
        with self._lock:
            self.per_second = per_second
            self._tokens = per_second or 0.0
            self._filled_at = self._clock()

    def allow(self) -> bool:
        """Take one request's token; False when there is none."""
        with self._lock:
            if self.per_second is None:
                return True
            now = self._clock()
            self._tokens = min(self.per_second, self._tokens + (now - self._filled_at) * self.per_second)
            self._filled_at = now
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True
