"""`make deploy` and `make destroy` from end to end, the layer included, on the emulator. AWS_ENDPOINT_URL is all that
leads them there."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from chalicelib.public.routes import PUBLIC_ROUTES
from infra import config_mistakes, deploy, destroy
from infra.account import Account
from infra.addresses import with_addresses
from infra.app_template import FUNCTIONS
from infra.archive import Artifact, tree, write_zip
from infra.package import workers_zip
from infra.paths import ROOT
from infra.planning import infra_stack, release_of
from infra.runtimes import this_machines
from infra.stacks import Agree, deploy_stack
from infra.stages import PAGES, WorkerTimings, doors_of, environment_of
from tests.other_values import other_values, write_otherwise

STAGE = "dev"
ADDRESSES = ("VESTNIK_PUBLIC_URL", "VESTNIK_LIVE_URL", "VESTNIK_LIVE_MANAGEMENT_URL")
SETTINGS = {name: value for name, value in other_values().items() if name not in ADDRESSES}


@pytest.fixture(scope="module")
def environment(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[pytest.MonkeyPatch]:
    """What a person has set before they type the command."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", str(account.endpoint_url))
        patch.setenv("AWS_DEFAULT_REGION", account.session.region_name)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setattr(config_mistakes, "CONFIG", write_otherwise(tmp_path_factory.mktemp("stages"), STAGE, SETTINGS))
        yield patch


@pytest.fixture(scope="module")
def api(account: Account, environment: pytest.MonkeyPatch) -> Iterator[str]:
    """Where the deployed API answers."""
    assert deploy.main(["--stage", STAGE]) == 0
    [made] = account.rest_apis.get_rest_apis()["items"]
    yield f"{account.endpoint_url}/_aws/execute-api/{made['id']}/api"
    assert destroy.main(["--stage", STAGE, "--yes"]) == 0
    assert account.dynamodb.list_tables()["TableNames"] == []
    assert account.lambdas.list_functions()["Functions"] == []
    assert account.rest_apis.get_rest_apis()["items"] == []


def code_of(account: Account) -> dict[str, str]:
    """Each function with the digest of what it runs."""
    pages = account.lambdas.get_paginator("list_functions").paginate()
    return {one["FunctionName"]: one["CodeSha256"] for page in pages for one in page["Functions"]}


def release(account: Account, workers: Artifact, *, agree: Agree = lambda _: True) -> bool:
    """Deploys the infra stack with these workers; says whether that was a change."""
    environment = with_addresses(environment_of(STAGE), account)
    changed = replace(release_of(STAGE), workers=workers)
    inputs = infra_stack(account, changed, environment=environment, timings=WorkerTimings())
    return deploy_stack(account.cloudformation, **inputs, agree=agree)


def test_the_deployed_api_answers_and_knows_its_tables(api: str) -> None:
    assert requests.get(f"{api}/healthz", timeout=60).json() == {"status": "ok", "stage": STAGE}
    unknown = {"Authorization": "Bearer vk_nobody_" + "x" * 43}
    answer = requests.post(f"{api}/v1/notifications", json={}, headers=unknown, timeout=60)
    assert answer.status_code == 401
    assert answer.headers["Content-Type"].startswith("application/problem+json")


def test_a_stage_without_a_domain_knows_its_address_after_one_deployment(account: Account, api: str) -> None:
    for function in (f"vestnik-{STAGE}", f"vestnik-{STAGE}-{PAGES}", f"vestnik-{STAGE}-deliver"):
        told = account.lambdas.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
        assert told["VESTNIK_PUBLIC_URL"] == api
        assert told["VESTNIK_LIVE_URL"].startswith("ws://")


def test_every_setting_of_the_stage_arrives_in_every_function(account: Account, api: str) -> None:
    pages = account.lambdas.get_paginator("list_functions").paginate()
    has = {one["FunctionName"]: one["Environment"]["Variables"] for page in pages for one in page["Functions"]}
    assert len(has) == len(list((ROOT / "functions").glob("[a-z]*.py"))) + len(FUNCTIONS)
    assert {name: SETTINGS.items() - one.items() for name, one in has.items()} == {name: set() for name in has}


def test_the_gateway_lets_no_more_calls_in_than_the_stage_says(account: Account, api: str) -> None:
    [rest] = account.rest_apis.get_rest_apis()["items"]
    [stage] = account.rest_apis.get_stages(restApiId=rest["id"])["item"]  # any other would be a door without limits
    calls, per_second = stage["methodSettings"]["*/*"], doors_of(STAGE).requests_per_second
    assert (calls["throttlingRateLimit"], calls["throttlingBurstLimit"]) == (per_second, 2 * per_second)


def test_calling_the_rest_uses_up_nothing_of_what_the_gateway_lets_in_to_the_public_pages(
    account: Account, api: str
) -> None:
    [rest] = account.rest_apis.get_rest_apis()["items"]
    settings = account.rest_apis.get_stage(restApiId=rest["id"], stageName="api")["methodSettings"]
    own = {
        name.replace("~1", "/").removeprefix("/"): one["throttlingRateLimit"]
        for name, one in settings.items()
        if name != "*/*"
    }
    routes = {f"{path}/{method}" for path, methods in PUBLIC_ROUTES.items() for method in methods}
    assert own == dict.fromkeys(routes, doors_of(STAGE).page_requests_per_second)


