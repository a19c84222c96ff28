"""How a stage is reached and whom its letters come from: the part of `StageConfig` from which addresses, certificate,
records and identity follow (`domain_stack.py`, `outer.py`)."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

_HOST = r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+)?$"


class DomainConfig(BaseModel):
    """All of it is optional; the stage then has the addresses that AWS gives."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    account: str = Field(
        default="",
        pattern=r"^(\d{12})?$",
        description="the one AWS account that it is deployed to",
        examples=["123456789012"],
    )
    domain: str = Field(
        default="", pattern=_HOST, description="where the API and the pages answer", examples=["notify.cinema.example"]
    )
    base_path: str = Field(
        default="",
        pattern=r"^([a-zA-Z0-9][a-zA-Z0-9._-]*)?$",
        description="the path of the domain that leads to it",
        examples=["notify"],
    )
    live_domain: str = Field(
        default="", pattern=_HOST, description="where clients open their WebSocket", examples=["live.cinema.example"]
    )
    media_domain: str = Field(
        default="",
        pattern=_HOST,
        description="where CloudFront serves the pictures of letters; its record is made by hand",
        examples=["media.cinema.example"],
    )
    media_certificate_arn: str = Field(
        default="",
        pattern=r"^(arn:aws[\w-]*:acm:us-east-1:.+)?$",
        description="its certificate, which CloudFront takes from us-east-1",
        examples=["arn:aws:acm:us-east-1:123456789012:certificate/0f3a"],
    )
    hosted_zone_id: str = Field(
        default="",
        pattern=r"^(Z[A-Z0-9]+)?$",
        description="the zone of Route 53 that its names are in: the deployment makes their records",
        examples=["Z0123456789ABC"],
    )
    certificate_arn: str = Field(
        default="",
        pattern=r"^(arn:aws[\w-]*:acm:.+)?$",
        description="a certificate of one's own for its names",
        examples=["arn:aws:acm:eu-central-1:123456789012:certificate/0f3a"],
    )
    waf: bool | str = Field(
        default=False, description="AWS WAF before the REST API: `true` for rules of ours, an ARN for one's own"
    )
    make_identity: bool = Field(
        default=False, description="the deployment makes the SES identity of the sender's domain; else it is there"
    )
    mail_from_domain: str = Field(
        default="",
        pattern=_HOST,
        description="the MAIL FROM domain of that identity, for SPF that aligns",
        examples=["mail.cinema.example"],
    )
    permissions_boundary: str = Field(
        default="",
        pattern=r"^(arn:aws[\w-]*:iam::.+)?$",
        description="the policy that no role of it may go beyond",
        examples=["arn:aws:iam::123456789012:policy/boundary"],
    )


def addresses_of(own: Mapping[str, Any]) -> dict[str, str]:
    """The settings that follow from a stage's domains."""
    path = f"/{own['base_path']}" if own.get("base_path") else ""
    public = {"VESTNIK_PUBLIC_URL": f"https://{own['domain']}{path}"} if own.get("domain") else {}
    live = {"VESTNIK_LIVE_URL": f"wss://{own['live_domain']}"} if own.get("live_domain") else {}
    media = {"VESTNIK_MEDIA_URL": f"https://{own['media_domain']}"} if own.get("media_domain") else {}
    return {**public, **live, **media}


def unfit_domain(own: Mapping[str, Any]) -> Iterator[str]:
    """Mistakes that involve more than one key. A setting may repeat an address (plain `chalice deploy` reads only
    settings), but not contradict it."""
    given = own.get("environment_variables", {})
    for name, wanted in addresses_of(own).items():
        told = given.get(name) or wanted
        if told != wanted and not (urlsplit(told).hostname or "").endswith(".invalid"):  # one that AWS would give
            yield f"environment_variables.{name}: expected {wanted}, which follows from the domain, or nothing"
    if own.get("domain") and own.get("domain") == own.get("live_domain"):
        yield "live_domain: API Gateway takes no WebSocket on the domain of a REST API: name another"
    if own.get("base_path") and not own.get("domain"):
        yield "base_path: it is a path of `domain`, which is not said"
    if own.get("certificate_arn") and not (own.get("domain") or own.get("live_domain")):
        yield "certificate_arn: there is no `domain` that it could be for"
    if bool(own.get("media_domain")) != bool(own.get("media_certificate_arn")):
        yield "media_domain: CloudFront serves a domain with its certificate: name both, or none"
    if own.get("mail_from_domain") and not own.get("make_identity"):
        yield "mail_from_domain: only an identity that the deployment makes takes it: say make_identity"
    waf = own.get("waf", False)
    if isinstance(waf, str) and not (waf.startswith("arn:aws") and ":wafv2:" in waf and ":regional/webacl/" in waf):
        yield "waf: expected true, false or the ARN of a regional web ACL"
