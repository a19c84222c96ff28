"""Code and template agree: no worker, queue, setting or dependency is only in one of them."""

import json
import re
from typing import Any

import pytest
import yaml

from chalicelib.manifest import CHANNELS
from infra.mail_checkup import NEEDED_EVENTS, SEND, TRACKED_EVENTS
from infra.paths import ROOT
from infra.stages import WorkerTimings, doors_of, environment_of, template_parameters
from infra.template_build import built_template, template_text

# Takes no resource (AWS, "Actions defined by AWS Lambda"); an API's id that AWS chooses when Chalice deploys it.
CANNOT_NAME_A_STAGE = {
    "lambda:ListEventSourceMappings",
    "execute-api:ManageConnections",
    *(f"sns:{action}" for action in ("CreatePlatformEndpoint", "DeleteEndpoint")),
    *(f"sns:{action}" for action in ("GetEndpointAttributes", "SetEndpointAttributes")),
    "social-messaging:SendWhatsAppMessage",  # AWS gives a number its id
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
}
POLICIES = ("policy", "policy-live", "policy-pages")  # of the API, the WebSocket's three handlers, the public pages
STAGES = ("local", "dev", "prod")
# AWS, "Actions, resources, and condition keys for AWS Lambda": these can be given for everything only.
TAKE_NO_RESOURCE = {"lambda:ListEventSourceMappings"}


class _Plain(yaml.SafeLoader):
    """Reads CloudFormation's short forms (`!Ref x`) as their values: here only the shape matters."""


