"""What the deployed lock stops and whom: every CodeCommit action, evaluated over the synthesized policies."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pushwarden.local.codecommit.iam import AccessRequest, Decision, evaluate
from pushwarden.topology import LOCK, RESET, SCAN, SUBSCRIBERS, WORKERS, Subscriber
from tests.cdk import simulator
from tests.cdk.concrete import ACCOUNT, REGION, Deployed

HERE = Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs" / "lock.md"
# Every action of the service authorization reference, and whether it knows a repository:
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodecommit.html
ACTIONS: dict[str, bool] = json.loads((simulator.FOLDER / "actions.json").read_text())
REPOSITORY = f"arn:aws:codecommit:{REGION}:{ACCOUNT}:payments"
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "codecommit:*", "Resource": "*"}]}
# What a developer who is no administrator is usually given.
ORDINARY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "codecommit:Batch*",
                "codecommit:Create*",
                "codecommit:Describe*",
                "codecommit:Get*",
                "codecommit:Git*",
                "codecommit:List*",
                "codecommit:Merge*",
                "codecommit:Post*",
                "codecommit:Put*",
                "codecommit:Update*",
            ],
            "Resource": "*",
        }
    ],
}


@dataclass(frozen=True)
class Who:
    name: str
    arn: str
    policies: tuple[Any, ...]


@dataclass(frozen=True)
class Request:
    who: Who
    action: str
    state: str

    @property
    def resource(self) -> str:
        return REPOSITORY if ACTIONS[self.action] else "*"

    @property
    def context(self) -> dict[str, list[str]]:
        context = {"aws:PrincipalArn": [self.who.arn]}
        if ACTIONS[self.action]:
            context["aws:ResourceTag/RepoState"] = [self.state]
        if self.action in {"TagResource", "UntagResource"}:
            context["aws:TagKeys"] = ["RepoState"]
        return context

    @property
    def allowed(self) -> bool:
        """What the local CodeCommit's own evaluation says."""
        context = {key.lower(): values for key, values in self.context.items()}
        request = AccessRequest(f"codecommit:{self.action}", self.resource, context)
        return evaluate(self.who.policies, request) is Decision.ALLOW


@pytest.fixture(scope="module")
def people(deployed: Deployed) -> list[Who]:
    lock = deployed.one("AWS::IAM::ManagedPolicy", ManagedPolicyName=f"pushwarden-lock-{REGION}")["PolicyDocument"]
    user = f"arn:aws:iam::{ACCOUNT}:user"
    roles = deployed.of_type("AWS::IAM::Role")

    def role(subscriber: Subscriber) -> Who:
        function = deployed.one("AWS::Lambda::Function", FunctionName=f"pushwarden-{subscriber.name}")
        logical_id = next(each for each in roles if function["Role"].endswith(f"/{each.lower()}"))
        documents = tuple(each["PolicyDocument"] for each in roles[logical_id]["Policies"])
        return Who(f"Pushwarden's {subscriber.name}", function["Role"], (*documents, lock))

    return [
        Who("ordinary user", f"{user}/ordinary", (ORDINARY, lock)),
        Who("power user", f"{user}/power", (EVERYTHING, lock)),
        Who("super user", f"{user}/super", (EVERYTHING,)),
        role(SCAN),
        role(LOCK),
        role(RESET),
    ]


def requests(people: list[Who]) -> Iterator[Request]:
    for who in people:
        for action in ACTIONS:
            for state in ("ok", "locked"):
                yield Request(who, action, state)


