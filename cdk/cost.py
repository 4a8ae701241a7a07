"""What a deployment costs per month: assumptions, prices, sum. ``python -m cdk.cost`` writes the page ``docs/cost.md``.

Prices are those of us-east-1, without free tiers. AWS's pages fill their tables in by script; so each price was compared with
publications of 2026 that quote them, and X-Ray's and Lambda's with AWS's own text. Look them up again before you rely on them.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Final

from pushwarden.topology import LOCK, NOTIFY, RECONCILE, RESET, SCAN, SUBSCRIBERS, Subscriber

DAYS: Final = 30
PUSHES: Final = (50, 1_000, 20_000)
LEAKS_PER_PUSH: Final = 0.002
SCAN_S: Final = 1.5
RESPONSE_S: Final = 1.0
RECONCILE_S: Final = 60.0
REPOSITORIES: Final = 100
PUSHES_PER_PERSON: Final = 10
LOG_KB: Final = 1.5

_MILLION: Final = 1_000_000
PRICES: Final = {
    "Lambda, GB-second on x86": 0.0000166667,
    "Lambda, million requests": 0.20,
    "SQS, million requests": 0.40,
    "EventBridge, million events on a bus of one's own": 1.00,
    "SNS, million requests": 0.50,
    "SNS, 100,000 mails": 2.00,
    "DynamoDB, million writes on demand": 0.625,
    "DynamoDB, million reads on demand": 0.125,
    "KMS, key per month": 1.00,
    "KMS, million requests": 3.00,
    "S3, GB-month": 0.023,
    "CloudWatch, alarm": 0.10,
    "CloudWatch, metric of one's own": 0.30,
    "CloudWatch, GB of logs taken in": 0.50,
    "X-Ray, million traces": 5.00,
    "CodeCommit, million git requests above the allowance": 1_000.00,
    "CodeCommit, active user": 1.00,
}
"""In US dollars."""
LOOKED_UP: Final = "2026-11-23"
_PAGES: Final = {
    "CloudWatch": "https://aws.amazon.com/cloudwatch/pricing/",
    "CodeCommit": "https://aws.amazon.com/codecommit/pricing/",
    "DynamoDB": "https://aws.amazon.com/dynamodb/pricing/on-demand/",
    "EventBridge": "https://aws.amazon.com/eventbridge/pricing/",
    "KMS": "https://aws.amazon.com/kms/pricing/",
    "Lambda": "https://aws.amazon.com/lambda/pricing/",
    "S3": "https://aws.amazon.com/s3/pricing/",
    "SNS": "https://aws.amazon.com/sns/pricing/",
    "SQS": "https://aws.amazon.com/sqs/pricing/",
    "X-Ray": "https://aws.amazon.com/xray/pricing/",
}
_POLLS: Final = 5 * 3 * 60 * 24 * DAYS
"""Lambda asks each queue with five long polls of 20 seconds, day and night:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html"""

LEAK_WRITES: Final = 20
LEAK_READS: Final = 12
"""Counted in the local service for a leak that is told, locked and reset; most are notify's, which writes before and after each
message."""


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of cost."""

    what: str
    dollars: float


def monthly(pushes_per_day: int) -> list[Line]:
    """Return the costs of a month, largest kinds apart, in US dollars."""
    pushes = pushes_per_day * DAYS
    leaks = pushes * LEAKS_PER_PUSH
    listening = [each for each in SUBSCRIBERS if each.bus is not None and each.option is None]
    always = [each for each in SUBSCRIBERS if each.option is None]
    # A leak becomes one event and two responses, and each of the three is told.
    mails = 3 * leaks
    runs = pushes + leaks * 2 + mails
    alarms = sum(3 + len(each.queue_names) for each in always) + 2 * 2 + 1
    metrics = 4 + 2 + 1 + 4 * (len(listening) - 2)
    price = PRICES
    compute = (
        _gb_s(SCAN, SCAN_S) * pushes
        + (_gb_s(LOCK, RESPONSE_S) + _gb_s(RESET, RESPONSE_S)) * leaks
        + _gb_s(NOTIFY, RESPONSE_S) * mails
        + _gb_s(RECONCILE, RECONCILE_S) * 24 * DAYS
    )
    return [
        Line("Alarms", alarms * price["CloudWatch, alarm"]),
        # A metric is paid for the hours that it is written in; half of them at most, as few repositories leak each hour.
        Line("Metrics", metrics * price["CloudWatch, metric of one's own"] * min(1.0, 0.1 + pushes_per_day / 2_000)),
        Line(
            "Lambda",
            compute * price["Lambda, GB-second on x86"] + runs / _MILLION * price["Lambda, million requests"],
        ),
        Line(
            "SQS",
            (sum(len(each.queue_names) for each in listening) * _POLLS + runs * 3)
            / _MILLION
            * price["SQS, million requests"],
        ),
        Line("KMS", price["KMS, key per month"] + (runs * 4 + 20_000) / _MILLION * price["KMS, million requests"]),
        Line("X-Ray", runs / _MILLION * price["X-Ray, million traces"]),
        Line(
            "DynamoDB",
            (pushes * 2 + leaks * LEAK_WRITES) / _MILLION * price["DynamoDB, million writes on demand"]
            + (pushes * 4 + leaks * LEAK_READS) / _MILLION * price["DynamoDB, million reads on demand"],
        ),
        Line("Logs", runs * LOG_KB / _MILLION * price["CloudWatch, GB of logs taken in"]),
        Line(
            "EventBridge, SNS, S3",
            mails
            / _MILLION
            * (price["EventBridge, million events on a bus of one's own"] + price["SNS, million requests"])
            + mails / 100_000 * price["SNS, 100,000 mails"]
            + leaks / 1_000 * price["S3, GB-month"],
        ),
        Line("CodeCommit: four roles as active users", 4 * price["CodeCommit, active user"]),
    ]


