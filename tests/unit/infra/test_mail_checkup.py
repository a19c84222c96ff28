"""The doctor's look at SES and the DNS: each thing broken in turn, and nothing said where nothing is. The answers are
SES's own shapes: botocore's stubber refuses any other."""

from collections.abc import Iterator, Mapping, Set
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from chalicelib.settings import Settings, read_settings
from infra.checkup import Finding
from infra.doctor import examine
from infra.mail_checkup import NEEDED_EVENTS, SEND, TRACKED_EVENTS, Mail
from infra.stages import environment_of

TOKEN = "abc"
GOOD_ACCOUNT = {
    "ProductionAccessEnabled": True,
    "SendingEnabled": True,
    "EnforcementStatus": "HEALTHY",
    "SendQuota": {"MaxSendRate": 100.0, "Max24HourSend": 1000.0, "SentLast24Hours": 10.0},
}
GOOD_IDENTITY = {
    "VerifiedForSendingStatus": True,
    "DkimAttributes": {"SigningEnabled": True, "Status": "SUCCESS", "Tokens": [TOKEN]},
}
GOOD_TEXTS = {"_dmarc.cinema.example": ["v=DMARC1; p=none"], "cinema.example": ["v=spf1 -all", "another"]}
GOOD_ALIASES = {f"{TOKEN}._domainkey.cinema.example": [f"{TOKEN}.dkim.amazonses.com"]}


def telling(kinds: Set[str]) -> dict[str, Any]:
    """GetConfigurationSetEventDestinations: one topic that hears of these."""
    topic = {"TopicArn": "arn:aws:sns:eu-central-1:123456789012:vestnik-prod-ses-events"}
    told = {"Name": "feedback", "Enabled": True, "MatchingEventTypes": sorted(kinds), "SnsDestination": topic}
    return {"EventDestinations": [told]}


GOOD_EVENTS = telling(NEEDED_EVENTS | {SEND})
WITHOUT_SEND = telling(NEEDED_EVENTS)


def told_of(ses: Any, answer: dict[str, Any], *, name: str = "vestnik-prod") -> None:
    ses.add_response("get_configuration_set_event_destinations", answer, {"ConfigurationSetName": name})


class Zone:
    """A DNS of our own."""

    def __init__(
        self,
        texts: Mapping[str, list[str]] = GOOD_TEXTS,
        aliases: Mapping[str, list[str]] = GOOD_ALIASES,
        addresses: Mapping[str, list[str]] | None = None,
    ):
        self._texts, self._aliases, self._addresses = texts, aliases, addresses or {}

    def texts(self, name: str) -> list[str]:
        return self._texts.get(name, [])

    def aliases(self, name: str) -> list[str]:
        return self._aliases.get(name, [])

    def addresses(self, name: str) -> list[str]:
        return self._addresses.get(name, [])


@pytest.fixture(scope="module")
def client() -> Any:
    return boto3.client("sesv2", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")


@pytest.fixture
def ses(client: Any) -> Iterator[Any]:
    with Stubber(client) as stubber:
        yield stubber


def settings(tracking_domain: str = "") -> Settings:
    return read_settings({**environment_of("prod"), "VESTNIK_TRACKING_DOMAIN": tracking_domain})


def set_with(ses: Any, options: dict[str, str] | None) -> None:
    answer = {"TrackingOptions": options} if options else {}
    ses.add_response("get_configuration_set", answer, {"ConfigurationSetName": "vestnik-prod-mailings"})


def words(found: Iterator[Finding]) -> str:
    return " | ".join(f"{one.wrong} -> {one.remedy}" for one in found)


def test_nothing_is_said_where_nothing_is_wrong(ses: Any) -> None:
    ses.add_response("get_account", GOOD_ACCOUNT)
    ses.add_response("get_email_identity", GOOD_IDENTITY, {"EmailIdentity": "cinema.example"})
    told_of(ses, GOOD_EVENTS)
    told_of(ses, WITHOUT_SEND, name="vestnik-prod-mailings")
    mail = Mail(settings(), ses.client, Zone())
    assert [*mail.account(), *mail.identity(), *mail.events(), *mail.dns()] == []


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"ProductionAccessEnabled": False}, "in its sandbox"),
        ({"SendingEnabled": False}, "stopped this account"),
        ({"EnforcementStatus": "SHUTDOWN"}, "stopped this account"),
        ({"EnforcementStatus": "PROBATION"}, "PROBATION"),
        ({"SendQuota": {**GOOD_ACCOUNT["SendQuota"], "MaxSendRate": 14.0}}, "SES allows 14 letters a second"),  # type: ignore[dict-item]
        ({"SendQuota": {**GOOD_ACCOUNT["SendQuota"], "SentLast24Hours": 800.0}}, "800 of the day's 1000"),  # type: ignore[dict-item]
    ],
)
def test_an_account_that_may_not_send_is_told(ses: Any, broken: dict[str, Any], said: str) -> None:
    ses.add_response("get_account", {**GOOD_ACCOUNT, **broken})
    assert said in words(Mail(settings(), ses.client, None).account())


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"VerifiedForSendingStatus": False}, "is not verified"),
        ({"DkimAttributes": {"SigningEnabled": True, "Status": "PENDING"}}, "not signed by DKIM (PENDING)"),
        ({"DkimAttributes": {"SigningEnabled": False, "Status": "SUCCESS"}}, "not signed by DKIM"),
        ({"DkimAttributes": {"SigningEnabled": True, "Status": "SUCCESS", "Tokens": ["other"]}}, "CNAME other.dkim"),
    ],
)
def test_a_sender_that_receivers_will_not_trust_is_told(ses: Any, broken: dict[str, Any], said: str) -> None:
    ses.add_response("get_email_identity", {**GOOD_IDENTITY, **broken})
    assert said in words(Mail(settings(), ses.client, Zone()).identity())


