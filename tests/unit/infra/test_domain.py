"""A stage with a domain: what it may say, what follows from it, and what AWS is asked to make."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.certificates import covers, proofs
from infra.domain_config import addresses_of, unfit_domain
from infra.domain_stack import Outside, domain_template
from infra.outer import outer_resources
from infra.stage_config import StageConfig

ARN = "arn:aws:acm:eu-central-1:111122223333:certificate/0c0ffee0-0000-4000-8000-000000000000"
LIMITS = {"requests_per_second": 1, "page_requests_per_second": 1}
ALL: dict[str, Any] = {
    "domain": "notify.cinema.example",
    "base_path": "v",
    "live_domain": "live.cinema.example",
    "hosted_zone_id": "Z0123456789ABC",
    "waf": True,
    "make_identity": True,
    "mail_from_domain": "bounce.cinema.example",
}


def config(**own: Any) -> StageConfig:
    return StageConfig.model_validate({**LIMITS, **own})


def template(certificate: str = "", **own: Any) -> dict[str, Any] | None:
    return domain_template(Outside("prod", config(**own), certificate, "cinema.example"))


def types(made: dict[str, Any] | None) -> list[str]:
    assert made is not None
    return sorted(one["Type"].removeprefix("AWS::") for one in made["Resources"].values())


def test_a_stage_that_says_nothing_has_no_such_stack() -> None:
    assert template() is None
    assert outer_resources("prod", config()) == {}


def test_a_hosted_zone_gets_every_record() -> None:
    assert types(template(**ALL)) == [
        "ApiGateway::DomainName",
        "ApiGatewayV2::DomainName",
        "CertificateManager::Certificate",
        *["Route53::RecordSet"] * 7,  # two names, three of DKIM, two of MAIL FROM
        "SES::EmailIdentity",
    ]


def test_without_a_hosted_zone_no_record_is_made_and_the_certificate_is_there_before() -> None:
    made = template(ARN, **{**ALL, "hosted_zone_id": ""})
    assert types(made) == ["ApiGateway::DomainName", "ApiGatewayV2::DomainName", "SES::EmailIdentity"]
    assert json.dumps(made).count(ARN) == 2


def test_no_name_takes_less_than_tls_1_2() -> None:
    assert json.dumps(template(**ALL)).count("TLS_1_2") == 2


def test_an_identity_outlives_its_stack() -> None:
    made = template(make_identity=True)
    assert made is not None
    assert made["Resources"]["Identity"]["DeletionPolicy"] == "RetainExceptOnCreate"


# Neither changes what the other adds, and the linter takes ten seconds.
@pytest.mark.parametrize(
    ("zone", "waf"),
    [
        ("", True),
        ("Z0123456789ABC", "arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/own/1"),
        ("Z0123456789ABC", False),
    ],
)
def test_what_is_made_is_good_cloudformation(tmp_path: Path, zone: str, waf: bool | str) -> None:
    """As cfn-lint sees it, with the stage's APIs beside it."""
    own = {**ALL, "hosted_zone_id": zone, "waf": waf}
    apis = {
        "RestAPI": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "x"}},
        "RestAPIapiStage": {"Type": "AWS::ApiGateway::Stage", "Properties": {"RestApiId": {"Ref": "RestAPI"}}},
        "WebsocketAPI": {
            "Type": "AWS::ApiGatewayV2::Api",
            "Properties": {
                "Name": "x",
                "ProtocolType": "WEBSOCKET",
                "RouteSelectionExpression": "$request.body.action",
            },
        },
        "WebsocketAPIStage": {
            "Type": "AWS::ApiGatewayV2::Stage",
            "Properties": {"ApiId": {"Ref": "WebsocketAPI"}, "StageName": "api"},
        },
    }
    app = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {**apis, **outer_resources("prod", config(**own))}}
    for name, made in {"domain": template("" if zone else ARN, **own), "app": app}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(made))
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from cfnlint.runner import main; main()",
            "--regions",
            "eu-central-1",
            "--",
            *map(str, tmp_path.glob("*.json")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_the_firewall_lets_our_own_bodies_and_services_through() -> None:
    firewall = json.dumps(outer_resources("prod", config(waf=True))["Firewall"])
    for rule in ("SizeRestrictions_BODY", "CrossSiteScripting_BODY", "GenericRFI_BODY"):
        assert f'"{rule}", "ActionToUse": {{"Count"' in firewall
    assert "/v1/" in firewall


def test_addresses_follow_from_the_domain() -> None:
    assert addresses_of(ALL) == {
        "VESTNIK_PUBLIC_URL": "https://notify.cinema.example/v",
        "VESTNIK_LIVE_URL": "wss://live.cinema.example",
    }
    assert addresses_of({"domain": "notify.cinema.example"}) == {"VESTNIK_PUBLIC_URL": "https://notify.cinema.example"}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an address that contradicts": (
        {"domain": "a.example", "environment_variables": {"VESTNIK_PUBLIC_URL": "https://b.example"}},
        "expected https://a.example",
    ),
    "one name for both": ({"domain": "a.example", "live_domain": "a.example"}, "live_domain"),
    "a path of nothing": ({"base_path": "v"}, "base_path"),
    "a certificate of nothing": ({"certificate_arn": ARN}, "certificate_arn"),
    "a return path of another's identity": ({"mail_from_domain": "b.example"}, "make_identity"),
    "a firewall of CloudFront": ({"waf": "arn:aws:wafv2:us-east-1:1:global/webacl/x/1"}, "regional web ACL"),
    "a firewall by its name": ({"waf": "mine"}, "regional web ACL"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_is_refused_with_its_key(case: str) -> None:
    own, words = WRONG[case]
    [wrong] = unfit_domain(own)
    assert words in wrong


@pytest.mark.parametrize(
    "own",
    [
        {},
        ALL,
        {"domain": "a.example", "environment_variables": {"VESTNIK_PUBLIC_URL": "https://given-by-aws.invalid"}},
        {"domain": "a.example", "environment_variables": {"VESTNIK_PUBLIC_URL": "https://a.example"}},
    ],
)
def test_what_can_be_is_not(own: dict[str, Any]) -> None:
    assert list(unfit_domain(own)) == []


@pytest.mark.parametrize(
    "own",
    [
        {"domain": "https://notify.cinema.example"},
        {"domain": "notify"},
        {"domain": "Notify.cinema.example"},
        {"domain": "notify.cinema.example."},
        {"base_path": "/v"},
        {"base_path": "v/w"},
        {"hosted_zone_id": "/hostedzone/Z1"},
        {"account": "1111-2222-3333"},
        {"certificate_arn": "notify.cinema.example"},
        {"waf": 1},
    ],
)
def test_a_key_of_the_wrong_shape_is_refused(own: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(own))):
        config(**own)


@pytest.mark.parametrize(
    ("name", "covered"),
    [("cinema.example", True), ("a.cinema.example", True), ("a.b.cinema.example", False), ("xcinema.example", False)],
)
def test_a_wildcard_stands_for_one_label(name: str, covered: bool) -> None:
    assert covers(["cinema.example", "*.cinema.example"], name) is covered


def test_the_records_of_a_certificate_are_told_without_the_dots_at_their_ends() -> None:
    record = {"Name": "_a.cinema.example.", "Type": "CNAME", "Value": "_b.acm-validations.aws."}
    [told] = proofs({"DomainValidationOptions": [{"ResourceRecord": record}, {"DomainName": "not yet"}]})
    assert told == ("_a.cinema.example", "CNAME", "_b.acm-validations.aws")