def git_requests(pushes_per_day: int) -> float:
    """Return what the scans' fetches cost where no allowance is left, in US dollars a month."""
    return pushes_per_day * DAYS / _MILLION * PRICES["CodeCommit, million git requests above the allowance"]


def page() -> str:
    """Return docs/cost.md."""
    columns = [monthly(pushes) for pushes in PUSHES]
    rows = [
        f"| {line.what} | {' | '.join(f'{column[number].dollars:.2f}' for column in columns)} |"
        for number, line in enumerate(columns[0])
    ]
    sums = " | ".join(f"**{sum(line.dollars for line in column):.2f}**" for column in columns)
    extra = " | ".join(f"{git_requests(pushes):.2f}" for pushes in PUSHES)
    prices = [_priced(what, dollars) for what, dollars in PRICES.items()]
    return "\n".join(
        [
            "# What it costs",
            "",
            "Computed by `python -m cdk.cost` from the functions' sizes and the assumptions below. US dollars a month, without",
            "free tiers. A computation, not a bill: compare it with yours after the first month.",
            "",
            f"| pushes a day | {' | '.join(f'{pushes:,}' for pushes in PUSHES)} |",
            "|---|---:|---:|---:|",
            *rows,
            f"| **Sum** | {sums} |",
            f"| CodeCommit's git requests, at most | {extra} |",
            "",
            "**The last line matters.** Each scan is one git request. CodeCommit includes 2,000 of them a month for every active",
            "user, shared by the account, and takes 0.001 USD for each one above. Where people use less than their allowance, the",
            f"line is 0: who pushes {PUSHES_PER_PERSON} times a day causes {PUSHES_PER_PERSON * DAYS} scans a month, which leaves 1,700. Where pipelines use it up, the line is what",
            "is shown. A request counts if it transfers objects. The roles that touch repositories are active users, too: scan, lock,",
            "reset and reconcile; in a month with a backfill, its two roles as well.",
            "https://aws.amazon.com/codecommit/pricing/",
            "",
            "## Assumptions",
            "",
            f"- A scan takes {SCAN_S} s of {SCAN.memory_mb} MB, a response {RESPONSE_S} s. The hourly look at {REPOSITORIES} repositories takes {RECONCILE_S:.0f} s.",
            f"- {LEAKS_PER_PUSH:.1%} of the pushes leak. Each is told of, locked and reset, which is three mails to one address.",
            f"- A run logs {LOG_KB} kB and is traced. A backup has 1 MB.",
            "- Lambda asks each queue five times in 20 seconds, whether there are events or not.",
            "",
            "## Prices",
            "",
            f"US East (N. Virginia), looked up on {LOOKED_UP}. Other Regions differ. AWS's own pages count.",
            "",
            "| what | USD | page |",
            "|---|---:|---|",
            *prices,
            "",
        ]
    )


def _priced(what: str, dollars: float) -> str:
    service = what.partition(",")[0]
    return f"| {what} | {f'{dollars:.10f}'.rstrip('0').rstrip('.')} | [{service}]({_PAGES[service]}) |"


def _gb_s(subscriber: Subscriber, seconds: float) -> float:
    return subscriber.memory_mb / 1024 * seconds


if __name__ == "__main__":
    sys.stdout.write(page())
