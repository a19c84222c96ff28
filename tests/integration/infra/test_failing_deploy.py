"""`make deploy` fails at each of its steps: it leaves nothing public, nothing half made, no obstacle to the next."""

import json
from collections.abc import Callable, Iterator
from functools import cache
from http.server import ThreadingHTTPServer
from itertools import count
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import boto3
import pytest
import requests

from infra import deploy, destroy, planning
from infra.account import Account
from infra.package import artifacts
from tests.serving import AwsHandler, serving

STAGE = "dev"
APP, INFRA = f"vestnik-{STAGE}-app", f"vestnik-{STAGE}-infra"
_built_once = cache(artifacts)  # each deployment's are the same
_OWN_OF_A_CONNECTION = {"connection", "content-length", "transfer-encoding", "content-encoding"}


class Call(NamedTuple):
    """One call of AWS: what it asks of CloudFormation (nothing: another service), or its path."""

    action: str
    stack: str
    path: str


Fault = Callable[[Call], bool]


class Gate:
    """CloudFormation and S3, except for the calls that `fault` names: those are refused, as by a policy."""

    def __init__(self, emulator: str) -> None:
        self.fault: Fault = lambda _: False
        self.refused = 0
        gate = self

        class Handler(AwsHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if gate.fault(_call(self.path, body)):
                    gate.refused += 1
                    self._write(403, {"Content-Type": "text/xml"}, _REFUSAL)
                    return
                headers = {k: v for k, v in self.headers.items() if k.lower() not in _OWN_OF_A_CONNECTION}
                url = f"{emulator}{self.path}"
                answer = requests.request(self.command, url, data=body, headers=headers, timeout=120)
                kept = {k: v for k, v in answer.headers.items() if k.lower() not in _OWN_OF_A_CONNECTION}
                self._write(answer.status_code, kept, answer.content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _answer  # noqa: N815

            def _write(self, status: int, headers: dict[str, str], body: bytes) -> None:
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)


_REFUSAL = b"""<ErrorResponse><Error><Code>AccessDenied</Code><Message>not authorized</Message></Error>
<RequestId>1</RequestId></ErrorResponse>"""


def _call(path: str, body: bytes) -> Call:
    form = parse_qs(body.decode(errors="replace")) if body[:7] == b"Action=" else {}
    return Call(form.get("Action", [""])[0], form.get("StackName", [""])[0], path)


@pytest.fixture
def gate(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """With what a person has set before they type the command."""
    gate = Gate(str(account.endpoint_url))
    monkeypatch.setattr(planning, "artifacts", _built_once)
    monkeypatch.setenv("AWS_ENDPOINT_URL", str(account.endpoint_url))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with serving(gate.server) as url:
        for service in ("CLOUDFORMATION", "S3"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", url)
        yield gate
        gate.fault = lambda _: False
        assert destroy.main(["--stage", STAGE, "--yes"]) == 0
        assert left_behind() == []


def deployed(capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """How the command ends, and what it says about an error."""
    try:
        code = deploy.main(["--stage", STAGE])
    except SystemExit as ended:
        return 1, str(ended)
    return code, capsys.readouterr().err


def public() -> list[str]:
    """What strangers could call, or would be let in by."""
    session = boto3.Session()
    apis = [one["name"] for one in session.client("apigateway").get_rest_apis()["items"]]
    sockets = [one["Name"] for one in session.client("apigatewayv2").get_apis()["Items"]]
    return [*_ours(apis), *_ours(sockets)]


def _ours(names: list[str]) -> list[str]:
    return [name for name in names if f"vestnik-{STAGE}" in name]


def stacks() -> dict[str, str]:
    found = boto3.client("cloudformation").describe_stacks()["Stacks"]
    return {name: one["StackStatus"] for one in found for name in _ours([one["StackName"]])}


def left_behind() -> list[str]:
    """Whatever of the stage is there."""
    session = boto3.Session()
    functions = [one["FunctionName"] for one in session.client("lambda").list_functions()["Functions"]]
    roles = [one["RoleName"] for one in session.client("iam").list_roles()["Roles"]]
    groups = [one["logGroupName"] for one in session.client("logs").describe_log_groups()["logGroups"]]
    buckets = [one["Name"] for one in session.client("s3").list_buckets()["Buckets"]]
    tables = session.client("dynamodb").list_tables()["TableNames"]
    return [*public(), *stacks(), *_ours([*functions, *roles, *groups, *buckets, *tables])]


def plan_of(stack: str) -> Fault:
    return lambda call: call.action == "CreateChangeSet" and call.stack == stack


def execution(number: int) -> Fault:
    """Of the change sets, in their order."""
    seen = count(1)
    return lambda call: call.action == "ExecuteChangeSet" and next(seen) == number


BEFORE_INFRA = {
    "the bucket": lambda call: "-artifacts-" in call.path and call.path.count("/") == 1,
    "an upload": lambda call: "/workers" in call.path,
    "the infra stack's plan": plan_of(INFRA),
    "the app's upload": lambda call: f"/{APP}-" in call.path,
    "the app's plan": plan_of(APP),
    "the infra stack's execution": execution(1),
}


@pytest.mark.parametrize("step", BEFORE_INFRA)
def test_a_first_deployment_that_fails_before_anything_is_made_leaves_no_stack_and_can_be_repeated(
    step: str, gate: Gate, capsys: pytest.CaptureFixture[str]
) -> None:
    gate.fault = BEFORE_INFRA[step]
    code, said = deployed(capsys)
    assert (code, gate.refused > 0) == (1, True)
    assert said.startswith("deploy: ")
    assert public() == []
    assert stacks() == {}
    if step == "the app's plan":  # once is enough: what is repeated is the same everywhere
        gate.fault = lambda _: False
        assert deployed(capsys)[0] == 0


def test_an_app_that_cannot_be_executed_says_what_state_the_stage_is_in(
    gate: Gate, capsys: pytest.CaptureFixture[str]
) -> None:
    gate.fault = execution(2)
    assert deployed(capsys)[0] == 1
    assert public() == []
    assert stacks() == {INFRA: "CREATE_COMPLETE"}
    gate.fault = lambda _: False
    assert deployed(capsys)[0] == 0
    assert len(public()) == 2


@pytest.fixture
def spoil() -> Callable[[pytest.MonkeyPatch], None]:
    """Adds to the app's template what CloudFormation cannot make, once all the rest is made."""

    def spoiled(account: Account, release: planning.Release, **named: Any) -> planning.StackInputs:
        inputs = planning.app_stack(account, release, **named)
        template = json.loads(inputs["template"])
        template["Resources"]["Fault"] = {
            "Type": "AWS::ApiGateway::Deployment",
            "DependsOn": sorted(template["Resources"]),
            "Properties": {"RestApiId": "nowhere"},
        }
        text = json.dumps(template)
        url = account.upload_text(account.artifact_bucket(STAGE), APP, text)
        return {**inputs, "template": text, "template_url": url}

    return lambda patch: patch.setattr("infra.deploy.app_stack", spoiled)


def functions() -> dict[str, str]:
    """Each with what it runs."""
    pages = boto3.client("lambda").get_paginator("list_functions").paginate()
    return {one["FunctionName"]: one["CodeSha256"] for page in pages for one in page["Functions"]}


def test_an_app_that_fails_at_its_last_resource_is_taken_back_whole(
    gate: Gate,
    spoil: Callable[[pytest.MonkeyPatch], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with monkeypatch.context() as spoilt:
        spoil(spoilt)
        code, said = deployed(capsys)
    assert code == 1
    assert "Fault (AWS::ApiGateway::Deployment)" in said
    assert "jobs are read both ways" in said
    assert public() == []
    assert {name for name in functions() if "public_pages" in name or name == f"vestnik-{STAGE}"} == set()

    assert deployed(capsys)[0] == 0
    before, doors = functions(), public()
    assert len(doors) == 2

    with monkeypatch.context() as spoilt:
        spoil(spoilt)
        assert deployed(capsys)[0] == 1
    assert (functions(), public()) == (before, doors)
