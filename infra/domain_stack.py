"""The stack `vestnik-<stage>-domain`: the domain's certificate, names and records, and the identity that letters are
sent as. It is apart because a certificate may wait hours for its records, and names outlive releases. Made where the
stage has `domain`, `live_domain` or `make_identity`."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from infra.stage_config import StageConfig

Resources = dict[str, dict[str, Any]]


class Record(NamedTuple):
    """A DNS record."""

    name: Any  # a name, or where CloudFormation finds it
    kind: str
    value: Any


class Outside(NamedTuple):
    """What the stack is made from: the stage, its certificate (empty: made here) and its sender's domain."""

    stage: str
    config: StageConfig
    certificate_arn: str
    mail_domain: str


def domain_names(config: StageConfig) -> list[str]:
    """Those that need a certificate."""
    return [name for name in (config.domain, config.live_domain) if name]


def domain_template(outside: Outside) -> dict[str, Any] | None:
    """None if the stage wants none of it."""
    resources = {**_certificate(outside), **_names(outside), **_identity(outside)}
    if not resources:
        return None
    zone = outside.config.hosted_zone_id
    records = {f"Record{number}": _record(zone, one) for number, one in enumerate(_records(outside))} if zone else {}
    outputs = {name: {"Value": _regional(name)} for name in ("Domain", "LiveDomain") if name in resources}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"What stands before vestnik-{outside.stage}: domain, certificate, records, sender.",
        "Resources": {**resources, **records, **_aliases(outside, resources)},
        **({"Outputs": outputs} if outputs else {}),
    }


def _certificate(outside: Outside) -> Resources:
    first, *others = [*domain_names(outside.config), ""]
    if not first or outside.certificate_arn:
        return {}
    names = [first, *filter(None, others)]
    zones = [{"DomainName": name, "HostedZoneId": outside.config.hosted_zone_id} for name in names]
    stated = {"DomainName": first, "ValidationMethod": "DNS", "DomainValidationOptions": zones}
    more = {"SubjectAlternativeNames": names[1:]} if names[1:] else {}
    return {"Certificate": {"Type": "AWS::CertificateManager::Certificate", "Properties": {**stated, **more}}}


def _names(outside: Outside) -> Resources:
    """TLS 1.2 at least; a name serves one kind of API only ("WebSocket APIs in API Gateway", custom domain names)."""
    arn = outside.certificate_arn or {"Ref": "Certificate"}
    found: Resources = {}
    if outside.config.domain:
        found["Domain"] = {
            "Type": "AWS::ApiGateway::DomainName",
            "Properties": {
                "DomainName": outside.config.domain,
                "RegionalCertificateArn": arn,
                "EndpointConfiguration": {"Types": ["REGIONAL"]},
                "SecurityPolicy": "TLS_1_2",
            },
        }
    if outside.config.live_domain:
        how = {"CertificateArn": arn, "EndpointType": "REGIONAL", "SecurityPolicy": "TLS_1_2"}
        found["LiveDomain"] = {
            "Type": "AWS::ApiGatewayV2::DomainName",
            "Properties": {"DomainName": outside.config.live_domain, "DomainNameConfigurations": [how]},
        }
    return found


def _identity(outside: Outside) -> Resources:
    """Kept when the stack goes: other stages may use it, and SES would have to verify it again."""
    if not outside.config.make_identity:
        return {}
    own = outside.config.mail_from_domain
    mail_from = {"MailFromDomain": own, "BehaviorOnMxFailure": "USE_DEFAULT_VALUE"}
    return {
        "Identity": {
            "Type": "AWS::SES::EmailIdentity",
            "DeletionPolicy": "RetainExceptOnCreate",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "EmailIdentity": outside.mail_domain,
                "DkimAttributes": {"SigningEnabled": True},
                "DkimSigningAttributes": {"NextSigningKeyLength": "RSA_2048_BIT"},
                **({"MailFromAttributes": mail_from} if own else {}),
            },
        }
    }


def _records(outside: Outside) -> Iterator[Record]:
    """Of the sender. DMARC is not included: the domain may have it already, and its policy is the owner's choice."""
    if not outside.config.make_identity:
        return
    for number in (1, 2, 3):
        token, value = f"Identity.DkimDNSTokenName{number}", f"Identity.DkimDNSTokenValue{number}"
        yield Record(_of(token), "CNAME", _of(value))
    if own := outside.config.mail_from_domain:
        yield from mail_from_records(own, {"Fn::Sub": "10 feedback-smtp.${AWS::Region}.amazonses.com"})


def mail_from_records(name: str, exchange: Any) -> Iterator[Record]:
    """What SES needs for a custom MAIL FROM domain ("Using a custom MAIL FROM domain")."""
    yield Record(name, "MX", exchange)
    yield Record(name, "TXT", '"v=spf1 include:amazonses.com ~all"')


def _of(attribute: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": attribute.split(".")}


def _regional(name: str) -> dict[str, list[str]]:
    return _of(f"{name}.RegionalDomainName")


def _record(zone: str, one: Record) -> dict[str, Any]:
    stated = {"HostedZoneId": zone, "Name": one.name, "Type": one.kind, "TTL": "300", "ResourceRecords": [one.value]}
    return {"Type": "AWS::Route53::RecordSet", "Properties": stated}


def _aliases(outside: Outside, resources: Resources) -> Resources:
    """A Route 53 alias that follows the name's own address; queries for it are free."""
    zone = outside.config.hosted_zone_id
    wanted = {"Domain": outside.config.domain, "LiveDomain": outside.config.live_domain}
    return {
        f"{name}Record": {
            "Type": "AWS::Route53::RecordSet",
            "Properties": {
                "HostedZoneId": zone,
                "Name": wanted[name],
                "Type": "A",
                "AliasTarget": {"DNSName": _regional(name), "HostedZoneId": _of(f"{name}.RegionalHostedZoneId")},
            },
        }
        for name in wanted
        if zone and name in resources
    }
