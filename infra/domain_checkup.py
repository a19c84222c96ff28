"""The doctor's checks of what stands before the app: certificate, names, where they lead, and the firewall."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from infra.account import Account
from infra.certificates import covers, proofs
from infra.checkup import Finding
from infra.domain import certificate_in_force, records_to_enter
from infra.domain_stack import domain_names
from infra.mail_checkup import Records
from infra.outer import STAGE_NAME
from infra.stages import stage_config

_NO_PATH = "(none)"  # API Gateway's word for a mapping without a path
_SOON = timedelta(days=30)  # AWS renews 60 days before the end, where the records still stand


class Lead(NamedTuple):
    """Where an address leads; `api` is empty if nowhere."""

    address: str
    api: str = ""
    stage: str = ""


class DomainCheckup:
    """`records` is None where DNS is not asked."""

    def __init__(self, account: Account, stage: str, records: Records | None) -> None:
        self._account = account
        self._stage = stage
        self._config = stage_config(stage)
        self._records = records

    def certificate(self) -> Iterator[Finding]:
        """Is it issued, for every name, and renewed?"""
        names = domain_names(self._config)
        if not names:
            return
        arn = certificate_in_force(self._account, self._config)
        if not arn:
            yield Finding(f"no certificate is in force for {', '.join(names)}", self._deploy())
            return
        found = self._account.acm.describe_certificate(CertificateArn=arn)["Certificate"]
        entered = "; ".join(f"{one.name} {one.kind} {one.value}" for one in proofs(found))
        if found["Status"] != "ISSUED":
            yield Finding(f"the certificate {arn} is {found['Status']}", f"enter its records: {entered}")
        ends = found.get("NotAfter")
        if ends and ends < datetime.now(UTC) + _SOON:
            remedy = f"AWS renews it while its records stand: {entered}" if entered else "import its successor"
            yield Finding(f"the certificate {arn} ends on {ends:%Y-%m-%d}", remedy)
        if lacking := [name for name in names if not covers(found.get("SubjectAlternativeNames", []), name)]:
            yield Finding(f"the certificate {arn} is not for {', '.join(lacking)}", "take one that names all domains")

    def names(self) -> Iterator[Finding]:
        """Do the records lead here?"""
        if self._records is None or self._config.hosted_zone_id:
            return
        for one in records_to_enter(self._account, self._stage, self._config):
            own = one.name in domain_names(self._config)
            if own and one.value not in self._records.aliases(one.name):
                yield Finding(f"{one.name} does not lead to this stage", f"enter {one.name} CNAME {one.value}")

    def leads(self) -> Iterator[Finding]:
        """Do the domains lead to this stage's APIs? Raises: ClientError."""
        own = self._account.outputs(f"vestnik-{self._stage}-app")
        if self._config.domain and "RestApiId" in own:
            yield from self._led(self._rest_mapping(), own["RestApiId"], self._map_rest(own["RestApiId"]))
        if self._config.live_domain and "WebsocketApiId" in own:
            yield from self._led(self._live_mapping(), own["WebsocketApiId"], self._map_live(own["WebsocketApiId"]))

    def firewall(self) -> Iterator[Finding]:
        """Does the stage's web ACL protect its REST API? Raises: ClientError."""
        api = self._account.outputs(f"vestnik-{self._stage}-app").get("RestApiId")
        if not self._config.waf or api is None:
            return
        partition = self._account.caller.split(":")[1]
        stage = f"arn:{partition}:apigateway:{self._account.region}::/restapis/{api}/stages/{STAGE_NAME}"
        found, client = "", self._account.firewall
        with suppress(client.exceptions.WAFNonexistentItemException):
            found = client.get_web_acl_for_resource(ResourceArn=stage).get("WebACL", {}).get("ARN", "")
        own = f"vestnik-{self._stage}"
        wanted = f"the web ACL {own}" if self._config.waf is True else str(self._config.waf)
        if found != wanted and not (self._config.waf is True and f"/webacl/{own}/" in found):
            wrong = f"{wanted} does not stand before the REST API; there is {found or 'no firewall'}"
            acl = self._config.waf if isinstance(self._config.waf, str) else f"<ARN of {own}>"
            command = f"aws wafv2 associate-web-acl --web-acl-arn {acl} --resource-arn {stage}"
            yield Finding(wrong, self._deploy_or(command))

    def _led(self, found: Lead, api: str, command: str) -> Iterator[Finding]:
        if not found.api:
            yield Finding(f"{found.address} leads to no API", self._deploy_or(command))
        elif (found.api, found.stage) != (api, STAGE_NAME):
            wrong = f"{found.address} leads to the API {found.api}, stage {found.stage}, instead of {api}, {STAGE_NAME}"
            yield Finding(wrong, f"take another domain or base_path; or take that mapping away, and then: {command}")

    def _rest_mapping(self) -> Lead:
        domain, path = self._config.domain, self._config.base_path
        address = f"https://{domain}/{path}".rstrip("/")
        client = self._account.rest_apis
        with suppress(client.exceptions.NotFoundException):
            pages = client.get_paginator("get_base_path_mappings").paginate(domainName=domain)
            for one in (one for page in pages for one in page.get("items", [])):
                if one.get("basePath", _NO_PATH) == (path or _NO_PATH):
                    return Lead(address, one["restApiId"], one.get("stage", ""))
        return Lead(address)

    def _live_mapping(self) -> Lead:
        address, client = f"wss://{self._config.live_domain}", self._account.websocket_apis
        with suppress(client.exceptions.NotFoundException):
            for one in client.get_api_mappings(DomainName=self._config.live_domain)["Items"]:
                if not one.get("ApiMappingKey"):
                    return Lead(address, one["ApiId"], one["Stage"])
        return Lead(address)

    def _map_rest(self, api: str) -> str:
        path = f" --base-path {self._config.base_path}" if self._config.base_path else ""
        wanted = f"--domain-name {self._config.domain} --rest-api-id {api} --stage {STAGE_NAME}{path}"
        return f"aws apigateway create-base-path-mapping {wanted}"

    def _map_live(self, api: str) -> str:
        wanted = f"--domain-name {self._config.live_domain} --api-id {api} --stage {STAGE_NAME}"
        return f"aws apigatewayv2 create-api-mapping {wanted}"

    def _deploy_or(self, command: str) -> str:
        """What is gone by hand, CloudFormation does not miss."""
        return f"{self._deploy()}; where that changes nothing: {command}"

    def _deploy(self) -> str:
        return f"make deploy STAGE={self._stage}"
