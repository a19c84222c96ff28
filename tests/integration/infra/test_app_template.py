"""The app's stack as AWS gets it: what an emulator does not show."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib.public.routes import PUBLIC_ROUTES
from infra.addresses import Addresses
from infra.app_template import FUNCTIONS, AppInputs, app_template
from infra.chalice_app import packaged_template
from infra.runtimes import Runtime
from infra.stages import Doors, environment_of

Packaged = dict[str, Any]
DOORS = Doors(requests_per_second=7, page_requests_per_second=9)
OWN = {"VESTNIK_PUBLIC_URL": "https://notify.cinema.example", "VESTNIK_LIVE_URL": "wss://live.cinema.example"}


@pytest.fixture(scope="module")
def app() -> Packaged:
    return packaged_template("prod")


def template(app: Packaged, *, doors: Doors = DOORS, addresses: Mapping[str, str] = {}) -> dict[str, Any]:
    settings = {name: value for name, value in environment_of("prod").items() if name not in OWN}
    inputs = AppInputs(
        environment={**settings, **addresses},
        addresses=Addresses(),
        doors=doors,
        runtime=Runtime(),
        bucket="vestnik-prod-artifacts",
        code_key="app.zip",
        layer_key="layer.zip",
    )
    return app_template(app, inputs)


def deployment(made: dict[str, Any]) -> str:
    """The name of the REST API's deployment, which the stage shows."""
    [name] = [name for name, one in made["Resources"].items() if one["Type"] == "AWS::ApiGateway::Deployment"]
    assert made["Resources"]["RestAPIapiStage"]["Properties"]["DeploymentId"] == {"Ref": name}
    return str(name)


def test_the_same_sources_give_the_same_text(app: Packaged) -> None:
    assert json.dumps(template(app)) == json.dumps(template(packaged_template("prod")))


def test_a_stage_without_a_domain_learns_its_addresses_from_its_own_apis(app: Packaged) -> None:
    made = template(app)
    for name in FUNCTIONS:
        told = made["Resources"][name]["Properties"]["Environment"]["Variables"]
        address = "https://${RestAPI}.execute-api.${AWS::Region}.${AWS::URLSuffix}/api"
        assert told["VESTNIK_PUBLIC_URL"] == {"Fn::Sub": address} == made["Outputs"]["PublicUrl"]["Value"]
        assert told["VESTNIK_LIVE_URL"]["Fn::Sub"].startswith("wss://${WebsocketAPI}.execute-api.")


def test_a_stage_with_domains_tells_them(app: Packaged) -> None:
    made = template(app, addresses=OWN)
    told = made["Resources"]["APIHandler"]["Properties"]["Environment"]["Variables"]
    assert {name: told[name] for name in OWN} == OWN
    assert made["Outputs"]["PublicUrl"]["Value"] == OWN["VESTNIK_PUBLIC_URL"]


def test_a_changed_definition_is_deployed_anew_and_nothing_else_is(app: Packaged) -> None:
    before = template(app)
    assert deployment(template(app, doors=Doors(1, 1))) == deployment(before)  # limits are the stage's, at once
    changed = json.loads(json.dumps(app))
    del changed["Resources"]["RestAPI"]["Properties"]["Body"]["paths"]["/healthz"]
    assert deployment(template(changed)) != deployment(before)


def test_the_api_opens_when_what_is_behind_it_may_be_called(app: Packaged) -> None:
    made = template(app)
    permissions = made["Resources"][deployment(made)]["DependsOn"]
    called = {made["Resources"][one]["Properties"]["FunctionName"]["Ref"] for one in permissions}
    assert called == {"APIHandler", "PublicPages"}


def test_nobody_but_this_api_may_call_a_function(app: Packaged) -> None:
    resources = template(app)["Resources"]
    permissions = {name: one for name, one in resources.items() if one["Type"] == "AWS::Lambda::Permission"}
    assert {one["Properties"]["FunctionName"]["Ref"] for one in permissions.values()} == set(FUNCTIONS)
    for one in permissions.values():
        assert "API" in json.dumps(one["Properties"]["SourceArn"])


def test_frames_calls_and_pages_have_limits_of_their_own(app: Packaged) -> None:
    resources = template(app)["Resources"]
    frames = resources["WebsocketAPIStage"]["Properties"]["DefaultRouteSettings"]
    assert frames == {"ThrottlingRateLimit": 7, "ThrottlingBurstLimit": 14}
    limits = resources["RestAPIapiStage"]["Properties"]["MethodSettings"]
    assert {(one["ResourcePath"], one["HttpMethod"]): one["ThrottlingRateLimit"] for one in limits} == {
        ("/*", "*"): 7,
        **{(f"/{path.replace('/', '~1')}", method): 9 for path, methods in PUBLIC_ROUTES.items() for method in methods},
    }


def test_a_change_of_the_live_routes_is_deployed_by_the_stage_itself(app: Packaged) -> None:
    resources = template(app)["Resources"]
    assert resources["WebsocketAPIStage"]["Properties"]["AutoDeploy"] is True
    assert "DeploymentId" not in resources["WebsocketAPIStage"]["Properties"]


def test_what_the_gateway_answers_by_itself_is_protected_as_our_own_answers_are(app: Packaged) -> None:
    answers = template(app)["Resources"]["RestAPI"]["Properties"]["Body"]["x-amazon-apigateway-gateway-responses"]
    assert set(answers) == {"DEFAULT_4XX", "DEFAULT_5XX"}
    for answer in answers.values():
        headers = answer["responseParameters"]
        assert headers["gatewayresponse.header.X-Content-Type-Options"] == "'nosniff'"
        assert headers["gatewayresponse.header.Strict-Transport-Security"] == "'max-age=31536000; includeSubDomains'"


def test_each_function_has_its_group_of_logs_before_it_can_write(app: Packaged) -> None:
    resources = template(app)["Resources"]
    for name in FUNCTIONS:
        function = resources[name]["Properties"]
        group = resources[function["LoggingConfig"]["LogGroup"]["Ref"]]
        # A name that is not plain text could not be taken in again after `make destroy`, which leaves it.
        assert group["Properties"]["LogGroupName"] == f"/aws/lambda/{function['FunctionName']}"
        assert group["DeletionPolicy"] == "RetainExceptOnCreate"
        assert group["Properties"]["RetentionInDays"] == (400 if name == "APIHandler" else 30)


def test_the_public_pages_keep_room_for_themselves(app: Packaged) -> None:
    assert template(app)["Resources"]["PublicPages"]["Properties"]["ReservedConcurrentExecutions"] == 50