def test_an_identity_that_is_not_there_is_told(ses: Any) -> None:
    ses.add_client_error("get_email_identity", "NotFoundException")
    assert "SES knows no identity cinema.example" in words(Mail(settings(), ses.client, None).identity())


def test_events_that_do_not_come_are_told_by_name(ses: Any) -> None:
    told_of(ses, WITHOUT_SEND)
    told_of(ses, telling(NEEDED_EVENTS - {"BOUNCE"}), name="vestnik-prod-mailings")
    said = words(Mail(settings(), ses.client, None).events())
    assert "SES does not report SEND (configuration set vestnik-prod):" in said
    assert "SES does not report BOUNCE (configuration set vestnik-prod-mailings):" in said


def test_a_destination_that_is_off_tells_nothing(ses: Any) -> None:
    off = {**GOOD_EVENTS["EventDestinations"][0], "Enabled": False}
    told_of(ses, {"EventDestinations": [off]})
    told_of(ses, WITHOUT_SEND, name="vestnik-prod-mailings")
    assert "BOUNCE, COMPLAINT" in words(Mail(settings(), ses.client, None).events())


def test_a_configuration_set_that_is_not_there_is_told(ses: Any) -> None:
    told_of(ses, GOOD_EVENTS)
    ses.add_client_error("get_configuration_set_event_destinations", "NotFoundException")
    assert "no configuration set vestnik-prod-mailings" in words(Mail(settings(), ses.client, None).events())


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({}, "0 DMARC records"),
        ({"_dmarc.cinema.example": ["v=DMARC1; p=none", "v=DMARC1; p=reject"]}, "2 DMARC records"),
        ({**GOOD_TEXTS, "cinema.example": ["v=spf1 -all", "v=spf1 ~all"]}, "2 SPF records"),
    ],
)
def test_missing_and_doubled_records_are_told(ses: Any, texts: dict[str, list[str]], said: str) -> None:
    assert said in words(Mail(settings(), ses.client, Zone(texts)).dns())


def test_openings_that_nobody_asked_for_are_told_as_ses_rewrites_letters_for_them(ses: Any) -> None:
    """Promise D8."""
    told_of(ses, telling(NEEDED_EVENTS | {SEND, "CLICK"}))
    told_of(ses, telling(NEEDED_EVENTS | TRACKED_EVENTS), name="vestnik-prod-mailings")
    said = words(Mail(settings(), ses.client, None).events())
    assert "configuration set vestnik-prod reports CLICK" in said
    assert "configuration set vestnik-prod-mailings reports CLICK, OPEN" in said


def test_with_a_domain_of_ours_mailings_have_to_tell_of_openings(ses: Any) -> None:
    told_of(ses, GOOD_EVENTS)
    told_of(ses, WITHOUT_SEND, name="vestnik-prod-mailings")
    assert "does not report CLICK, OPEN" in words(Mail(settings("track.cinema.example"), ses.client, None).events())


OURS = {"CustomRedirectDomain": "track.cinema.example", "HttpsPolicy": "REQUIRE"}


@pytest.mark.parametrize(
    ("domain", "options", "zone", "said"),
    [
        ("", None, Zone(), ""),
        ("", OURS, Zone(), "through track.cinema.example"),
        ("track.cinema.example", None, Zone(), "through no domain"),
        ("track.cinema.example", {**OURS, "HttpsPolicy": "OPTIONAL"}, Zone(), "not always https"),
        ("track.cinema.example", OURS, Zone(), "not in the DNS"),
        ("track.cinema.example", OURS, Zone(addresses={"track.cinema.example": ["192.0.2.1"]}), ""),
        ("track.cinema.example", OURS, Zone(aliases={"track.cinema.example": ["d1.cloudfront.net"]}), ""),
        (
            "track.cinema.example",
            OURS,
            Zone(aliases={"track.cinema.example": ["r.eu-central-1.awstrack.me"]}),
            "no certificate",
        ),
    ],
    ids=lambda one: "" if isinstance(one, Zone) else str(one),
)
def test_where_the_links_of_mailings_lead_is_looked_at(
    ses: Any, domain: str, options: dict[str, str] | None, zone: Zone, said: str
) -> None:
    set_with(ses, options)
    found = words(Mail(settings(domain), ses.client, zone).tracking())
    assert (said in found) if said else found == ""


def test_that_it_could_not_look_is_a_finding_and_no_crash(ses: Any) -> None:
    ses.add_client_error("get_account", "AccessDeniedException")
    [finding] = examine(Mail(settings(), ses.client, None).account)
    assert "could not be looked at" in finding.wrong
    assert "credentials" in finding.remedy
