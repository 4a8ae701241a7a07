"""The mail of a backfill: what a person needs to go on, and nothing that a stranger made up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pushwarden.events import MalformedEventError
from pushwarden.respond.report_mail import BackfillReport, report_mail

TOTALS = {"scanned": 3, "leaky": 1, "commits": 1200, "high": 2, "medium": 1, "low": 0, "gaps": 0, "unscanned": 0}
REPORT = BackfillReport("first", "eu-west-1", "s3://bucket/backfill/first/reports/", TOTALS, (("shop", 2, 1, 0, 0),))


def test_the_mail_names_the_worst_repositories_and_where_the_reports_are() -> None:
    mail = report_mail(REPORT)

    assert mail.subject == "Backfill: 3 old findings in 1 repositories"
    assert "shop" in mail.text
    assert "s3://bucket/backfill/first/reports/" in mail.text
    assert "Nothing was locked or reset" in mail.text


def test_a_history_that_is_not_scanned_whole_says_so_first_and_how_to_go_on() -> None:
    mail = report_mail(replace(REPORT, totals={**TOTALS, "unscanned": 4}))

    assert mail.subject.startswith("Backfill incomplete")
    assert "pushwarden backfill start" in mail.text


def test_a_subject_stays_under_the_limit_of_sns_whatever_the_figures() -> None:
    totals = dict.fromkeys(TOTALS, 10**9)

    assert len(report_mail(replace(REPORT, totals=totals)).subject) < 100


def test_an_event_comes_back_from_its_detail() -> None:
    assert BackfillReport.from_detail(REPORT.to_detail()) == REPORT


@pytest.mark.parametrize("name", ["", "a b", "x\nSubject: y", 7, None, "r" * 101])
def test_a_report_with_a_repository_that_cannot_be_one_is_refused(name: object) -> None:
    detail = {**REPORT.to_detail(), "repositories": [[name, 1, 0, 0, 0]]}

    with pytest.raises(MalformedEventError):
        BackfillReport.from_detail(detail)


def test_a_report_without_totals_is_refused() -> None:
    detail = {key: value for key, value in REPORT.to_detail().items() if key != "totals"}

    with pytest.raises(MalformedEventError, match="totals"):
        BackfillReport.from_detail(detail)
