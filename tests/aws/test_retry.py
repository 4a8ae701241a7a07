from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from pushwarden.aws.githttp import GitAccessError, GitUnavailableError
from pushwarden.aws.retry import Pace, RetryPolicy, is_passing


def client_error(code: str, status: int = 400) -> ClientError:
    response = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "GetBlob")  # type: ignore[arg-type]


class Flaky:
    def __init__(self, faults: list[Exception]) -> None:
        self.faults = faults
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.faults:
            raise self.faults.pop(0)
        return "answer"


def policy(slept: list[float]) -> RetryPolicy:
    pace = Pace(clock=lambda: sum(slept))
    return RetryPolicy(attempts=4, base_s=1, cap_s=3, sleep=slept.append, jitter=lambda: 1.0, pace=pace)


@pytest.mark.parametrize(
    "fault",
    [
        client_error("400"),  # what botocore makes of the throttle's XML
        client_error("ThrottlingException"),
        client_error("InternalError", 500),
        EndpointConnectionError(endpoint_url="http://127.0.0.1"),
        GitUnavailableError("busy"),
    ],
)
def test_a_passing_fault_is_tried_again_with_growing_pauses(fault: Exception) -> None:
    slept: list[float] = []
    flaky = Flaky([fault, fault, fault])

    assert policy(slept).call(flaky) == "answer"
    assert slept == [2, 3, 3]


def test_a_fault_that_does_not_pass_is_raised_after_the_last_attempt() -> None:
    slept: list[float] = []
    flaky = Flaky([GitUnavailableError("busy")] * 9)

    with pytest.raises(GitUnavailableError):
        policy(slept).call(flaky)
    assert flaky.calls == 4


@pytest.mark.parametrize("fault", [client_error("AccessDeniedException"), GitAccessError("no")])
def test_a_lasting_fault_is_raised_at_once(fault: Exception) -> None:
    slept: list[float] = []
    with pytest.raises(type(fault)):
        policy(slept).call(Flaky([fault]))
    assert slept == []
    assert not is_passing(fault)


def request_times(answers: list[bool], *, least_s: float = 0.0) -> list[float]:
    """When each request goes out, for a service that answers or refuses, and a caller that never backs off."""
    slept: list[float] = []
    times: list[float] = []
    pace = Pace(clock=lambda: sum(slept))
    pace.leave(least_s)
    for answered in answers:
        pace.wait(slept.append)
        times.append(sum(slept))
        if answered:
            pace.answered()
        else:
            pace.refused()
    return times


def test_without_a_refusal_no_request_waits() -> None:
    assert request_times([True] * 5) == [0] * 5


def test_each_refusal_doubles_the_time_between_requests_and_answers_shorten_it() -> None:
    assert request_times([False, False, False, True, True]) == pytest.approx([0, 0.1, 0.3, 0.7, 1.02])


def test_the_time_between_requests_has_a_bound() -> None:
    times = request_times([False] * 20)

    assert times[-1] - times[-2] == pytest.approx(4.0)


def test_a_while_after_the_last_refusal_no_request_waits_any_more() -> None:
    now = [0.0]
    slept: list[float] = []
    pace = Pace(clock=lambda: now[0])
    pace.wait(slept.append)
    pace.refused()
    now[0] = 6.0
    pace.wait(slept.append)
    pace.wait(slept.append)

    assert slept == []


def test_a_least_gap_stands_before_the_first_request_too() -> None:
    assert request_times([True] * 3, least_s=0.5) == [0.5, 1.0, 1.5]
