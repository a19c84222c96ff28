"""What stands before a stage: its certificate by moto, which issues one when it is told; its stack by the emulator."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from infra.account import Account
from infra.certificates import WaitingForDnsError, given_certificate, proved_certificate
from infra.deploy import show
from infra.domain import delete_domain, deploy_domain, records_to_enter, stack_name
from infra.domain_checkup import DomainCheckup
from infra.outer import outer_resources
from infra.stacks import RefusedError, delete_stack, deploy_stack
from infra.stage_config import StageConfig

if TYPE_CHECKING:
    from mypy_boto3_acm import ACMClient

NAMES = ["notify.cinema.example", "live.cinema.example"]


@pytest.fixture
def acm(monkeypatch: pytest.MonkeyPatch) -> Iterator["ACMClient"]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        yield boto3.client("acm", region_name="eu-central-1")


def test_a_domain_that_is_not_proved_stops_the_deployment_with_the_records_to_enter(acm: "ACMClient") -> None:
    with pytest.raises(WaitingForDnsError) as stopped:
        proved_certificate(acm, NAMES, stage="prod")
    first, remedy, *records = str(stopped.value).splitlines()
    assert (
        first == "the certificate of notify.cinema.example, live.cinema.example waits for the DNS; nothing was changed"
    )
    assert remedy.startswith("  do: enter these records")
    assert len(records) == 2
    assert all(" CNAME " in record for record in records)


def test_deploying_again_asks_for_no_second_certificate(acm: "ACMClient", monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        with pytest.raises(WaitingForDnsError):
            proved_certificate(acm, NAMES, stage="prod")
    [only] = acm.list_certificates()["CertificateSummaryList"]
    monkeypatch.setattr("moto.settings.ACM_VALIDATION_WAIT", 0)
    assert proved_certificate(acm, NAMES, stage="prod") == only["CertificateArn"]


def test_a_certificate_of_ones_own_has_to_be_issued_here_and_for_every_name(
    acm: "ACMClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = acm.request_certificate(DomainName="*.cinema.example", ValidationMethod="DNS")["CertificateArn"]
    with pytest.raises(RefusedError, match="is PENDING_VALIDATION, not ISSUED"):
        given_certificate(acm, arn, NAMES)
    monkeypatch.setattr("moto.settings.ACM_VALIDATION_WAIT", 0)
    assert given_certificate(acm, arn, NAMES) == arn
    with pytest.raises(RefusedError, match=r"is not for notify\.dev\.cinema\.example"):
        given_certificate(acm, arn, ["notify.dev.cinema.example"])
    with pytest.raises(RefusedError, match="there is no certificate"):
        given_certificate(acm, arn.replace(":certificate/", ":certificate/0"), NAMES)


def config(**own: Any) -> StageConfig:
    limits = {"requests_per_second": 1, "page_requests_per_second": 1}
    variables = {"VESTNIK_MAIL_FROM": "Cinema <news@cinema.example>"}
    return StageConfig.model_validate({**limits, "environment_variables": variables, **own})


def names_of(account: Account) -> set[str]:
    rest = [one["domainName"] for one in account.rest_apis.get_domain_names()["items"]]
    return {*rest, *(one["DomainName"] for one in account.websocket_apis.get_domain_names()["Items"])}


def test_the_stack_gives_the_names_and_says_which_records_lead_there(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    own = config(domain=NAMES[0], live_domain=NAMES[1], make_identity=True, mail_from_domain="bounce.cinema.example")
    assert deploy_domain(account, "try", own, agree=show)
    told = capsys.readouterr().out
    assert names_of(account) >= set(NAMES)
    for record in records_to_enter(account, "try", own):
        assert f"  {record.name} {record.kind} {record.value}" in told
    assert "bounce.cinema.example MX 10 feedback-smtp.eu-central-1.amazonses.com" in told
    assert not deploy_domain(account, "try", own, agree=show)
    delete_domain(account, "try")
    assert not names_of(account) & set(NAMES)


def test_whoever_says_no_has_changed_nothing(account: Account) -> None:
    with pytest.raises(RefusedError, match="nothing was changed"):
        deploy_domain(account, "try", config(domain=NAMES[0]), agree=lambda _: False)
    assert not names_of(account) & set(NAMES)


def test_a_hosted_zone_gets_its_records(account: Account) -> None:
    route53 = account.session.client("route53", endpoint_url=account.endpoint_url)
    zone = route53.create_hosted_zone(Name="cinema.example", CallerReference="1")["HostedZone"]["Id"].rpartition("/")[2]
    deploy_domain(account, "try", config(domain=NAMES[0], hosted_zone_id=zone), agree=show)
    records = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    [alias] = [one for one in records if one["Name"].rstrip(".") == NAMES[0]]
    assert "AliasTarget" in alias
    delete_domain(account, "try")


def test_a_stage_without_a_domain_makes_no_stack(account: Account) -> None:
    assert not deploy_domain(account, "try", config(), agree=show)
    with pytest.raises(account.cloudformation.exceptions.ClientError, match="does not exist"):
        account.cloudformation.describe_stacks(StackName=stack_name("try"))


class Dns:
    """The internet's, as far as it is asked."""

    def __init__(self, **aliases: str) -> None:
        self._aliases = aliases

    def texts(self, name: str) -> list[str]:
        return []

    def addresses(self, name: str) -> list[str]:
        return []

    def aliases(self, name: str) -> list[str]:
        return [self._aliases[name]] if name in self._aliases else []


