"""Metrics from the functions' structured logs, the alarm on incomplete scans, and the dashboard.

Metric filters read what the functions log anyway, so that measuring costs a function no time and no rights:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.constructs.alarms import FIVE_MINUTES, Alarms
from cdk.constructs.subscriber import SubscriberConstruct


@dataclass(frozen=True, slots=True)
class LogMetric:
    """A number to draw from log lines."""

    name: str
    equals: Mapping[str, str]
    """Fields of a line and what they must hold."""
    positive: str | None = None
    """A field that must be above zero; the line adds its value instead of 1."""

    @property
    def value(self) -> str:
        """What a matching line adds."""
        return f"$.{self.positive}" if self.positive else "1"

    def pattern(self) -> str:
        """Return CloudWatch's filter pattern."""
        terms = [f'$.{key} = "{value}"' for key, value in self.equals.items()]
        if self.positive:
            terms.append(f"$.{self.positive} > 0")
        return "{ " + " && ".join(terms) + " }"


PUSHES: Final = LogMetric("Pushes", {"message": "done"}, "pushes")
FINDINGS: Final = LogMetric("Findings", {"message": "done"}, "findings")
INCOMPLETE: Final = LogMetric("IncompleteScans", {"message": "done", "result": "incomplete"})
DONE: Final = LogMetric("ResponsesDone", {"message": "done", "outcome": "done"})
REFUSED: Final = LogMetric("ResponsesRefused", {"message": "done", "outcome": "refused"})
FAILED: Final = LogMetric("ResponsesFailed", {"message": "done", "outcome": "failed"})
TOLD: Final = LogMetric("Told", {"message": "done"})
ATTEMPTS_FAILED: Final = LogMetric("AttemptsFailed", {"message": "failed"})
MISSING: Final = LogMetric("Missing", {"message": "reconciled"}, "missing")
"""Pushes whose event never came."""

_MINE: Final = {"scan": (PUSHES, FINDINGS, INCOMPLETE), "notify": (TOLD,)}
_WITHOUT_QUEUE: Final = {"reconcile": (MISSING,)}


def log_metrics(subscriber: str) -> tuple[LogMetric, ...]:
    """Return what is drawn from a function's log."""
    if subscriber in _WITHOUT_QUEUE:
        return _WITHOUT_QUEUE[subscriber]
    return (*_MINE.get(subscriber, (DONE, REFUSED, FAILED)), ATTEMPTS_FAILED)


class Monitoring(Construct):
    """Filters, one alarm, one dashboard."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        subscribers: Sequence[SubscriberConstruct],
        alarms: Alarms,
    ) -> None:
        """Make them.

        Args:
            scope: the stack.
            construct_id: id in the scope.
            name: names the dashboard and the metrics' namespace.
            subscribers: what is watched.
            alarms: makes alarms.
        """
        super().__init__(scope, construct_id)
        self._name = name
        self._subscribers = subscribers
        for each in subscribers:
            if each.queue is not None or each.subscriber.name in _WITHOUT_QUEUE:
                self._filters(each)
        alarms.add(
            self,
            "incomplete-scans",
            self._metric("scan", INCOMPLETE, labelled=False),
            description="A push could not be scanned to its end. Its event says why; its mail names the push.",
        )
        self.dashboard = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=name)
        self.dashboard.add_widgets(
            self._graph("Pushes", [self._metric("scan", PUSHES), self._metric("reconcile", MISSING)]),
            self._graph("Scan time", [self._duration(statistic) for statistic in ("p50", "p95", "Maximum")]),
            self._graph("Findings", [self._metric("scan", FINDINGS), self._metric("scan", INCOMPLETE)]),
        )
        self.dashboard.add_widgets(
            self._graph("Responses", self._responses()),
            self._graph("Failures", self._failures()),
            self._graph(
                "Dead letters", [self._dead(each.dead, each.subscriber.name) for each in subscribers if each.dead]
            ),
        )

    def _filters(self, construct: SubscriberConstruct) -> None:
        for each in log_metrics(construct.subscriber.name):
            logs.MetricFilter(
                construct,
                f"{each.name}Filter",
                log_group=construct.log_group,
                filter_pattern=logs.FilterPattern.literal(each.pattern()),
                metric_namespace=self._namespace,
                metric_name=f"{construct.subscriber.name}{each.name}",
                metric_value=each.value,
            )

    @property
    def _namespace(self) -> str:
        return f"Pushwarden/{self._name}"

    def _metric(self, subscriber: str, metric: LogMetric, *, labelled: bool = True) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=self._namespace,
            metric_name=f"{subscriber}{metric.name}",
            statistic="Sum",
            period=FIVE_MINUTES,
            label=f"{subscriber} {metric.name}" if labelled else None,
        )

    def _duration(self, statistic: str) -> cloudwatch.IMetric:
        scan = next(each for each in self._subscribers if each.subscriber.name == "scan")
        return scan.function.metric_duration(statistic=statistic, period=FIVE_MINUTES, label=statistic)

    def _responses(self) -> list[cloudwatch.IMetric]:
        found: list[cloudwatch.IMetric] = []
        for each in self._subscribers:
            name = each.subscriber.name
            found += [
                self._metric(name, metric)
                for metric in log_metrics(name)
                if each.queue and metric in (DONE, REFUSED, TOLD)
            ]
        return found

    def _failures(self) -> list[cloudwatch.IMetric]:
        found: list[cloudwatch.IMetric] = []
        for each in self._subscribers:
            name = each.subscriber.name
            found += [
                self._metric(name, metric)
                for metric in log_metrics(name)
                if each.queue and metric in (FAILED, ATTEMPTS_FAILED)
            ]
            found.append(each.function.metric_errors(period=FIVE_MINUTES, label=f"{name} crashes"))
        return found

    @staticmethod
    def _dead(queue: sqs.Queue, label: str) -> cloudwatch.IMetric:
        return queue.metric_approximate_number_of_messages_visible(
            statistic="Maximum", period=FIVE_MINUTES, label=label
        )

    @staticmethod
    def _graph(title: str, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
        return cloudwatch.GraphWidget(
            title=title, left=list(metrics), width=8, height=6, period=cdk.Duration.minutes(5)
        )
