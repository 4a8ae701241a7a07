"""Without a word in the policy, no opt-in function is there at all."""

from __future__ import annotations

from pushwarden.local.service import LocalService
from pushwarden.topology import SUBSCRIBERS


def test_by_default_no_opt_in_function_is_started(service: LocalService) -> None:
    opt_in = {each.name for each in SUBSCRIBERS if each.option}

    assert opt_in == {"revoke", "comment", "securityhub"}
    assert opt_in.isdisjoint(service.stack.queues)
