"""The doctor's checks that letters arrive: SES's account and sender, its events, and the DNS records that receivers
require."""

from collections.abc import Iterator, Set
from email.utils import parseaddr
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import ClientError

from chalicelib.manifest import Subsystem
from chalicelib.settings import Settings
from infra.checkup import Finding

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

# Without one of these a delivery never leaves `sent` (infra/template.yaml, MailingsEventDestination).
NEEDED_EVENTS = frozenset({"REJECT", "BOUNCE", "COMPLAINT", "DELIVERY", "RENDERING_FAILURE", "DELIVERY_DELAY"})
TRACKED_EVENTS = frozenset({"OPEN", "CLICK"})  # for these SES rewrites a letter's links: mailings', through our domain
SEND = "SEND"  # without it an account letter is sent twice when a reply is lost
_NEARLY = 0.8  # of the day's quota


class Records(Protocol):
    """The DNS queries that the checks need."""

    def texts(self, name: str) -> list[str]:
        """TXT records; an empty list if there are none."""
        ...

    def aliases(self, name: str) -> list[str]:
        """CNAME records, without the trailing dot."""
        ...

    def addresses(self, name: str) -> list[str]:
        """A records."""
        ...


class Mail:
    """The stage's sender."""

    def __init__(self, settings: Settings, ses: "SESV2Client", records: Records | None) -> None:
        self._settings = settings
        self._ses = ses
        self._records = records
        self._domain = parseaddr(settings.mail_from)[1].rpartition("@")[2]

    def account(self) -> Iterator[Finding]:
        """May this account write to anybody, fast enough and often enough?"""
        account = self._ses.get_account()
        if not account.get("ProductionAccessEnabled"):
            wrong = "SES keeps this account in its sandbox: letters go to verified addresses only, 200 a day"
            yield Finding(wrong, "ask for production access: docs/operations.md, Out of the sandbox")
        if not account.get("SendingEnabled") or account.get("EnforcementStatus") == "SHUTDOWN":
            yield Finding("SES has stopped this account's sending", "answer the case in the AWS Support Center")
        elif account.get("EnforcementStatus") not in ("HEALTHY", None):
            wrong = f"SES looks at this account ({account['EnforcementStatus']}): bounces or complaints are too many"
            yield Finding(wrong, "`bounce-rate` and `complaint-rate` in docs/operations.md, before SES stops it")
        quota = account.get("SendQuota", {})
        rate, day, sent = quota.get("MaxSendRate", 0), quota.get("Max24HourSend", 0), quota.get("SentLast24Hours", 0)
        if self._settings.rate(Subsystem.SES) > rate:
            wrong = f"SES allows {rate:g} letters a second, the stage is set to {self._settings.rate(Subsystem.SES):g}"
            yield Finding(wrong, "lower the limits ses.* (Subsystems), or ask SES for a higher rate")
        if day > 0 and sent >= _NEARLY * day:
            yield Finding(f"{sent:g} of the day's {day:g} letters are used", "ask SES for a higher quota")

    def identity(self) -> Iterator[Finding]:
        """Does SES know the sender, and does it sign?"""
        try:
            identity = self._ses.get_email_identity(EmailIdentity=self._domain)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NotFoundException":
                raise
            yield Finding(f"SES knows no identity {self._domain}", "create and verify it in SES, in this region")
            return
        if not identity.get("VerifiedForSendingStatus"):
            remedy = "publish the records that SES shows for it, then wait for SES"
            yield Finding(f"the identity {self._domain} is not verified: every letter is refused", remedy)
        dkim = identity.get("DkimAttributes", {})
        if not dkim.get("SigningEnabled") or dkim.get("Status") != "SUCCESS":
            wrong = f"letters of {self._domain} are not signed by DKIM ({dkim.get('Status')})"
            yield Finding(wrong, "turn on Easy DKIM for the identity and publish its three CNAME records")
        yield from self._signatures(dkim.get("Tokens", []))

    def events(self) -> Iterator[Finding]:
        """Do SES's events come back?"""
        tracked = TRACKED_EVENTS if self._settings.tracking_domain else frozenset[str]()
        yield from self._events_of(self._settings.configuration_set, NEEDED_EVENTS | {SEND})
        yield from self._events_of(self._settings.mailings_set, NEEDED_EVENTS | tracked)

    def _events_of(self, name: str, needed: Set[str]) -> Iterator[Finding]:
        try:
            found = self._ses.get_configuration_set_event_destinations(ConfigurationSetName=name)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NotFoundException":
                raise
            yield Finding(f"there is no configuration set {name}: every letter is refused", self._deploy())
            return
        told: set[str] = set()
        for destination in found.get("EventDestinations", []):
            if destination.get("Enabled") and "SnsDestination" in destination:
                told.update(destination.get("MatchingEventTypes", []))
        if missing := sorted(needed - told):
            kinds = f"{', '.join(missing)} (configuration set {name})"
            wrong = f"SES does not report {kinds}: statuses stay behind, bounces are not suppressed"
            yield Finding(wrong, self._deploy())
        if rewriting := sorted((told & TRACKED_EVENTS) - needed):
            wrong = f"the configuration set {name} reports {', '.join(rewriting)}: SES leads its links elsewhere"
            yield Finding(wrong, self._deploy())

    def tracking(self) -> Iterator[Finding]:
        """Do the links of mailings go through our own domain, and does it answer? Raises: ConnectionError."""
        domain = self._settings.tracking_domain
        options = self._ses.get_configuration_set(ConfigurationSetName=self._settings.mailings_set)
        given = options.get("TrackingOptions", {})
        if (given.get("CustomRedirectDomain") or "") != domain:
            wrong = f"mailings go through {given.get('CustomRedirectDomain') or 'no domain'}, the stage says {domain}"
            yield Finding(wrong, self._deploy())
        elif domain and given.get("HttpsPolicy") != "REQUIRE":
            yield Finding(f"links through {domain} are not always https", self._deploy())
        if not domain or self._records is None:
            return
        aliases = self._records.aliases(domain)
        if any(alias.endswith(".awstrack.me") for alias in aliases):
            wrong = f"{domain} points at SES itself, which has no certificate for it: readers see a warning"
            yield Finding(wrong, "put a CDN with a certificate before it: docs/operations.md, Openings and clicks")
        elif not aliases and not self._records.addresses(domain):
            wrong = f"{domain} is not in the DNS: no link of a mailing leads anywhere"
            yield Finding(wrong, "point it at your CDN: docs/operations.md, Openings and clicks")

    def dns(self) -> Iterator[Finding]:
        """Are the records there that Gmail, Yahoo and Microsoft require of bulk senders? Raises: ConnectionError."""
        if self._records is None:
            return
        policies = [t for t in self._records.texts(f"_dmarc.{self._domain}") if t.lower().startswith("v=dmarc1")]
        if len(policies) != 1:
            wrong = f"_dmarc.{self._domain} has {len(policies)} DMARC records, one is needed"
            yield Finding(wrong, f'publish TXT "v=DMARC1; p=none; rua=mailto:dmarc@{self._domain}", later p=quarantine')
        senders = [t for t in self._records.texts(self._domain) if t.lower().startswith("v=spf1")]
        if len(senders) > 1:
            yield Finding(f"{self._domain} has {len(senders)} SPF records: receivers take that for none", "merge them")

    def _signatures(self, tokens: list[str]) -> Iterator[Finding]:
        for token in tokens if self._records else []:
            name, target = f"{token}._domainkey.{self._domain}", f"{token}.dkim.amazonses.com"
            if self._records and target not in self._records.aliases(name):
                yield Finding(f"the DKIM record {name} is missing", f"publish CNAME {target}")

    def _deploy(self) -> str:
        return f"make deploy STAGE={self._settings.stage}"
