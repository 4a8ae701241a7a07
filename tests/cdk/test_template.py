from __future__ import annotations

import json
import re
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from pushwarden.backfill_machine import definition
from pushwarden.settings import Policy, Settings
from pushwarden.topology import SUBSCRIBERS, WORKERS, Asset, Bus, Resource, Subscriber
from tests.cdk.concrete import ACCOUNT, REGION, Deployed
from tests.cdk.conftest import OPT_IN
from tests.cdk.looking import arns, as_list, function, policies

LISTENING = [each for each in SUBSCRIBERS if each.bus is not None]
EVERY = pytest.mark.parametrize("subscriber", [*SUBSCRIBERS, *WORKERS], ids=lambda each: each.name)
EVERY_LISTENING = pytest.mark.parametrize("subscriber", LISTENING, ids=lambda each: each.name)


@EVERY
def test_a_function_is_what_its_row_says(deployed: Deployed, subscriber: Subscriber) -> None:
    found = function(deployed, subscriber)
    assert found["Handler"] == subscriber.handler
    assert found["Runtime"] == "python3.14"
    assert found["Architectures"] == ["x86_64"]
    assert found["Timeout"] == subscriber.timeout_s
    assert found["MemorySize"] == subscriber.memory_mb
    assert found["EphemeralStorage"] == {"Size": subscriber.ephemeral_storage_mb}
    assert found["TracingConfig"] == {"Mode": "Active"}
    assert found["LoggingConfig"]["LogFormat"] == "JSON"
    log = deployed.one("AWS::Logs::LogGroup", LogGroupName=found["LoggingConfig"]["LogGroup"])
    assert log["RetentionInDays"] == 90


@EVERY
def test_a_role_may_do_what_its_row_grants_and_nothing_more(deployed: Deployed, subscriber: Subscriber) -> None:
    granted = {
        (action, resource)
        for statement in policies(deployed, subscriber)["work"]["Statement"]
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
        if statement["Effect"] == "Allow" and "Condition" not in statement
    }
    where = arns(deployed)
    assert granted == {(action, where[grant.resource]) for grant in subscriber.grants for action in grant.actions}


@EVERY
def test_the_plumbing_of_a_role_is_its_own_queue_log_key_and_traces(deployed: Deployed, subscriber: Subscriber) -> None:
    here = f"{REGION}:{ACCOUNT}:pushwarden-{subscriber.name}"
    queues = f"arn:aws:sqs:{REGION}:{ACCOUNT}:pushwarden-"
    log = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/pushwarden-{subscriber.name}:*"
    expected = {("logs:CreateLogStream", log), ("logs:PutLogEvents", log)}
    expected |= {("xray:PutTraceSegments", "*"), ("xray:PutTelemetryRecords", "*")}
    if subscriber.bus is not None:
        expected.add(("kms:Decrypt", arns(deployed)[Resource.KEY]))
        for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
            expected |= {(f"sqs:{action}", f"{queues}{end}") for end in subscriber.queue_names}
    elif subscriber.schedule is not None:
        expected.add(("kms:Decrypt", arns(deployed)[Resource.KEY]))
        expected.add(("sqs:SendMessage", f"arn:aws:sqs:{here}-dead"))
        expected.add(("kms:GenerateDataKey", arns(deployed)[Resource.KEY]))
    found = policies(deployed, subscriber)["plumbing"]["Statement"]
    assert {(a, r) for each in found for a in as_list(each["Action"]) for r in as_list(each["Resource"])} == expected


@EVERY
def test_a_function_is_told_everything_that_it_reads_from_its_environment(
    deployed: Deployed, subscriber: Subscriber
) -> None:
    variables = function(deployed, subscriber)["Environment"]["Variables"]
    settings = Settings.from_environment({"AWS_REGION": REGION, **variables})
    where = arns(deployed)
    assert where[Resource.TABLE].endswith(f"/{settings.table}")
    assert where[Resource.BACKUPS] == f"arn:aws:s3:::{settings.backup_bucket}/*"
    assert where[Resource.SECURITY_BUS].endswith(f"/{settings.security_bus}")
    assert where[Resource.KEY] == settings.key_id
    assert where[Resource.MAIL_TOPIC] == settings.mail_topic
    assert where[Resource.CHAT_TOPIC] == settings.chat_topic
    assert settings.scan_queue == f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/pushwarden-scan"
    assert settings.late_queue == f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/pushwarden-scan-late"
    assert settings.policy == Policy.parse(OPT_IN)
    assert settings.git_url == ""
    rest = set(variables) - set(settings.to_environment())
    assert rest == ({"PUSHWARDEN_RULE_DB"} if subscriber.asset is Asset.SCAN else set())


