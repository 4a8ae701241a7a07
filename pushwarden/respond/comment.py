"""Comment at the line, in the commit that brought the secret in; opt-in.

The text is Pushwarden's own: no snippet, nothing that the pusher wrote. CodeCommit compares a commit with its parent, so
the comment stands where people look at the commit:
https://docs.aws.amazon.com/codecommit/latest/APIReference/API_PostCommentForComparedCommit.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pushwarden.aws.codecommit import CodeCommit
from pushwarden.events import SecurityEvent, TellableFinding
from pushwarden.respond.run import DONE, REFUSED, Outcome

COMMENTS_MAX: Final = 20
"""Comments for one push; the mail and the event name the rest."""


@dataclass(frozen=True, slots=True)
class Note:
    """One comment."""

    commit: str
    parent: str | None
    path: str | None
    """None: about the commit as a whole."""
    line: int
    text: str
    token: str
    """CodeCommit takes the same token once: a second delivery of the event comments no second time."""


@dataclass(frozen=True, slots=True)
class CommentPlan:
    """Which comments go where."""

    repository: str
    notes: tuple[Note, ...]
    left_out: int

    def explain(self) -> str:
        """Return the plan in a sentence."""
        return f"Comment {len(self.notes)} times in {self.repository}; {self.left_out} findings get no comment."


def plan(event: SecurityEvent, parents: Mapping[str, str | None]) -> CommentPlan:
    """Return the comments for an event.

    Args:
        event: the security event.
        parents: first parent of each commit that is there, None for a first commit. Others get no comment.
    """
    notes = [
        _note(event, each, each.commit, parents[each.commit])
        for each in event.findings
        if each.commit is not None and each.commit in parents
    ]
    shown = tuple({note.token: note for note in notes}.values())[:COMMENTS_MAX]
    return CommentPlan(event.push.repository, shown, event.finding_count - len(shown))


def execute(the_plan: CommentPlan, codecommit: CodeCommit) -> Outcome:
    """Post the comments.

    Raises:
        CodeCommitError: CodeCommit refused.
    """
    if not the_plan.notes:
        return Outcome(REFUSED, "Nothing was found in a commit that one could comment on.")
    for note in the_plan.notes:
        codecommit.comment(
            the_plan.repository,
            before=note.parent,
            after=note.commit,
            path=note.path,
            line=note.line,
            text=note.text,
            token=note.token,
        )
    count = len(the_plan.notes)
    more = f" {the_plan.left_out} more findings got none." if the_plan.left_out else ""
    what = "1 comment was" if count == 1 else f"{count} comments were"
    return Outcome(DONE, f"{what} left in {the_plan.repository}.{more}", {"comments": str(count)})


def comment(event: SecurityEvent, codecommit: CodeCommit) -> Outcome:
    """Look which commits there are, plan, and carry the plan out."""
    ids = list(dict.fromkeys(each.commit for each in event.findings if each.commit))[:COMMENTS_MAX]
    found = codecommit.commits(event.push.repository, ids) if ids else []
    parents = {each.commit_id: (each.parents[0] if each.parents else None) for each in found}
    return execute(plan(event, parents), codecommit)


def _note(event: SecurityEvent, finding: TellableFinding, commit: str, parent: str | None) -> Note:
    in_file = finding.source == "file"
    place = f"{finding.path}\0{finding.line}" if in_file else finding.source
    parts = [commit, place, finding.rule_id, finding.fingerprint]
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
    return Note(
        commit=commit,
        parent=parent,
        path=finding.path if in_file else None,
        line=finding.line,
        text=_text(event, finding),
        token=f"{event.incident_id}-{digest[:20]}",
    )


def _text(event: SecurityEvent, finding: TellableFinding) -> str:
    where = "here" if finding.source == "file" else f"in this commit ({finding.source.replace('-', ' ')})"
    lines: Sequence[str] = (
        f"**Pushwarden found a secret {where}**: {finding.title} (`{finding.rule_id}`, {finding.confidence.label}).",
        "Rotate it first. Removing this commit does not take it out of CodeCommit.",
        *((finding.advice,) if finding.advice else ()),
        f"Incident {event.incident_id}",
    )
    return "\n\n".join(lines)
