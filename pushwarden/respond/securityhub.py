"""Report findings to Security Hub, and archive them when somebody has dealt with the incident; opt-in.

A finding's id is made of repository, commit, path, rule and fingerprint, so that reporting twice updates. Format:
https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format.html
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pushwarden.aws.securityhub import Asff, OpenReports, SecurityHub
from pushwarden.events import Push, SecurityEvent, SecurityResolution, TellableFinding
from pushwarden.model import Confidence
from pushwarden.respond.mail import console_url
from pushwarden.respond.run import DONE, REFUSED, Outcome

# Limits of the format: https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFinding.html
_TITLE_MAX: Final = 256
_DESCRIPTION_MAX: Final = 1024
_ADVICE_MAX: Final = 512
_TYPE: Final = "Sensitive Data Identifications/Passwords/Pushwarden"
_LABELS: Final = {Confidence.LOW: "LOW", Confidence.MEDIUM: "MEDIUM", Confidence.HIGH: "HIGH"}


@dataclass(frozen=True, slots=True)
class ReportPlan:
    """What Security Hub is to be told."""

    repository: str
    findings: tuple[Asff, ...]

    def explain(self) -> str:
        """Return the plan in a sentence."""
        return f"Report {len(self.findings)} findings of {self.repository} to Security Hub."


def finding_id(push: Push, finding: TellableFinding) -> str:
    """Return the stable id of a finding."""
    parts = (push.repository_id, str(finding.commit), finding.path, finding.rule_id, finding.fingerprint)
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{push.repository_arn}/pushwarden/{digest[:40]}"


def plan(event: SecurityEvent, *, now_s: float) -> ReportPlan:
    """Return the findings of an event in the AWS Security Finding Format, each once."""
    found = {finding_id(event.push, each): each for each in event.findings}
    return ReportPlan(event.push.repository, tuple(_asff(event, id_, each, now_s) for id_, each in found.items()))


def report(event: SecurityEvent, hub: SecurityHub, reports: OpenReports, *, now_s: float) -> Outcome:
    """Plan, remember what is open, and report.

    Raises:
        SecurityHubError: Security Hub is not enabled, or refused.
    """
    the_plan = plan(event, now_s=now_s)
    if not the_plan.findings:
        return Outcome(REFUSED, "The event lists no finding to report.")
    # Remembered first: what was reported can then be archived, whatever happens in between.
    reports.save(event.push.repository_id, event.incident_id, the_plan.findings, now_s=now_s)
    hub.put(the_plan.findings)
    count = len(the_plan.findings)
    return Outcome(
        DONE,
        f"Security Hub has {count} finding{'s' if count > 1 else ''} of this push; `pushwarden unlock` archives them.",
        {"findings": str(count)},
    )


def archive(resolution: SecurityResolution, hub: SecurityHub, reports: OpenReports, *, now_s: float) -> int:
    """Archive every finding of a repository that was open when it was resolved, and return how many there were.

    Events may be late and out of order: what was reported after the resolution is not dealt with by it. That may be the
    same finding, of a commit that was pushed once more. So it is archived as of the resolution: Security Hub passes over
    an update that is not newer than what it has.
    https://docs.aws.amazon.com/securityhub/latest/userguide/finding-update-batchimportfindings.html

    Raises:
        SecurityHubError: Security Hub is not enabled any more, or refused.
    """
    count = 0
    # A clock that is fast where somebody unlocked must not hide what is reported next.
    as_of = min(resolution.resolved_at, _time(now_s))
    for incident_id, findings in reports.of(resolution.repository_id).items():
        if any(each["UpdatedAt"] >= as_of for each in findings):
            continue
        hub.put([{**each, "RecordState": "ARCHIVED", "UpdatedAt": as_of} for each in findings])
        reports.forget(resolution.repository_id, incident_id)
        count += len(findings)
    return count


def _asff(event: SecurityEvent, id_: str, finding: TellableFinding, now_s: float) -> Asff:
    push = event.push
    partition = push.repository_arn.split(":")[1]
    hub = f"arn:{partition}:securityhub:{push.region}:{push.account}:product/{push.account}/default"
    where = f"{finding.path}, line {finding.line}" if finding.source == "file" else finding.source.replace("-", " ")
    details = {
        "repository": push.repository,
        "ref": push.ref,
        "commit": str(finding.commit),
        "path": finding.path,
        "line": str(finding.line),
        "rule": finding.rule_id,
        "incident": event.incident_id,
    }
    about = f"{finding.title} in {where}, commit {finding.commit}, pushed to {push.ref} of {push.repository}."
    return {
        "SchemaVersion": "2018-10-08",
        "Id": id_,
        "ProductArn": hub,
        "GeneratorId": f"pushwarden/{finding.rule_id}",
        "AwsAccountId": push.account,
        "CreatedAt": push.time,
        "UpdatedAt": _time(now_s),
        "RecordState": "ACTIVE",
        "Title": _cut(f"Secret in {push.repository}: {finding.title}", _TITLE_MAX),
        "Description": _cut(about, _DESCRIPTION_MAX),
        "FindingProviderFields": {"Severity": {"Label": _LABELS[finding.confidence]}, "Types": [_TYPE]},
        "Resources": [
            {
                "Type": "Other",
                "Id": push.repository_arn,
                "Partition": partition,
                "Region": push.region,
                "Details": {"Other": {key: _cut(value, _DESCRIPTION_MAX) for key, value in details.items()}},
            }
        ],
        "SourceUrl": console_url(push, finding.commit),
        "Remediation": {"Recommendation": {"Text": _cut(f"Rotate it first. {finding.advice}", _ADVICE_MAX)}},
    }


def _time(now_s: float) -> str:
    return datetime.fromtimestamp(now_s, UTC).isoformat(timespec="milliseconds")


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
