"""The doctor on a live stage: the local cloud, healthy, and with one thing after another broken."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib.security.signing import parameter_name
from chalicelib.storage.audit import digest_of
from infra import audit_trail
from infra.doctor import checks, examine
from infra.gateway import integrations
from infra.local.cloud import LocalCloud
from infra.stages import PAGES
from tests.e2e.conftest import Vestnik, eventually
from tests.processes import new_process

pytestmark = pytest.mark.e2e

STAGE = "vestnik-local"
Look = Callable[[str], str]


@pytest.fixture
def look(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Look]:
    """What the doctor says about one subject; nothing where all is well."""
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    new_process()
    yield lambda subject: " | ".join(one.wrong for one in examine(checks(cloud.environment())[subject]))
    new_process()


def client(cloud: LocalCloud, service: str) -> Any:
    return cloud.account.session.client(service, endpoint_url=cloud.emulator_url)  # type: ignore[call-overload]


def test_a_stage_that_is_well_gets_no_finding(cloud: LocalCloud, look: Look) -> None:
    client(cloud, "lambda").invoke(FunctionName=f"{STAGE}-tick")  # a new stage has not ticked yet
    eventually(lambda: look("clock") == "")
    told = {subject: said for subject in checks(cloud.environment()) if (said := look(subject))}
    told.pop("dead letters", None)  # other tests of this cloud may have left some; see below
    assert told == {}


def test_a_function_that_has_other_settings_is_told_and_no_value(cloud: LocalCloud, look: Look) -> None:
    functions = client(cloud, "lambda")
    known = functions.get_function_configuration(FunctionName=f"{STAGE}-digest")["Environment"]["Variables"]
    other = {**known, "VESTNIK_RETENTION_DAYS": "31337", "VESTNIK_OF_OLD": "s3cret"}
    del other["VESTNIK_CHAT_KINDS"]
    functions.update_function_configuration(FunctionName=f"{STAGE}-digest", Environment={"Variables": other})
    try:
        said = look("settings")
        assert f"VESTNIK_RETENTION_DAYS is not what this checkout says: {STAGE}-digest" in said
        assert f"VESTNIK_CHAT_KINDS is missing: {STAGE}-digest" in said
        assert f"VESTNIK_OF_OLD is left over, this checkout has it no more: {STAGE}-digest" in said
        assert "31337" not in said
        assert "s3cret" not in said
    finally:
        functions.update_function_configuration(FunctionName=f"{STAGE}-digest", Environment={"Variables": known})


def test_a_function_that_runs_on_another_python_than_the_stage_says_is_told(cloud: LocalCloud, look: Look) -> None:
    functions = client(cloud, "lambda")
    known = functions.get_function_configuration(FunctionName=f"{STAGE}-digest")["Runtime"]
    functions.update_function_configuration(FunctionName=f"{STAGE}-digest", Runtime="python3.10")
    try:
        assert f"it runs on python3.10, and the stage says {known}: {STAGE}-digest" in look("settings")
    finally:
        functions.update_function_configuration(FunctionName=f"{STAGE}-digest", Runtime=known)


def test_a_schedule_that_is_off_is_told(cloud: LocalCloud, look: Look) -> None:
    scheduler = client(cloud, "scheduler")
    known = scheduler.get_schedule(Name=f"{STAGE}-tick")
    same = {key: known[key] for key in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
    scheduler.update_schedule(**same, State="DISABLED")
    try:
        assert "is DISABLED" in look("clock")
    finally:
        scheduler.update_schedule(**same, State="ENABLED")


def test_a_mapping_without_its_flag_and_one_that_is_off_are_told(cloud: LocalCloud, look: Look) -> None:
    mappings = client(cloud, "lambda").list_event_source_mappings(FunctionName=f"{STAGE}-load")["EventSourceMappings"]
    [mapping] = mappings
    change = client(cloud, "lambda").update_event_source_mapping
    change(UUID=mapping["UUID"], FunctionResponseTypes=[], Enabled=False)
    try:
        said = look("mappings")
        assert "load does not report partial failures" in said
        assert "load is off, and nobody wants that" in said
    finally:
        change(UUID=mapping["UUID"], FunctionResponseTypes=["ReportBatchItemFailures"], Enabled=True)


def test_an_alarm_that_is_on_is_told_with_its_meaning(cloud: LocalCloud, look: Look) -> None:
    change = client(cloud, "cloudwatch").set_alarm_state
    change(AlarmName=f"{STAGE}-tick-missed", StateValue="ALARM", StateReason="a test")
    try:
        assert "tick-missed is on: The clock has not finished" in look("alarms")
    finally:
        change(AlarmName=f"{STAGE}-tick-missed", StateValue="OK", StateReason="the end of a test")


def test_a_signing_key_that_is_not_encrypted_is_told(cloud: LocalCloud, look: Look) -> None:
    ssm = client(cloud, "ssm")
    known = ssm.get_parameter(Name=parameter_name("local"), WithDecryption=True)["Parameter"]["Value"]
    ssm.put_parameter(Name=parameter_name("local"), Value=known, Type="String", Overwrite=True)
    try:
        assert "is not encrypted" in look("secrets")
    finally:
        ssm.put_parameter(Name=parameter_name("local"), Value=known, Type="SecureString", Overwrite=True)


def test_a_switch_that_a_person_has_opened_is_told_with_its_reason(vestnik: Vestnik, look: Look) -> None:
    path = "/v1/control/switches/webhook"
    vestnik.call("POST", path, {"state": "open", "reason": "the doctor is asked"})
    try:
        assert "the switch webhook is open" in (said := look("switches"))
        assert "the doctor is asked" in said
    finally:
        vestnik.call("POST", path, {"state": "closed", "reason": "asked", "ramp": False})


def test_dead_letters_are_counted(cloud: LocalCloud, look: Look) -> None:
    sqs = client(cloud, "sqs")
    url = sqs.get_queue_url(QueueName=f"{STAGE}-load-dlq")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    try:
        wrong = "1 dead letters of load; SQS removes the oldest of the first 1 in 335 hours"
        assert look("dead letters") == wrong
    finally:
        sqs.purge_queue(QueueUrl=url)


def test_public_pages_that_the_api_answers_are_named(cloud: LocalCloud, look: Look) -> None:
    """As after somebody's own `chalice deploy`."""
    rest_apis = cloud.account.rest_apis
    [api] = [one["id"] for one in rest_apis.get_rest_apis()["items"]]
    found = next(integrations(rest_apis, api))

    def lead(uri: str) -> None:
        rest_apis.update_integration(
            restApiId=api,
            resourceId=found.resource_id,
            httpMethod=found.method,
            patchOperations=[{"op": "replace", "path": "/uri", "value": uri}],
        )

    lead(found.uri.replace(f"-{PAGES}/", "/"))
    try:
        assert "the API's function answers the public pages" in look("public pages")
    finally:
        lead(found.uri)
    assert look("public pages") == ""