def wrongs(account: Account, dns: Dns) -> list[str]:
    checkup = DomainCheckup(account, "dev", dns)
    return [one.wrong for one in (*checkup.certificate(), *checkup.names())]


def test_the_doctor_says_what_a_domain_lacks_until_it_lacks_nothing(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = config(domain=NAMES[0])
    monkeypatch.setattr("infra.domain_checkup.stage_config", lambda _stage: own)
    assert wrongs(account, Dns()) == [f"no certificate is in force for {NAMES[0]}"]
    deploy_domain(account, "dev", own, agree=show)
    assert wrongs(account, Dns()) == [f"{NAMES[0]} does not lead to this stage"]
    [record] = records_to_enter(account, "dev", own)
    assert wrongs(account, Dns(**{NAMES[0]: record.value})) == []
    monkeypatch.setattr(
        "infra.domain_checkup.stage_config", lambda _stage: config(domain=NAMES[0], live_domain="talk.cinema.example")
    )
    [uncovered] = wrongs(account, Dns(**{NAMES[0]: record.value}))
    assert uncovered.endswith("is not for talk.cinema.example")
    delete_domain(account, "dev")


def app_stack(account: Account, own: StageConfig) -> Iterator[dict[str, str]]:
    """As much of the app as domains and a firewall lead to; what it says about itself."""
    rest = {"RestApiId": {"Ref": "RestAPI"}}
    answer = {"Type": "MOCK", "RequestTemplates": {"application/json": '{"statusCode": 200}'}}
    root = {"ResourceId": {"Fn::GetAtt": ["RestAPI", "RootResourceId"]}, "HttpMethod": "GET"}
    resources: dict[str, Any] = {
        "RestAPI": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "vestnik-dev"}},
        "Get": {
            "Type": "AWS::ApiGateway::Method",
            "Properties": {**rest, **root, "AuthorizationType": "NONE", "Integration": answer},
        },
        "Deployment": {"Type": "AWS::ApiGateway::Deployment", "DependsOn": "Get", "Properties": rest},
        "RestAPIapiStage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {**rest, "StageName": "api", "DeploymentId": {"Ref": "Deployment"}},
        },
        "WebsocketAPI": {
            "Type": "AWS::ApiGatewayV2::Api",
            "Properties": {
                "Name": "vestnik-dev-live",
                "ProtocolType": "WEBSOCKET",
                "RouteSelectionExpression": "$request.body.action",
            },
        },
        "WebsocketAPIStage": {
            "Type": "AWS::ApiGatewayV2::Stage",
            "Properties": {"ApiId": {"Ref": "WebsocketAPI"}, "StageName": "api", "AutoDeploy": True},
        },
        **outer_resources("dev", own),
    }
    outputs: dict[str, Any] = {
        "RestApiId": {"Value": {"Ref": "RestAPI"}},
        "WebsocketApiId": {"Value": {"Ref": "WebsocketAPI"}},
    }
    del resources["FirewallOfRestAPI"]  # of which the emulator's CloudFormation does not know
    outputs["Firewall"] = {"Value": {"Fn::GetAtt": ["Firewall", "Arn"]}}
    text = json.dumps({"Resources": resources, "Outputs": outputs})
    url = account.upload_text(account.artifact_bucket("try"), "app", text)
    deploy_stack(account.cloudformation, "vestnik-dev-app", template=text, template_url=url, parameters={})
    told = account.outputs("vestnik-dev-app")
    stage = f"arn:aws:apigateway:eu-central-1::/restapis/{told['RestApiId']}/stages/api"
    account.firewall.associate_web_acl(WebACLArn=told["Firewall"], ResourceArn=stage)
    yield told
    delete_stack(account.cloudformation, "vestnik-dev-app")


