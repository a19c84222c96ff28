"""Deploys what stands before the app, before anything else: certificate, names, records, sender (ADR 0083)."""

import json
from collections.abc import Iterator
from email.utils import parseaddr

from infra.account import Account
from infra.certificates import given_certificate, proved_certificate
from infra.domain_stack import Outside, Record, domain_names, domain_template, mail_from_records
from infra.stacks import Agree, delete_stack, deploy_stack
from infra.stage_config import StageConfig


def stack_name(stage: str) -> str:
    """Of the domain's stack."""
    return f"vestnik-{stage}-domain"


def deploy_domain(account: Account, stage: str, config: StageConfig, *, agree: Agree) -> bool:
    """Returns whether anything changed; a stage without a domain and sender of its own has no such stack. Raises:
    WaitingForDnsError, RefusedError, DeployError."""
    names = domain_names(config)
    outside = Outside(stage, config, certificate_of(account, stage, config), sender_domain(config))
    template = domain_template(outside)
    if template is None:
        return False
    if names and config.hosted_zone_id:
        print(f"{', '.join(names)}: a new certificate takes AWS some minutes", flush=True)
    text = json.dumps(template, indent=1)
    changed = deploy_stack(
        account.cloudformation,
        stack_name(stage),
        template=text,
        template_url=account.upload_text(account.artifact_bucket(stage), stack_name(stage), text),
        parameters={},
        agree=agree,
    )
    if changed and not config.hosted_zone_id:
        print(
            "\n".join(
                ["Enter these records where the domain is kept:", *map(_line, records_to_enter(account, stage, config))]
            )
        )
    return changed


def certificate_of(account: Account, stage: str, config: StageConfig) -> str:
    """Its ARN; empty if none is wanted, or if the stack makes it. Raises: WaitingForDnsError, RefusedError."""
    names = domain_names(config)
    if not names:
        return ""
    if config.certificate_arn:
        return given_certificate(account.acm, config.certificate_arn, names)
    if config.hosted_zone_id:
        return ""
    return proved_certificate(account.acm, names, stage=stage)


def certificate_in_force(account: Account, config: StageConfig) -> str:
    """The one that the stage's names use; empty if AWS knows none of them. Raises: ClientError."""
    try:
        if config.domain:
            return account.rest_apis.get_domain_name(domainName=config.domain)["regionalCertificateArn"]
        found = account.websocket_apis.get_domain_name(DomainName=config.live_domain)
        return found["DomainNameConfigurations"][0]["CertificateArn"]
    except (account.rest_apis.exceptions.NotFoundException, account.websocket_apis.exceptions.NotFoundException):
        return ""


def sender_domain(config: StageConfig) -> str:
    """The domain that letters are sent from."""
    return parseaddr(config.environment_variables["VESTNIK_MAIL_FROM"])[1].rpartition("@")[2]


def records_to_enter(account: Account, stage: str, config: StageConfig) -> Iterator[Record]:
    """The records that lead to the stage, for domains kept outside Route 53. Raises: ClientError."""
    outputs = account.outputs(stack_name(stage))
    for name, key in ((config.domain, "Domain"), (config.live_domain, "LiveDomain")):
        if name and key in outputs:
            yield Record(name, "CNAME", outputs[key])
    if config.make_identity:
        yield from sender_records(account, config)


def sender_records(account: Account, config: StageConfig) -> Iterator[Record]:
    """The records by which SES verifies and signs for the sender's domain. Raises: ClientError."""
    domain = sender_domain(config)
    tokens = account.ses.get_email_identity(EmailIdentity=domain).get("DkimAttributes", {}).get("Tokens", [])
    for token in tokens:
        yield Record(f"{token}._domainkey.{domain}", "CNAME", f"{token}.dkim.amazonses.com")
    if config.mail_from_domain:
        exchange = f"10 feedback-smtp.{account.session.region_name}.amazonses.com"
        yield from mail_from_records(config.mail_from_domain, exchange)


def delete_domain(account: Account, stage: str) -> None:
    """The identity stays: SES would have to verify it again. Raises: DeployError."""
    delete_stack(account.cloudformation, stack_name(stage))


def _line(record: Record) -> str:
    return f"  {record.name} {record.kind} {record.value}"