def page(people: list[Who]) -> str:
    lines = [
        "# What the lock stops",
        "",
        "Made by the tests from the deployed policies. *yes*: allowed. *-*: refused. *yes, locked -*: allowed until the",
        "repository is locked. The lock's policy is attached to all but the super user; Pushwarden's roles are spared by it.",
        "Both kinds of tagging mean the lock's own tag.",
        "",
        f"| action | {' | '.join(who.name for who in people)} |",
        f"|---|{'---|' * len(people)}",
    ]
    for action in ACTIONS:
        cells = []
        for who in people:
            free, locked = (Request(who, action, state).allowed for state in ("ok", "locked"))
            cells.append("yes" if locked else "yes, locked -" if free else "-")
        lines.append(f"| {action} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def test_the_page_shows_what_the_policies_say(people: list[Who]) -> None:
    made = page(people)
    if os.environ.get("PUSHWARDEN_WRITE_PAGES"):
        PAGE.write_text(made)
    assert PAGE.read_text() == made, "PUSHWARDEN_WRITE_PAGES=1 writes it anew"


@pytest.mark.parametrize("name", ["ordinary user", "power user"])
def test_a_locked_repository_gives_nothing_out_and_takes_nothing_in(people: list[Who], name: str) -> None:
    who = next(each for each in people if each.name == name)
    contents = {"BatchGetCommits", "GetBlob", "GetDifferences", "GetFile", "GetFolder", "GitPull", "UploadArchive"}
    contents |= {"BatchDescribeMergeConflicts", "DescribeMergeConflicts", "GetMergeConflicts", "GetTree"}
    writes = {action for action in ACTIONS if action.startswith(("Create", "Delete", "Merge", "Post", "Put", "Update"))}
    for action in contents | writes | {"GitPush"}:
        if ACTIONS[action]:
            assert not Request(who, action, "locked").allowed, action


@pytest.mark.parametrize("name", ["ordinary user", "power user"])
@pytest.mark.parametrize("state", ["ok", "locked"])
def test_nobody_who_is_bound_can_touch_the_tag(people: list[Who], name: str, state: str) -> None:
    who = next(each for each in people if each.name == name)
    assert not Request(who, "TagResource", state).allowed
    assert not Request(who, "UntagResource", state).allowed


def test_a_super_user_may_do_everything_while_locked(people: list[Who]) -> None:
    who = next(each for each in people if each.name == "super user")
    assert all(Request(who, action, "locked").allowed for action in ACTIONS)


def test_pushwardens_roles_do_their_work_on_a_locked_repository(people: list[Who]) -> None:
    by_name = {each.name: each for each in people}
    for name, subscriber in (("scan", SCAN), ("lock", LOCK), ("reset", RESET)):
        who = by_name[f"Pushwarden's {name}"]
        granted = {
            action.removeprefix("codecommit:")
            for grant in subscriber.grants
            for action in grant.actions
            if action.startswith("codecommit:")
        }
        assert {action for action in ACTIONS if Request(who, action, "locked").allowed} == granted


def test_an_independent_simulator_decides_the_same(people: list[Who]) -> None:
    simulator.needed()
    asked = list(requests(people))
    decided = simulator.decide(
        [
            simulator.Question(
                each.who.arn,
                f"codecommit:{each.action}",
                each.resource,
                {key: values if key == "aws:TagKeys" else values[0] for key, values in each.context.items()},
                list(each.who.policies),
            )
            for each in asked
        ]
    )
    different = [
        (each.who.name, each.action, each.state)
        for each, theirs in zip(asked, decided, strict=True)
        if each.allowed != theirs
    ]
    assert different == []
    assert len(asked) == len(ACTIONS) * len(people) * 2


def test_the_policy_has_a_name_to_refer_to_and_spares_every_role_of_pushwarden(deployed: Deployed) -> None:
    policy = deployed.one("AWS::IAM::ManagedPolicy", ManagedPolicyName=f"pushwarden-lock-{REGION}")
    # Permission sets refer to it by this name.
    assert policy["ManagedPolicyName"] == f"pushwarden-lock-{REGION}"
    roles = {each["Role"] for each in deployed.of_type("AWS::Lambda::Function").values()}
    assert len(roles) == len((*SUBSCRIBERS, *WORKERS))
    for statement in policy["PolicyDocument"]["Statement"]:
        assert set(statement["Condition"]["ArnNotLike"]["aws:PrincipalArn"]) == roles
