"""`make deploy` and `make destroy` from end to end, `chalice deploy` and the layer included, on the emulator with the
two calls of API Gateway that it lacks put before it. AWS_ENDPOINT_URL is all that leads them there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from infra import deploy, destroy
from infra.account import Account
from infra.archive import Artifact, tree, write_zip
from infra.package import workers_zip
from infra.paths import ROOT
from infra.stages import WorkerTimings, environment_of, requests_per_second
from layers.build import build_layer
from tests.integration.infra.rest_api_importer import rest_api_importer

STAGE = "dev"


@pytest.fixture(scope="module")
def environment(account: Account) -> Iterator[pytest.MonkeyPatch]:
    """What a person has set before they type the command."""
    with pytest.MonkeyPatch.context() as patch, rest_api_importer(account) as gateway:
        patch.setenv("AWS_ENDPOINT_URL", str(account.endpoint_url))
        patch.setenv("AWS_ENDPOINT_URL_API_GATEWAY", gateway)
        patch.setenv("AWS_DEFAULT_REGION", account.session.region_name)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
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


def release(account: Account, workers: Artifact) -> bool:
    """Deploys the infra stack with these workers; says whether that was a change."""
    layer = build_layer()
    environment = environment_of(STAGE)
    return deploy.deploy_infra(account, environment=environment, timings=WorkerTimings(), workers=workers, layer=layer)


def test_the_deployed_api_answers_and_knows_its_tables(api: str) -> None:
    assert requests.get(f"{api}/healthz", timeout=60).json() == {"status": "ok", "stage": STAGE}
    unknown = {"Authorization": "Bearer vk_nobody_" + "x" * 43}
    answer = requests.post(f"{api}/v1/notifications", json={}, headers=unknown, timeout=60)
    assert answer.status_code == 401
    assert answer.headers["Content-Type"].startswith("application/problem+json")


def test_the_gateway_lets_no_more_calls_in_than_the_stage_says(account: Account, api: str) -> None:
    [rest], [live] = account.rest_apis.get_rest_apis()["items"], account.websocket_apis.get_apis()["Items"]
    calls = account.rest_apis.get_stage(restApiId=rest["id"], stageName="api")["methodSettings"]["*/*"]
    frames = account.websocket_apis.get_stage(ApiId=live["ApiId"], StageName="api")["DefaultRouteSettings"]
    per_second = requests_per_second(STAGE)
    assert (calls["throttlingRateLimit"], calls["throttlingBurstLimit"]) == (per_second, 2 * per_second)
    assert (frames["ThrottlingRateLimit"], frames["ThrottlingBurstLimit"]) == (per_second, 2 * per_second)


def test_the_logs_of_every_function_are_forgotten_after_a_month(account: Account, api: str) -> None:
    groups = account.logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/vestnik-dev")["logGroups"]
    kept = {group["logGroupName"].rpartition("/")[2]: group.get("retentionInDays") for group in groups}
    assert kept == dict.fromkeys(code_of(account), 30)


def test_the_same_release_again_changes_nothing(account: Account, api: str) -> None:
    assert release(account, workers_zip()) is False


def test_deploying_the_release_before_brings_back_what_ran(account: Account, api: str, tmp_path: Path) -> None:
    before = code_of(account)
    files = tree(ROOT, "functions")
    worse = write_zip(tmp_path / "workers.zip", [*files, ("a_fault.py", ROOT / "app.py")])
    assert release(account, worse) is True
    assert {name for name, code in code_of(account).items() if code != before[name]} > {"vestnik-dev-deliver"}

    assert deploy.main(["--stage", STAGE]) == 0

    assert code_of(account) == before
    assert requests.get(f"{api}/healthz", timeout=60).ok  # at the address that it had


def test_production_is_not_touched_when_its_name_is_not_typed(
    account: Account, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.input", lambda _question: "no")
        assert deploy.main(["--stage", "prod"]) == 1

    told = capsys.readouterr()
    assert "+ Ledger (AWS::DynamoDB::Table)" in told.out
    assert "nothing was changed" in told.err
    assert [name for name in account.dynamodb.list_tables()["TableNames"] if "prod" in name] == []
