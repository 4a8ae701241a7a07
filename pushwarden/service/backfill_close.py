"""Close a push that was too large for one scan: now that its slices are scanned, answer it like any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pushwarden.aws.state import RefState, StaleStateError
from pushwarden.events import Push, SecurityEvent, SecurityResponse
from pushwarden.history.slices import History
from pushwarden.model import SECURITY_RESPONSE, Gap, Result
from pushwarden.respond.policy import decide
from pushwarden.service.app import App
from pushwarden.service.backfill_plan import get, plan_key
from pushwarden.service.frontier import moved
from pushwarden.service.telling import filled, raised

if TYPE_CHECKING:
    from pushwarden.service.backfill_finish import Gathered

_MAX_GAPS: Final = 50
_TRIES: Final = 5
_REST: Final = "-rest"
_UPLOAD: Final = "git-upload-pack"


def close_push(app: App, run: str, incident_id: str, found: Gathered) -> None:
    """Publish what was found in the rest of a push, move the frontier, and forget that it was unfinished.

    While slices are still missing, nothing happens: the next run goes on.

    Raises:
        PushwardenError: an event could not be published, or the frontier not be moved; it will be done again.
    """
    detail = app.runs.unfinished().get(incident_id)
    if detail is None or found.missing:
        return
    first = SecurityEvent.from_detail({**detail, "findings": [], "incomplete": []})
    history = _history(app, run, incident_id, found)
    event = _event(app, first, history, found)
    if event.finding_count or event.gaps:
        app.publish_event(event)
    app.bus.publish(
        SECURITY_RESPONSE, _response(first, found, event).to_detail(), resources=(first.push.repository_arn,)
    )
    open_now = raised(event, (each.commit for each in found.findings))
    _move(app, first.push, history.commits[history.known :], open_now)
    # Last: until then, everything above is done again after a crash, with the same ids.
    app.runs.forget_unfinished(incident_id)


def _history(app: App, run: str, incident_id: str, found: Gathered) -> History:
    if not found.plan.slices:
        return History((), (), 0)
    return History.from_bytes(get(app, plan_key(run, incident_id)))


def _event(app: App, first: SecurityEvent, history: History, found: Gathered) -> SecurityEvent:
    push = first.push
    result = Result.INCOMPLETE if found.gaps else Result.FINDINGS if found.findings else Result.CLEAN
    # An incident of its own: the first one's steps are done, and people were told that something is missing.
    rest = replace(push, event_id=f"{push.event_id}{_REST}")
    event = replace(
        first,
        incident_id=rest.incident_id,
        push=rest,
        base_commits=_bases(history),
        result=result,
        actions=decide(
            change=push.change,
            confidences=[each.confidence for each in found.findings],
            result=result,
            policy=app.settings.policy,
            reset_allowed=lambda: _reset_allowed(app, push),
            revocable=[each.confidence for each in found.findings if each.identity],
        ),
        findings=(),
        finding_count=len(found.findings),
        gaps=found.gaps[:_MAX_GAPS],
        commits_scanned=found.commits,
    )
    return filled(event, sorted(found.findings, key=lambda each: -each.confidence))


def _bases(history: History) -> tuple[str, ...]:
    new = range(history.known, len(history.commits))
    return tuple(sorted({history.commits[p] for place in new for p in history.parents[place] if p < history.known}))


def _reset_allowed(app: App, push: Push) -> bool:
    if app.settings.policy.allows_reset(push.repository):
        return True
    tags: Mapping[str, Any] = app.codecommit.tags(push.repository_arn)
    return bool(tags.get(app.settings.reset_tag_key) == app.settings.reset_tag_value)


def _response(first: SecurityEvent, found: Gathered, event: SecurityEvent) -> SecurityResponse:
    push = first.push
    if found.gaps:
        told = f"{_first(found.gaps)} See incident {event.incident_id}."
    elif found.findings:
        told = f"The rest of the push holds {len(found.findings)} findings. See incident {event.incident_id}."
    else:
        told = f"The rest of the push was scanned: {found.commits} commits, no secret."
    return SecurityResponse(
        incident_id=first.incident_id,
        action="backfill",
        outcome="failed" if found.gaps else "done",
        summary=told,
        repository=push.repository,
        ref=push.ref,
        account=push.account,
        region=push.region,
        facts={"commitsScanned": str(found.commits), "continuedAs": event.incident_id if event.findings else ""},
    )


def _first(gaps: Sequence[Gap]) -> str:
    more = f" (and {len(gaps) - 1} more gaps)" if len(gaps) > 1 else ""
    return f"A part of the push could not be scanned: {gaps[0].message}{more}."


def _move(app: App, push: Push, new_commits: Sequence[str], raised: tuple[str, ...]) -> None:
    if push.new is None or not new_commits:
        return
    advertised = app.retry.call(lambda: app.git.advertisement(push.repository, _UPLOAD))
    held = advertised.refs.get(push.ref)
    tip = held if push.new in {held, advertised.peeled.get(push.ref)} else None
    for _ in range(_TRIES):
        row = app.state.frontier(push.repository_id).rows.get(push.ref, RefState(push.ref))
        after = moved(row, push, tip=tip, raised=raised, new_commits=new_commits)
        if after is None or (row.event_id == push.event_id and row.scanned == push.new):
            return
        try:
            app.state.save_ref(push.repository_id, after, now_s=app.wall_clock())
        except StaleStateError:
            continue
        return
    raise StaleStateError(f"the frontier of {push.repository} changes all the time; it is tried again later")
