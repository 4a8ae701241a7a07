"""Granted = used: what each role of the synthesized template allows, and what is done in its name, are the same set.

The local service runs until every function has done all of its work (:mod:`tests.cdk.everybody`). Each call to AWS is
recorded with its resource and what conditions may look at, those included that a service makes to KMS in its caller's name.
Then the template's role must allow every recorded call, and every grant must have been used.

What Lambda, Step Functions and the scheduler do by themselves, no local service does. Those grants are compared with what
AWS documents that they need.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import cfnlint
import pytest

from pushwarden.local.calls import Call
from pushwarden.local.codecommit.iam import Decision, evaluate
from pushwarden.local.service import LocalService
from pushwarden.topology import SUBSCRIBERS, WORKERS, Resource, Subscriber
from tests.cdk import simulator
from tests.cdk.concrete import ACCOUNT, REGION, Deployed
from tests.cdk.conftest import ROOT
from tests.cdk.everybody import EVERYTHING, operator, work
from tests.cdk.looking import arns, as_list, policies
from tests.conftest import once, shared
from tests.simulation.shortcuts import fast_moto

# Ten functions start, and wait for each other; on a busy machine that takes a while.
pytestmark = pytest.mark.timeout(400)
EVERY = pytest.mark.parametrize("subscriber", [*SUBSCRIBERS, *WORKERS], ids=lambda each: each.name)
PEOPLE = "in charge"
BACKFILL = "backfill"
"""The state machine, among the names of functions."""
GUIDE = ROOT / "docs" / "deploy.md"
# What actions know a resource, as cfn-lint has it from the service authorization reference.
REFERENCE = json.loads((Path(cfnlint.__file__).parent / "data" / "AdditionalSpecs" / "Policies.json").read_text())

# https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html and .../cw-logs.html, .../concepts-xray-tracing.html
RUNS = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:pushwarden-backfill/*"
BY_STEP_FUNCTIONS = {
    ("states:StartExecution", f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:pushwarden-backfill"),
    ("states:DescribeExecution", RUNS),
    ("states:StopExecution", RUNS),
    *(
        (f"logs:{action}", "*")
        for action in (
            "CreateLogDelivery",
            "DeleteLogDelivery",
            "DescribeLogGroups",
            "DescribeResourcePolicies",
            "GetLogDelivery",
            "ListLogDeliveries",
            "PutResourcePolicy",
            "UpdateLogDelivery",
        )
    ),
    ("xray:PutTelemetryRecords", "*"),
    ("xray:PutTraceSegments", "*"),
}
# A result that is large is written in parts: https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
IN_PARTS = {"s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"}


Made = dict[str, list[Call]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, deployed: Deployed, compiled_rules: Path) -> Made:
    """What each function (and the state machine) did, with resources under their names in the template."""
    record = shared(tmp_path_factory, "cdk-calls") / "calls.json"
    with once(record.parent) as needed:
        if needed:
            root = tmp_path_factory.mktemp("everybody")
            with fast_moto(), LocalService(root, policy=EVERYTHING, rules=compiled_rules) as service:
                work(service, tmp_path_factory.mktemp("people"))
                record.write_text(json.dumps(recorded(service, deployed)))
    found = json.loads(record.read_text())
    return {
        name: [
            Call(action, resource, tuple((key, tuple(values)) for key, values in context))
            for action, resource, context in calls
        ]
        for name, calls in found.items()
    }


def recorded(service: LocalService, deployed: Deployed) -> dict[str, list[Any]]:
    stack = service.stack
    there = arns(deployed)
    names = {
        stack.settings.key_id: there[Resource.KEY],
        f"table/{stack.settings.table}": there[Resource.TABLE].rpartition(":")[2],
        stack.settings.backup_bucket: there[Resource.BACKUPS].rpartition(":")[2].removesuffix("/*"),
        stack.name: "pushwarden",
    }

    def deployed_name(resource: str) -> str:
        for here, name in names.items():
            resource = resource.replace(here, name)
        return resource

    roles = {each.name: stack.principal(each).policy_arn for each in (*SUBSCRIBERS, *WORKERS)}
    roles[BACKFILL] = stack.machine_role
    roles[PEOPLE] = operator(service).policy_arn
    assert [call for role, call in service.calls.refused() if role in roles.values()] == []
    return {
        name: [[call.action, deployed_name(call.resource), call.context] for call in service.calls.of(role)]
        for name, role in roles.items()
    }


def in_charge(deployed: Deployed) -> Any:
    """Return the policy of those in charge."""
    return deployed.one("AWS::IAM::ManagedPolicy", ManagedPolicyName=f"pushwarden-operators-{REGION}")["PolicyDocument"]


def role_arn(deployed: Deployed, name: str) -> str:
    if name == BACKFILL:
        return str(deployed.one("AWS::StepFunctions::StateMachine")["RoleArn"])
    return str(deployed.one("AWS::Lambda::Function", FunctionName=f"pushwarden-{name}")["Role"])


def documents(deployed: Deployed, role: str) -> dict[str, Any]:
    """Return the policies of a role by name."""
    (found,) = [each for name, each in deployed.of_type("AWS::IAM::Role").items() if role.endswith(f"/{name.lower()}")]
    assert not found.get("ManagedPolicyArns")
    return {each["PolicyName"]: each["PolicyDocument"] for each in found["Policies"]}


def grants(document: Any) -> set[tuple[str, str]]:
    return {
        (action, resource)
        for statement in document["Statement"]
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
        if statement["Effect"] == "Allow"
    }


def covers(grant: tuple[str, str], call: Call) -> bool:
    pattern = re.escape(grant[1]).replace(r"\*", ".*")
    return grant[0] == call.action and re.fullmatch(pattern, call.resource) is not None


ACTORS = [*(each.name for each in (*SUBSCRIBERS, *WORKERS)), BACKFILL]


@pytest.mark.parametrize("name", ACTORS)
def test_every_call_that_was_made_is_allowed_by_the_templates_role(deployed: Deployed, made: Made, name: str) -> None:
    role = role_arn(deployed, name)
    work_only = [documents(deployed, role)["work"]]
    assert made[name]
    refused = [each for each in made[name] if evaluate(work_only, each.request(role)) is not Decision.ALLOW]
    assert refused == []


@pytest.mark.parametrize("name", ACTORS)
def test_every_grant_of_the_templates_role_was_used(deployed: Deployed, made: Made, name: str) -> None:
    granted = grants(documents(deployed, role_arn(deployed, name))["work"])
    unused = {grant for grant in granted if not any(covers(grant, call) for call in made[name])}
    if name == BACKFILL:
        unused -= BY_STEP_FUNCTIONS
        unused -= {(action, resource) for action, resource in unused if action in IN_PARTS}
    assert unused == set()


def test_those_in_charge_may_do_what_the_commands_do_and_nothing_more(deployed: Deployed, made: Made) -> None:
    document, who = in_charge(deployed), f"arn:aws:iam::{ACCOUNT}:user/operator"
    assert [each for each in made[PEOPLE] if evaluate([document], each.request(who)) is not Decision.ALLOW] == []
    unused = {grant for grant in grants(document) if not any(covers(grant, call) for call in made[PEOPLE])}
    # The local service hands the commands what they read from the stack's outputs elsewhere.
    assert unused == {
        ("cloudformation:DescribeStacks", f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/pushwarden/*")
    }


def test_the_state_machine_may_do_what_step_functions_needs_and_nothing_more(deployed: Deployed) -> None:
    work_of = documents(deployed, role_arn(deployed, BACKFILL))
    assert set(work_of) == {"work"}
    there = arns(deployed)
    lists = there[Resource.BACKUPS].removesuffix("*") + "backfill/*"
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:pushwarden"
    assert grants(work_of["work"]) == {
        *BY_STEP_FUNCTIONS,
        *((action, lists) for action in ("s3:GetObject", "s3:PutObject", *IN_PARTS)),
        *(("lambda:InvokeFunction", f"{function}-{each.name}") for each in WORKERS),
        ("kms:Decrypt", there[Resource.KEY]),
        ("kms:GenerateDataKey", there[Resource.KEY]),
    }


def test_a_schedule_may_start_its_function_and_put_what_failed_aside(deployed: Deployed) -> None:
    """https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html"""
    scheduled = [each for each in SUBSCRIBERS if each.schedule is not None]
    assert scheduled
    for each in scheduled:
        schedule = deployed.one("AWS::Scheduler::Schedule", Name=f"pushwarden-{each.name}")
        (document,) = documents(deployed, schedule["Target"]["RoleArn"]).values()
        assert grants(document) == {
            ("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:pushwarden-{each.name}"),
            ("sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:pushwarden-{each.name}-dead"),
            ("kms:Decrypt", arns(deployed)[Resource.KEY]),
            ("kms:GenerateDataKey", arns(deployed)[Resource.KEY]),
        }


def test_there_is_no_role_beside_those_that_are_proven_here(deployed: Deployed) -> None:
    known = {role_arn(deployed, name) for name in ACTORS}
    known |= {each["Target"]["RoleArn"] for each in deployed.of_type("AWS::Scheduler::Schedule").values()}
    assert {each.rpartition("/")[2] for each in known} == {each.lower() for each in deployed.of_type("AWS::IAM::Role")}
    assert deployed.of_type("AWS::IAM::Policy") == {}


@EVERY
def test_what_lambda_does_in_a_functions_name_is_kept_apart(deployed: Deployed, subscriber: Subscriber) -> None:
    """The other policy is Lambda's own: tests/cdk/test_template.py compares it with what AWS documents."""
    assert set(policies(deployed, subscriber)) == {"work", "plumbing"}


