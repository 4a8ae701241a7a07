"""What a reset plans to do, for every place where the refs may stand by then."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pushwarden.aws.githttp import Advertisement
from pushwarden.events import Change, SecurityEvent
from pushwarden.respond.reset import ResetPlan, plan
from tests.test_events import security_event

MAIN = "refs/heads/main"
OTHER = "9" * 40


def event(**more: Any) -> SecurityEvent:
    base = security_event()
    push = replace(base.push, **{k: v for k, v in more.items() if k in {"ref", "change", "old"}})
    return replace(base, push=push, **{k: v for k, v in more.items() if k not in {"ref", "change", "old"}})


def planned(
    leak: SecurityEvent, refs: dict[str, str], peeled: dict[str, str] | None = None, default: str | None = "main"
) -> ResetPlan:
    return plan(leak, Advertisement(refs, peeled or {}, frozenset()), lambda: default)


def test_a_ref_that_stands_at_the_leak_goes_back() -> None:
    leak = event()
    made = planned(leak, {MAIN: str(leak.push.new)})

    assert (made.stands_at, made.goes_to) == (leak.push.new, leak.accepted)
    assert made.bases == (leak.accepted,)
    assert made.refusal is None
    assert made.settled is None
    assert made.backup_key in made.explain()


def test_newer_commits_are_not_dropped() -> None:
    made = planned(event(), {MAIN: OTHER})

    assert made.refusal is not None
    assert "not Pushwarden's to drop" in made.explain()


def test_a_ref_that_is_back_or_gone_is_left_alone() -> None:
    leak = event()

    assert planned(leak, {MAIN: str(leak.accepted)}).settled is not None
    assert planned(leak, {}).settled is not None


def test_a_new_branch_is_deleted_and_its_base_stays_out_of_the_backup() -> None:
    leak = event(ref="refs/heads/x", change=Change.CREATED, old=None, accepted=None, base_commits=(OTHER,))
    made = planned(leak, {"refs/heads/x": str(leak.push.new)})

    assert made.goes_to is None
    assert made.bases == (OTHER,)
    assert made.refusal is None
    assert "delete" in made.explain()


def test_the_default_branch_is_never_deleted() -> None:
    leak = event(change=Change.CREATED, old=None, accepted=None)

    assert "default branch" in str(planned(leak, {MAIN: str(leak.push.new)}).refusal)


def test_nobody_is_asked_for_the_default_branch_where_git_shows_that_it_is_another() -> None:
    def ask() -> str:
        raise AssertionError("a request too many")

    leak = event(ref="refs/heads/new", change=Change.CREATED, old=None, accepted=None)
    refs = Advertisement({"HEAD": OTHER, MAIN: OTHER, "refs/heads/new": str(leak.push.new)}, {}, frozenset())

    assert plan(leak, refs, ask).refusal is None


def test_an_updated_ref_without_an_accepted_commit_stays() -> None:
    leak = event(accepted=None)

    assert "no earlier commit" in str(planned(leak, {MAIN: str(leak.push.new)}).refusal)


def test_an_annotated_tag_is_recognised_by_the_commit_it_points_at() -> None:
    tag = "refs/tags/v1"
    leak = event(ref=tag, change=Change.CREATED, old=None, accepted=None)
    made = planned(leak, {tag: OTHER}, {tag: str(leak.push.new)})

    assert made.stands_at == OTHER
    assert made.refusal is None
