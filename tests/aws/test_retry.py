from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from pushwarden.aws.githttp import GitAccessError, GitUnavailableError
from pushwarden.aws.retry import RetryPolicy, is_passing


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
    return RetryPolicy(attempts=4, base_s=1, cap_s=3, sleep=slept.append, jitter=lambda: 1.0)


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
