"""Alarms, which reach the people that leaks reach."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct


class Alarms:
    """Makes alarms that tell the mail topic."""

    def __init__(self, *, name: str, topic: sns.ITopic) -> None:
        self._name = name
        self._topic = topic

    def add(
        self,
        scope: Construct,
        what: str,
        metric: cloudwatch.IMetric,
        *,
        description: str,
        at_least: float = 1,
        periods: int = 1,
    ) -> cloudwatch.Alarm:
        """Make one.

        Args:
            scope: the construct that the alarm is about.
            what: ends its name, and is its id in the scope.
            metric: what is watched.
            description: what it means and what to do, for the person who gets the mail.
            at_least: the value that alarms.
            periods: in how many periods in a row.
        """
        alarm = cloudwatch.Alarm(
            scope,
            "".join(part.capitalize() for part in what.split("-")),
            alarm_name=f"{self._name}-{what}",
            alarm_description=description,
            metric=metric,
            threshold=at_least,
            evaluation_periods=periods,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            # No traffic is no trouble.
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self._topic))
        return alarm


FIVE_MINUTES = cdk.Duration.minutes(5)
