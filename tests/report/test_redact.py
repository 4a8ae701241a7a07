"""A report keeps secrets out of what it says beside them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pushwarden.model import REDACTED, Gap, Person, Source
from pushwarden.report import Report, ReportedFinding
from pushwarden.report.redact import redacted
from tests.conftest import made_up

LONG, SHORT = made_up("redact", 40), "hunter2x"
PLACES = 6
ReportOf = Callable[[str, Source], Report]


@pytest.fixture
def report_of(make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]) -> ReportOf:
    def make(secret: str, source: Source) -> Report:
        author = Person(f"Al {secret}", f"{secret}@example.com", "2026-03-05T10:11:12+01:00")
        refs = (f"refs/heads/{secret}",)
        found = make_finding(secret, path=f"conf/{secret}.txt", source=source, author=author, refs=refs)
        return make_report(found, gaps=(Gap("too-large", f"{secret} is too large", path=f"big/{secret}.bin"),))

    return make


def texts(report: Report) -> str:
    each, gap = report.findings[0], report.gaps[0]
    return " ".join((each.finding.path, str(each.finding.author), *each.refs, gap.message, str(gap.path)))


@pytest.mark.parametrize("secret", [LONG, SHORT])
def test_a_secret_in_a_file_name_stands_in_no_path_author_ref_or_reason(report_of: ReportOf, secret: str) -> None:
    told = texts(redacted(report_of(secret, Source.FILE_NAME)))

    assert secret not in told
    assert told.count(REDACTED) == PLACES


def test_a_long_secret_from_a_file_is_hidden_wherever_it_stands(report_of: ReportOf) -> None:
    assert LONG not in texts(redacted(report_of(LONG, Source.FILE)))


def test_a_short_one_from_a_file_may_be_a_word_and_leaves_paths_readable(report_of: ReportOf) -> None:
    assert redacted(report_of(SHORT, Source.FILE)) == report_of(SHORT, Source.FILE)


def test_of_many_secrets_in_one_path_each_is_hidden(
    make_finding: Callable[..., ReportedFinding], make_report: Callable[..., Report]
) -> None:
    secrets = [made_up(f"many{number}", 20 + number) for number in range(5)]
    path = "x" + "/".join([*secrets, secrets[0]]) + "y"
    found = [make_finding(secret, path=path, source=Source.FILE) for secret in secrets]

    shown = {each.finding.path for each in redacted(make_report(*found)).findings}

    assert shown == {"x" + "/".join([REDACTED] * 6) + "y"}