def test_an_audit_that_somebody_with_every_right_has_rewritten_is_told(
    cloud: LocalCloud, vestnik: Vestnik, look: Look
) -> None:
    """Of real acts at the API's own door; what was rewritten is put back as it was."""
    vestnik.call("PUT", "/v1/settings/link_days", {"value": {"confirmation": 3, "short": 180}})
    table, name = client(cloud, "dynamodb"), f"{STAGE}-audit"
    acts = [one for one in table.scan(TableName=name)["Items"] if one["did"]["S"] == "setting.change"]
    line = max(acts, key=lambda one: one["at"]["S"])
    assert line["outcome"]["S"] == "done"
    eventually(lambda: look("audit") == "")  # the emulator takes the lines of the log a moment later

    table.put_item(TableName=name, Item={**line, "by": {"S": "nobody"}})
    assert audit_trail.CHANGED in look("audit")
    forged = {**line, "by": {"S": "nobody"}}
    table.put_item(TableName=name, Item={**forged, "digest": {"S": digest_of(forged)}})
    assert audit_trail.REWRITTEN in look("audit")
    table.delete_item(TableName=name, Key={key: line[key] for key in ("month", "place")})
    eventually(lambda: audit_trail.GONE in look("audit"))
    table.put_item(TableName=name, Item=line)
    assert look("audit") == ""