@pytest.fixture
def led(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A stage with both domains, a base path and a firewall."""
    own = config(domain=NAMES[0], base_path="v", live_domain=NAMES[1], waf=True)
    monkeypatch.setattr("infra.domain_checkup.stage_config", lambda _stage: own)
    deploy_domain(account, "dev", own, agree=show)
    yield from app_stack(account, own)
    delete_domain(account, "dev")


def led_wrong(account: Account) -> list[tuple[str, str]]:
    checkup = DomainCheckup(account, "dev", None)
    return [(one.wrong, one.remedy) for one in (*checkup.leads(), *checkup.firewall())]


def test_the_doctor_looks_where_the_domains_lead_and_what_stands_before_them(
    account: Account, led: dict[str, str]
) -> None:
    """Somebody takes by hand what CloudFormation does not miss."""
    rest, live, walls = account.rest_apis, account.websocket_apis, account.firewall
    assert led_wrong(account) == []
    rest.delete_base_path_mapping(domainName=NAMES[0], basePath="v")
    [mapping] = live.get_api_mappings(DomainName=NAMES[1])["Items"]
    live.delete_api_mapping(DomainName=NAMES[1], ApiMappingId=mapping["ApiMappingId"])
    stage = f"arn:aws:apigateway:eu-central-1::/restapis/{led['RestApiId']}/stages/api"
    walls.disassociate_web_acl(ResourceArn=stage)
    wrong = led_wrong(account)
    assert [one for one, _ in wrong] == [
        "https://notify.cinema.example/v leads to no API",
        "wss://live.cinema.example leads to no API",
        "the web ACL vestnik-dev does not stand before the REST API; there is no firewall",
    ]
    first = f"aws apigateway create-base-path-mapping --domain-name {NAMES[0]} --rest-api-id {led['RestApiId']}"
    assert wrong[0][1].endswith(f"{first} --stage api --base-path v")
    assert wrong[2][1].endswith(f"--resource-arn {stage}")
    other = rest.create_rest_api(name="other")["id"]
    rest.create_base_path_mapping(domainName=NAMES[0], basePath="v", restApiId=other, stage="test")
    [another, *_] = led_wrong(account)
    assert another[0] == (
        f"https://notify.cinema.example/v leads to the API {other}, stage test, instead of {led['RestApiId']}, api"
    )
    rest.delete_base_path_mapping(domainName=NAMES[0], basePath="v")
    rest.delete_rest_api(restApiId=other)


def test_a_firewall_of_ones_own_is_known_by_its_arn(
    account: Account, led: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = "arn:aws:wafv2:eu-central-1:000000000000:regional/webacl/vestnik-dev/other"
    monkeypatch.setattr("infra.domain_checkup.stage_config", lambda _stage: config(waf=arn))
    [(wrong, remedy)] = led_wrong(account)
    assert wrong.startswith(f"{arn} does not stand before the REST API; there is arn:aws:wafv2:")
    assert f"--web-acl-arn {arn} " in remedy
    monkeypatch.setattr("infra.domain_checkup.stage_config", lambda _stage: config())
    assert led_wrong(account) == []
