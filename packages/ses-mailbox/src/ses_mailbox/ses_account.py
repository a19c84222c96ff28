"""The rest of SES v2: the account's quota, identities and events, stored templates."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ses_mailbox.calls import CallLog
from ses_mailbox.clock import Clock, rfc3339
from ses_mailbox.errors import SesError, not_found, template_not_found
from ses_mailbox.modes import SANDBOX_DAY, SANDBOX_SECOND
from ses_mailbox.rules import Account
from ses_mailbox.ses_api import ONE_DAY, answered, refused
from ses_mailbox.shapes import StoredTemplate, TemplateContent, parse
from ses_mailbox.store import Store
from ses_mailbox.template_text import TemplateText

MAX_24_HOUR_SEND = 50_000_000.0
MAX_SEND_RATE = 1_000.0


@dataclass(frozen=True)
class AccountApi:
    """GetAccount, GetEmailIdentity, GetConfigurationSet, GetConfigurationSetEventDestinations, CreateEmailTemplate,
    GetEmailTemplate, DeleteEmailTemplate."""

    store: Store
    log: CallLog
    now: Clock
    account: Account
    topic_arn: str | None

    def routes(self) -> list[Route]:
        """The paths of botocore's model."""
        template = "/v2/email/templates/{name:path}"
        return [
            Route("/v2/email/account", self.get_account, methods=["GET"]),
            Route("/v2/email/identities/{name}", self.get_identity, methods=["GET"]),
            Route("/v2/email/configuration-sets/{name}", self.get_configuration_set, methods=["GET"]),
            Route("/v2/email/configuration-sets/{name}/event-destinations", self.get_destinations, methods=["GET"]),
            Route("/v2/email/templates", self.create_template, methods=["POST"]),
            Route(template, self.get_template, methods=["GET"]),
            Route(template, self.delete_template, methods=["DELETE"]),
        ]

    async def get_account(self, _request: Request) -> Response:
        """The account, healthy unless `modes` say otherwise; what it sent since the file began, at most the last
        day's."""
        day_ago, modes = rfc3339(self.now() - ONE_DAY), self.account.modes.now
        return answered(
            {
                "DedicatedIpAutoWarmupEnabled": False,
                "EnforcementStatus": "SHUTDOWN" if modes.suspended else "HEALTHY",
                "ProductionAccessEnabled": not modes.sandbox,
                "SendQuota": {
                    "Max24HourSend": float(SANDBOX_DAY) if modes.sandbox else MAX_24_HOUR_SEND,
                    "MaxSendRate": float(SANDBOX_SECOND) if modes.sandbox else MAX_SEND_RATE,
                    "SentLast24Hours": float(self.log.accepted(day_ago)),
                },
                "SendingEnabled": not (modes.paused or modes.suspended),
                "SuppressionAttributes": {"SuppressedReasons": []},
            }
        )

    async def get_identity(self, request: Request) -> Response:
        """GetEmailIdentity: what `--verified` names is verified and signed."""
        name = request.path_params["name"]
        if name.lower() not in self.account.verified:
            return refused(not_found(f"Email identity {name} does not exist."))
        kind = "EMAIL_ADDRESS" if "@" in name else "DOMAIN"
        good = name.lower() not in self.account.modes.now.unverified
        return answered(
            {
                "IdentityType": kind,
                "VerifiedForSendingStatus": good,
                "VerificationStatus": "SUCCESS" if good else "FAILED",
                "DkimAttributes": {"SigningEnabled": True, "Status": "SUCCESS" if good else "FAILED", "Tokens": []},
            }
        )

    async def get_configuration_set(self, request: Request) -> Response:
        """GetConfigurationSet: its redirect domain, where it tracks."""
        name = request.path_params["name"]
        try:
            self.account.check_configuration_set(name)
        except SesError as error:
            return refused(error)
        tracking = self.account.tracking(name)
        own = {"CustomRedirectDomain": tracking.domain, "HttpsPolicy": "REQUIRE"}
        tracked = tracking.domain and (tracking.opens or tracking.clicks)
        return answered({"ConfigurationSetName": name, **({"TrackingOptions": own} if tracked else {})})

    async def get_destinations(self, request: Request) -> Response:
        """GetConfigurationSetEventDestinations: the one topic, where there is one."""
        try:
            self.account.check_configuration_set(request.path_params["name"])
        except SesError as error:
            return refused(error)
        types = sorted(self.account.configuration_sets[request.path_params["name"]])
        topic = {"Name": "feedback", "Enabled": True, "MatchingEventTypes": types}
        destinations = [{**topic, "SnsDestination": {"TopicArn": self.topic_arn}}] if self.topic_arn else []
        return answered({"EventDestinations": destinations})

    async def create_template(self, request: Request) -> Response:
        """CreateEmailTemplate."""
        try:
            template = parse(StoredTemplate, await request.body())
            content = template.template_content
            for part in (content.subject, content.html, content.text):
                TemplateText(part or "")
            if not self.store.put_template(template.template_name, content.model_dump_json(by_alias=True)):
                raise SesError("AlreadyExistsException", f"Template {template.template_name} already exists")
        except SesError as error:
            return refused(error)
        return answered({})

    async def get_template(self, request: Request) -> Response:
        """GetEmailTemplate."""
        name = request.path_params["name"]
        content = self.store.template(name)
        if content is None:
            return refused(template_not_found(name))
        parts = TemplateContent.model_validate_json(content).model_dump(by_alias=True, exclude_none=True)
        return answered({"TemplateName": name, "TemplateContent": parts})

    async def delete_template(self, request: Request) -> Response:
        """DeleteEmailTemplate."""
        name = request.path_params["name"]
        return answered({}) if self.store.delete_template(name) else refused(template_not_found(name))