def leads_to(account: Account) -> dict[str, set[str]]:
    """Each path of the deployed API, and the functions that answer it."""
    [rest] = account.rest_apis.get_rest_apis()["items"]
    resources = account.rest_apis.get_resources(restApiId=rest["id"], limit=500, embed=["methods"])["items"]
    return {
        one["path"]: {
            method["methodIntegration"]["uri"].removesuffix("/invocations").rpartition(":")[2]
            for method in one["resourceMethods"].values()
        }
        for one in resources
        if one.get("resourceMethods")
    }


def test_every_public_page_and_nothing_else_leads_to_the_function_of_the_pages(account: Account, api: str) -> None:
    pages = {path for path, functions in leads_to(account).items() if functions == {f"vestnik-{STAGE}-{PAGES}"}}
    assert pages == set(PUBLIC_ROUTES)
    assert {*leads_to(account)} - pages > {"/healthz", "/admin"}
    answer = requests.get(f"{api}/s/nothing", timeout=60)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "short_link_404" in said_by(account, f"vestnik-{STAGE}-{PAGES}")


def said_by(account: Account, function: str) -> str:
    found = account.logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
    return "\n".join(one["message"] for one in found)


def test_the_gateway_may_call_the_function_of_the_pages(account: Account, api: str) -> None:
    [rest] = account.rest_apis.get_rest_apis()["items"]
    policy = json.loads(account.lambdas.get_policy(FunctionName=f"vestnik-{STAGE}-{PAGES}")["Policy"])
    [statement] = policy["Statement"]
    assert statement["Principal"] == {"Service": "apigateway.amazonaws.com"}
    assert f":{rest['id']}/api/*" in json.dumps(statement["Condition"])


def test_logs_are_forgotten_after_a_month_and_those_that_prove_the_audit_later(account: Account, api: str) -> None:
    groups = account.logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/vestnik-dev")["logGroups"]
    kept = {group["logGroupName"].rpartition("/")[2]: group.get("retentionInDays") for group in groups}
    assert kept == {**dict.fromkeys(code_of(account), 30), f"vestnik-{STAGE}": 400}


def test_the_same_release_again_changes_nothing(account: Account, api: str) -> None:
    assert release(account, workers_zip(this_machines())) is False


def test_deploying_the_release_before_brings_back_what_ran(account: Account, api: str, tmp_path: Path) -> None:
    before = code_of(account)
    files = tree(ROOT, "functions")
    worse = write_zip(tmp_path / "workers.zip", [*files, ("a_fault.py", ROOT / "app.py")])
    shown: list[str] = []

    def agree(lines: Sequence[str]) -> bool:
        shown.extend(lines)
        return True

    assert release(account, worse, agree=agree) is True
    assert [line for line in shown if "AWS::Lambda::Function" not in line] == ["= 10 changed"]
    assert {name for name, code in code_of(account).items() if code != before[name]} > {"vestnik-dev-deliver"}

    assert deploy.main(["--stage", STAGE]) == 0

    assert code_of(account) == before
    assert requests.get(f"{api}/healthz", timeout=60).ok  # at the address that it had
    assert leads_to(account)["/s/{code}"] == {f"vestnik-{STAGE}-{PAGES}"}


def test_production_is_not_touched_when_its_name_is_not_typed(
    account: Account, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.input", lambda _question: "no")
        assert deploy.main(["--stage", "prod"]) == 1

    told = capsys.readouterr()
    assert re.search(r"^\+ \d+ × AWS::DynamoDB::Table \(Allowances", told.out, re.MULTILINE)
    assert re.search(r"^= \d+ new$", told.out, re.MULTILINE)
    assert "nothing was changed" in told.err
    assert [name for name in account.dynamodb.list_tables()["TableNames"] if "prod" in name] == []


def test_what_an_account_has_no_room_for_is_said_before_anything_is_changed(
    environment: pytest.MonkeyPatch, account: Account, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    account.lambdas.create_function(
        FunctionName="greedy",
        Runtime="python3.11",
        Role="arn:aws:iam::000000000000:role/greedy",
        Handler="any.any",
        Code={"ZipFile": write_zip(tmp_path / "greedy.zip", [("any.py", ROOT / "app.py")]).path.read_bytes()},
    )
    account.lambdas.put_function_concurrency(FunctionName="greedy", ReservedConcurrentExecutions=900)
    try:
        assert deploy.main(["--stage", "prod", "--yes"]) == 1
    finally:
        account.lambdas.delete_function(FunctionName="greedy")

    told = capsys.readouterr()
    assert "100 concurrent executions that nobody has reserved, and 50 are to be kept" in told.err
    assert [name for name in account.dynamodb.list_tables()["TableNames"] if "prod" in name] == []