def test_the_commands_find_the_deployment_by_an_output(deployed: Deployed) -> None:
    variables = function(deployed, SUBSCRIBERS[0])["Environment"]["Variables"]
    told = json.loads(deployed.output("Environment"))
    assert told == {name: value for name, value in variables.items() if name != "PUSHWARDEN_RULE_DB"}


@EVERY_LISTENING
def test_a_rule_puts_the_rows_events_on_the_rows_queue(deployed: Deployed, subscriber: Subscriber) -> None:
    name = f"pushwarden-{subscriber.name}"
    rule = deployed.one("AWS::Events::Rule", Name=name)
    assert rule["EventPattern"] == subscriber.pattern
    assert rule["State"] == "ENABLED"
    assert rule.get("EventBusName") == (None if subscriber.bus is Bus.DEFAULT else "pushwarden-security")
    (target,) = rule["Targets"]
    assert target["Arn"] == f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    assert target["DeadLetterConfig"] == {"Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}-dead"}
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}


@EVERY_LISTENING
def test_an_event_that_fails_comes_again_and_then_waits_in_the_dead_letter_queue(
    deployed: Deployed, subscriber: Subscriber
) -> None:
    name = f"pushwarden-{subscriber.name}"
    queue = deployed.one("AWS::SQS::Queue", QueueName=name)
    dead = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}-dead"
    assert queue["RedrivePolicy"] == {"deadLetterTargetArn": dead, "maxReceiveCount": subscriber.max_receives}
    assert queue["VisibilityTimeout"] >= subscriber.timeout_s
    assert queue["MessageRetentionPeriod"] == 14 * 86_400
    source = deployed.one("AWS::Lambda::EventSourceMapping", EventSourceArn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["ScalingConfig"] == {"MaximumConcurrency": max(2, subscriber.concurrency)}
    assert source["BatchSize"] == subscriber.batch_size


@pytest.mark.parametrize(
    "subscriber", [each for each in LISTENING if each.late_concurrency], ids=lambda each: each.name
)
def test_events_that_have_waited_have_a_queue_of_their_own_and_fail_to_the_same_place(
    deployed: Deployed, subscriber: Subscriber
) -> None:
    name = f"pushwarden-{subscriber.name}"
    here = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    queue = deployed.one("AWS::SQS::Queue", QueueName=f"{name}-late")
    assert queue["RedrivePolicy"] == {
        "deadLetterTargetArn": f"{here}-dead",
        "maxReceiveCount": subscriber.max_receives,
    }
    assert queue["VisibilityTimeout"] >= subscriber.timeout_s
    source = deployed.one("AWS::Lambda::EventSourceMapping", EventSourceArn=f"{here}-late")
    assert source["FunctionName"].endswith(name)
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["ScalingConfig"] == {"MaximumConcurrency": subscriber.late_concurrency}
    assert deployed.one("AWS::CloudWatch::Alarm", AlarmName=f"{name}-late-age")["Threshold"] == 3600
    policy = deployed.one("AWS::SQS::QueuePolicy", Queues=[f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}-late"])
    assert {each["Effect"] for each in policy["PolicyDocument"]["Statement"]} == {"Deny"}


@EVERY_LISTENING
@pytest.mark.parametrize("suffix", ["", "-dead"])
def test_only_the_rule_may_send_to_a_queue_and_only_with_tls(
    deployed: Deployed, subscriber: Subscriber, suffix: str
) -> None:
    name = f"pushwarden-{subscriber.name}{suffix}"
    url = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"
    statements = deployed.one("AWS::SQS::QueuePolicy", Queues=[url])["PolicyDocument"]["Statement"]
    bus = "" if subscriber.bus is Bus.DEFAULT else "pushwarden-security/"
    allowed = [each for each in statements if each["Effect"] == "Allow"]
    assert [each["Principal"] for each in allowed] == [{"Service": "events.amazonaws.com"}]
    assert allowed[0]["Action"] == "sqs:SendMessage"
    assert allowed[0]["Condition"] == {
        "ArnEquals": {
            "aws:SourceArn": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{bus}pushwarden-{subscriber.name}",
        },
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
    }
    assert any(
        each["Effect"] == "Deny" and each["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for each in statements
    )


@pytest.mark.parametrize("subscriber", [each for each in SUBSCRIBERS if each.bus is None], ids=lambda each: each.name)
def test_a_function_without_a_bus_is_started_by_its_schedule(deployed: Deployed, subscriber: Subscriber) -> None:
    name = f"pushwarden-{subscriber.name}"
    schedule = deployed.one("AWS::Scheduler::Schedule", Name=name)
    assert schedule["ScheduleExpression"] == subscriber.schedule
    assert schedule["Target"]["Arn"] == f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    dead = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}-dead"
    assert schedule["Target"]["DeadLetterConfig"] == {"Arn": dead}
    failed = deployed.one("AWS::Lambda::EventInvokeConfig", FunctionName=name)
    assert failed["DestinationConfig"] == {"OnFailure": {"Destination": dead}}


def test_the_backfills_machine_is_the_one_that_runs_locally(deployed: Deployed) -> None:
    machine = deployed.one("AWS::StepFunctions::StateMachine", StateMachineName="pushwarden-backfill")
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:pushwarden-backfill"
    bucket = next(iter(deployed.of_type("AWS::S3::Bucket"))).lower()
    assert json.loads(machine["DefinitionString"]) == definition(
        plan_function=f"{function}-plan", scan_function=f"{function}-scan", bucket=bucket
    )
    assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False
    assert machine["StateMachineName"] in arns(deployed)[Resource.BACKFILL]
    (role,) = [each for each in deployed.of_type("AWS::IAM::Role").values() if "state machine" in each["Description"]]
    allowed = {
        (action, resource)
        for statement in role["Policies"][0]["PolicyDocument"]["Statement"]
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
        if resource != "*"
    }
    assert {("lambda:InvokeFunction", f"{function}-plan"), ("lambda:InvokeFunction", f"{function}-scan")} < allowed
    assert {resource for action, resource in allowed if action.startswith("s3:")} == {
        f"arn:aws:s3:::{bucket}/backfill/*"
    }


@EVERY
@pytest.mark.parametrize("what", ["dead", "errors", "throttles", "age"])
def test_trouble_of_a_function_reaches_the_mail_topic(deployed: Deployed, subscriber: Subscriber, what: str) -> None:
    if (what == "age" and subscriber.bus is None) or (what == "dead" and subscriber in WORKERS):
        assert not [
            each
            for each in deployed.of_type("AWS::CloudWatch::Alarm").values()
            if each["AlarmName"] == f"pushwarden-{subscriber.name}-{what}"
        ]
        return
    alarm = deployed.one("AWS::CloudWatch::Alarm", AlarmName=f"pushwarden-{subscriber.name}-{what}")
    assert alarm["AlarmActions"] == [f"arn:aws:sns:{REGION}:{ACCOUNT}:pushwarden-mail"]
    watched = {each["Value"] for each in alarm["Dimensions"]}
    assert watched == {f"pushwarden-{subscriber.name}{'-dead' if what == 'dead' else ''}"}
    assert alarm["Threshold"] == (3600 if what == "age" else 1)


def test_a_scan_that_is_incomplete_alarms(deployed: Deployed) -> None:
    alarm = deployed.one("AWS::CloudWatch::Alarm", AlarmName="pushwarden-incomplete-scans")
    filters = deployed.of_type("AWS::Logs::MetricFilter").values()
    (source,) = [each for each in filters if each["MetricTransformations"][0]["MetricName"] == alarm["MetricName"]]
    assert source["LogGroupName"] == "/aws/lambda/pushwarden-scan"
    assert source["FilterPattern"] == '{ $.message = "done" && $.result = "incomplete" }'
    assert source["MetricTransformations"][0]["MetricNamespace"] == alarm["Namespace"]


def test_alarms_and_only_this_stacks_alarms_may_use_topic_and_key(deployed: Deployed) -> None:
    alarms = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:pushwarden-*"
    topic = deployed.one("AWS::SNS::TopicPolicy", Topics=[f"arn:aws:sns:{REGION}:{ACCOUNT}:pushwarden-mail"])
    key = deployed.one("AWS::KMS::Key")["KeyPolicy"]
    for document in (topic["PolicyDocument"], key):
        services = [each for each in document["Statement"] if "Service" in each["Principal"]]
        assert services
        for each in services:
            assert each["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}
            if each["Principal"]["Service"] == "cloudwatch.amazonaws.com":
                assert each["Condition"]["ArnLike"]["aws:SourceArn"] in (alarms, [alarms])


def test_the_key_serves_the_stacks_own_rules_only(deployed: Deployed) -> None:
    key = deployed.one("AWS::KMS::Key")
    assert key["EnableKeyRotation"] is True
    (events,) = [
        each for each in key["KeyPolicy"]["Statement"] if each["Principal"].get("Service") == "events.amazonaws.com"
    ]
    assert sorted(as_list(events["Action"])) == ["kms:Decrypt", "kms:GenerateDataKey"]
    rules = {
        f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{'pushwarden-security/' if each.bus is Bus.SECURITY else ''}pushwarden-{each.name}"
        for each in LISTENING
    }
    assert set(events["Condition"]["ArnLike"]["aws:SourceArn"]) == rules


def test_queues_and_topics_are_encrypted_with_the_key(deployed: Deployed) -> None:
    key = arns(deployed)[Resource.KEY]
    for kind in ("AWS::SQS::Queue", "AWS::SNS::Topic"):
        assert {each["KmsMasterKeyId"] for each in deployed.of_type(kind).values()} == {key}


def test_backups_are_private_versioned_encrypted_and_kept_for_a_time(deployed: Deployed) -> None:
    bucket = deployed.one("AWS::S3::Bucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == arns(deployed)[Resource.KEY]
    (lifecycle,) = bucket["LifecycleConfiguration"]["Rules"]
    assert lifecycle["ExpirationInDays"] == 400
    statements = deployed.one("AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
    assert {json.dumps(each["Condition"]) for each in statements if each["Effect"] == "Deny"} == {
        '{"Bool": {"aws:SecureTransport": "false"}}',
        '{"NumericLessThan": {"s3:TlsVersion": 1.2}}',
    }


def test_the_table_is_paid_by_use_restorable_and_forgets_by_itself(deployed: Deployed) -> None:
    table = deployed.one("AWS::DynamoDB::Table")
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["KeySchema"] == [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ]
    assert table["SSESpecification"]["KMSMasterKeyId"] == arns(deployed)[Resource.KEY]


def test_security_events_are_archived(deployed: Deployed) -> None:
    archive = deployed.one("AWS::Events::Archive")
    assert archive["SourceArn"] == arns(deployed)[Resource.SECURITY_BUS]
    assert archive["EventPattern"] == {"source": ["pushwarden"]}
    assert archive["RetentionDays"] == 365


def test_only_what_holds_evidence_stays_when_the_stack_is_deleted(template: dict[str, Any]) -> None:
    kept = {each["Type"] for each in template["Resources"].values() if each.get("DeletionPolicy") == "Retain"}
    assert kept == {"AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::KMS::Key"}
    for each in template["Resources"].values():
        if each.get("DeletionPolicy") == "Retain":
            # A name that stays taken would stop the next deployment.
            assert not {"BucketName", "TableName"} & set(each["Properties"])


def test_mail_goes_to_the_address_of_the_deployment(deployed: Deployed) -> None:
    found = deployed.one("AWS::SNS::Subscription")
    assert (found["Protocol"], found["Endpoint"]) == ("email", "security@example.com")
    assert found["TopicArn"] == f"arn:aws:sns:{REGION}:{ACCOUNT}:pushwarden-mail"


def test_the_template_is_the_one_that_was_reviewed(template: dict[str, Any], snapshot: SnapshotAssertion) -> None:
    text = re.sub(r"\b[0-9a-f]{64}\b", "HASH", json.dumps(template))
    assert json.loads(text) == snapshot(extension_class=JSONSnapshotExtension)