def _value(loader: yaml.SafeLoader, _tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


_Plain.add_multi_constructor("!", _value)


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(template_text(), Loader=_Plain)  # noqa: S506 (a SafeLoader)
    return loaded


def _functions(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if not name.startswith("Fn::") and resource["Type"] == "AWS::Serverless::Function"
    }


def _sources(template: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        source["Properties"]
        for function in _functions(template).values()
        for source in function.get("Events", {}).values()
        if source["Type"] == "SQS"
    ]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_every_worker_file_has_its_function_and_every_function_its_file(template: dict[str, Any]) -> None:
    files = {path.stem for path in (ROOT / "functions").glob("*.py")} - {"__init__"}
    assert {f["Handler"] for f in _functions(template).values()} == {f"functions.{name}.handler" for name in files}


def test_every_worker_has_a_role_of_its_own(template: dict[str, Any]) -> None:
    roles = [function["Role"] for function in _functions(template).values()]
    assert len(set(roles)) == len(roles)


def test_no_worker_may_do_everything_to_something_or_something_to_everything(template: dict[str, Any]) -> None:
    roles = [
        resource["Properties"]
        for name, resource in template["Resources"].items()
        if not name.startswith("Fn::") and resource["Type"] == "AWS::IAM::Role"
    ]
    granted = [s for role in roles for p in role["Policies"] for s in p["PolicyDocument"]["Statement"]]
    assert granted
    for statement in granted:
        actions = _as_list(statement["Action"])
        if "NotResource" in statement:  # SMS: a phone number is no resource (AWS, "Actions defined by Amazon SNS")
            assert (actions, statement["NotResource"]) == (["sns:Publish"], "arn:${AWS::Partition}:sns:*:*:*")
            continue
        resources = _as_list(statement["Resource"])
        assert not [action for action in actions if action.endswith(":*")]
        assert "*" not in resources or set(actions) <= TAKE_NO_RESOURCE


def test_every_queue_is_read_by_a_worker_and_every_source_is_a_queue(template: dict[str, Any]) -> None:
    read = {source["Queue"].removesuffix("Queue.Arn") for source in _sources(template)}
    assert read == set(template["Mappings"]["Queues"])


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_channel_has_a_queue_in_each_lane(template: dict[str, Any], channel: str) -> None:
    queues = {queue["Name"] for queue in template["Mappings"]["Queues"].values()}
    assert {f"deliver-{channel}", f"deliver-{channel}-bulk"} <= queues


def test_one_bad_message_never_repeats_the_others(template: dict[str, Any]) -> None:
    assert all(s["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for s in _sources(template))


def test_the_concurrency_of_a_source_is_a_plain_number(template: dict[str, Any]) -> None:
    # A parameter arrives at the emulator as text, and its poller stops at the comparison.
    limits = [source["ScalingConfig"]["MaximumConcurrency"] for source in _sources(template)]
    assert all(isinstance(int(limit), int) and 2 <= int(limit) <= 1000 for limit in limits)


def test_a_message_stays_invisible_for_six_timeouts_and_a_window() -> None:
    timings = WorkerTimings(function_timeout_seconds=7, bulk_window_seconds=3)
    assert timings.as_parameters()["VisibilityTimeoutSeconds"] == "45"


def test_the_templates_own_defaults_keep_that_rule_too(template: dict[str, Any]) -> None:
    defaults = {name: p.get("Default") for name, p in template["Parameters"].items()}
    own = WorkerTimings().as_parameters()
    assert {name: str(defaults[name]) for name in own} == own


@pytest.mark.parametrize("stage", STAGES)
def test_a_stages_parameters_are_those_of_the_template(stage: str) -> None:
    parameters = json.loads(built_template(stage))["Parameters"]
    given = set(template_parameters(environment_of(stage), WorkerTimings()))
    required = {name for name, parameter in parameters.items() if "Default" not in parameter}
    by_deploy = {"ArtifactBucket", "WorkersKey"}
    assert required - by_deploy <= given <= set(parameters)


def _own(stage: str) -> str:
    """The stage in a name (`vestnik-local-users`) or in a path (`/vestnik/local/signing-key`)."""
    return rf"vestnik[-/]{stage}\b"


def test_in_production_the_public_pages_have_executions_of_their_own() -> None:
    assert doors_of("prod").pages_at_once


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("kind", POLICIES)
def test_the_apps_policy_names_its_own_stage_alone(kind: str, stage: str) -> None:
    policy = json.loads((ROOT / ".chalice" / f"{kind}-{stage}.json").read_text())
    bound = [s for s in policy["Statement"] if not set(s["Action"]) <= CANNOT_NAME_A_STAGE]
    assert bound
    for statement in bound:
        resources = statement["Resource"]
        named = [resources] if isinstance(resources, str) else resources
        condition = json.dumps(statement.get("Condition", {}))
        assert all(re.search(_own(stage), resource + condition) for resource in named), statement["Sid"]


def test_the_api_may_scan_no_table_but_the_users() -> None:
    policy = json.loads((ROOT / ".chalice" / "policy-prod.json").read_text())
    scanned = [_as_list(s["Resource"]) for s in policy["Statement"] if "dynamodb:Scan" in s["Action"]]
    assert scanned == [["arn:aws:dynamodb:*:*:table/vestnik-prod-users"]]


def test_the_public_pages_may_nothing_that_the_api_may_not_and_delete_nothing() -> None:
    """The API answers them while a deployment goes on."""
    api, pages = _granted("policy-prod"), _granted("policy-pages-prod")
    assert {action for action, _ in pages - api if not action.startswith("logs:")} == set()
    assert not [action for action, _ in pages if "Delete" in action or "Scan" in action]


def test_the_log_that_proves_the_audit_is_the_apis_alone_and_it_adds_to_no_other() -> None:
    """Promise I4: a group's name begins the names of those of the other functions."""
    group = "arn:aws:logs:*:*:log-group:/aws/lambda/vestnik-prod"
    assert {one for action, one in _granted("policy-prod") if action.startswith("logs:")} == {group, f"{group}:*"}
    for others in ("policy-live", "policy-pages"):
        named = {one for action, one in _granted(f"{others}-prod") if action.startswith("logs:")}
        assert named
        assert all(one.startswith(f"{group}-") for one in named)


def _granted(policy: str) -> set[tuple[str, str]]:
    statements = json.loads((ROOT / ".chalice" / f"{policy}.json").read_text())["Statement"]
    return {(action, one) for s in statements for action in _as_list(s["Action"]) for one in _as_list(s["Resource"])}


@pytest.mark.parametrize("kind", POLICIES)
def test_the_policies_of_the_stages_differ_in_nothing_but_the_stage(kind: str) -> None:
    policies = {stage: (ROOT / ".chalice" / f"{kind}-{stage}.json").read_text() for stage in STAGES}
    texts = {re.sub(_own(stage), "vestnik", text) for stage, text in policies.items()}
    assert len(texts) == 1


def test_each_configuration_set_tells_of_what_its_letters_need(template: dict[str, Any]) -> None:
    def told(name: str) -> Any:
        return template["Resources"][name]["Properties"]["EventDestination"]["MatchingEventTypes"]

    def kinds(words: list[str]) -> set[str]:
        return {re.sub("(?=[A-Z])", "_", kind).upper() for kind in words}

    assert kinds(told("SesEventDestination")) == NEEDED_EVENTS | {SEND}
    condition, with_domain, without = told("MailingsEventDestination")
    assert condition == "TracksMailings"
    assert kinds(with_domain) == NEEDED_EVENTS | TRACKED_EVENTS
    assert kinds(without) == NEEDED_EVENTS


def test_ses_rewrites_no_link_through_a_domain_that_is_not_ours(template: dict[str, Any]) -> None:
    """Promise D8: nor any of an account letter."""
    sets = {name: template["Resources"][name]["Properties"] for name in ("ConfigurationSet", "MailingsSet")}

    assert "TrackingOptions" not in sets["ConfigurationSet"]
    condition, options, otherwise = sets["MailingsSet"]["TrackingOptions"]
    assert (condition, otherwise) == ("TracksMailings", "AWS::NoValue")
    assert options == {"CustomRedirectDomain": "TrackingDomain", "HttpsPolicy": "REQUIRE"}


def test_no_deployment_ever_deletes_data(template: dict[str, Any]) -> None:
    kept = [
        [one["DeletionPolicy"], one["UpdateReplacePolicy"]]
        for resource in template["Resources"].values()
        for one in (resource[2].values() if isinstance(resource, list) else [resource])
        if one["Type"] == "AWS::DynamoDB::Table"
    ]
    assert kept == [["RetainExceptOnCreate", "Retain"]] * len(kept) != []