def without_a_resource(deployed: Deployed) -> dict[str, set[str]]:
    """Return the actions that are granted on every resource, and by which roles."""
    found: dict[str, set[str]] = {}
    for name in ACTORS:
        for document in documents(deployed, role_arn(deployed, name)).values():
            for action, resource in grants(document):
                if resource == "*":
                    found.setdefault(action, set()).add(name)
    for action, resource in grants(in_charge(deployed)):
        if resource == "*":
            found.setdefault(action, set()).add(PEOPLE)
    return found


def test_no_action_has_a_wildcard_and_every_resource_only_where_aws_knows_none(deployed: Deployed) -> None:
    everybodys = [each for name in ACTORS for each in documents(deployed, role_arn(deployed, name)).values()]
    for document in (*everybodys, in_charge(deployed)):
        for action, resource in grants(document):
            service, _, operation = action.partition(":")
            assert "*" not in action
            known = REFERENCE[service]["Actions"]
            assert operation.lower() in {each.lower() for each in known}, action
            (entry,) = [each for key, each in known.items() if key.lower() == operation.lower()]
            assert (resource == "*") == (not (entry or {}).get("Resources")), (action, resource)


def test_the_guide_lists_every_action_that_is_granted_on_all_resources(deployed: Deployed) -> None:
    table = GUIDE.read_text().partition("| action | roles |\n")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (`\w+:\w+`(?:, `\w+:\w+`)*) \| ([^|]+) \|$", table, re.MULTILINE)
    said = {action: roles for actions, roles in rows for action in re.findall(r"`(\S+)`", actions)}
    spoken = {**{name: name for name in ACTORS}, BACKFILL: "the state machine", PEOPLE: "and those in charge"}
    assert said == {
        action: "every one" if by == set(ACTORS) else ", ".join(spoken[each] for each in spoken if each in by)
        for action, by in without_a_resource(deployed).items()
    }


def resource_policies(deployed: Deployed) -> dict[str, Any]:
    """Return the policies of queues, topics, bucket and key by the ARN that a call names, without an object's key."""
    found = {arns(deployed)[Resource.KEY]: deployed.one("AWS::KMS::Key")["KeyPolicy"]}
    found[arns(deployed)[Resource.BACKUPS].removesuffix("/*")] = deployed.one("AWS::S3::BucketPolicy")["PolicyDocument"]
    for each in deployed.of_type("AWS::SNS::TopicPolicy").values():
        found |= dict.fromkeys(each["Topics"], each["PolicyDocument"])
    for each in deployed.of_type("AWS::SQS::QueuePolicy").values():
        names = [f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rpartition('/')[2]}" for url in each["Queues"]]
        found |= dict.fromkeys(names, each["PolicyDocument"])
    return found


def test_an_independent_simulator_allows_the_same_calls(deployed: Deployed, made: Made) -> None:
    simulator.needed()
    theirs = resource_policies(deployed)
    always = {"aws:SecureTransport": "true", "aws:PrincipalAccount": ACCOUNT, "aws:CurrentTime": "2026-01-01T00:00:00Z"}
    questions = [
        simulator.Question(
            role,
            call.action,
            call.resource,
            {**always, "aws:PrincipalArn": role, **{key: values[0] for key, values in call.context}},
            list(documents(deployed, role).values()),
            theirs.get(call.resource.partition("/")[0] if call.service == "s3" else call.resource),
        )
        for name in ACTORS
        for role in [role_arn(deployed, name)]
        for call in made[name]
    ]
    refused = [
        (each.principal, each.action, each.resource)
        for each, allowed in zip(questions, simulator.decide(questions), strict=True)
        if not allowed
    ]
    assert refused == []
    without = [replace(each, policies=[]) for each in questions]
    assert not any(simulator.decide(without)), "the simulator allows what no policy of the role allows"
