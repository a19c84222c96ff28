"""Openings and clicks as SES tells them: people's, and those of proxies and scanners."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.campaigns.progress import Progress, read_progresses
from chalicelib.clock import new_id
from chalicelib.deliveries import DeliveryKey, Move, S
from chalicelib.pipeline.bot_detection import is_bot
from chalicelib.stage.app import Stage
from chalicelib.storage.runs import PlannedRun
from tests.integration.pipeline.test_provider_words import Event, bounce, complaint, tell
from tests.ledgers import is_engaged, letters_of, stored

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
OUTLOOK = "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.19127; Pro)"
APPLE = "Mozilla/5.0"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
GMAIL_AHEAD = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 "
    "Safari/537.36 Edge/12.246 "
)
YAHOO = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"
MACHINES = [
    APPLE,
    GMAIL,
    f"{GMAIL_AHEAD}Mozilla/5.0",
    f"{GMAIL_AHEAD}Gmail-content-sampling",
    YAHOO,
    "Barracuda Sentinel (EE)",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) MimecastClient/1.0",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/141.0 Safari/537.36",
    "Mozilla/5.0 (compatible; vkShare; +http://vk.com/dev/Share)",
    "Mozilla/5.0 (compatible; Iframely/1.3.1)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ChatGPT-User/1.0)",
    "",
    None,
]


def seen(kind: str, second: int, agent: str | None = PHONE) -> Event:
    body = {"timestamp": f"2026-11-22T12:{second // 60:02}:{second % 60:02}.000Z", "ipAddress": "192.0.2.1"}
    return kind, {kind.lower(): body if agent is None else {**body, "userAgent": agent}}


def delivered(second: int = 30) -> Event:
    return "Delivery", {"delivery": {"timestamp": f"2026-11-22T12:00:{second:02}.000Z"}}


def letter_of(run_id: str) -> DeliveryKey:
    [key] = letters_of(run_id)
    Stage.own().ledger.move([Move(key, S.CALLING, owner="a", attempt=1)])
    Stage.own().ledger.move([Move(key, S.SENT, owner="a")])
    return key


def progress_of(run_id: str) -> Progress:
    return read_progresses([PlannedRun(run_id, "2026-11-22T12:00", shards=0, channels=1, targeted=1)])[0]


def counts(run_id: str) -> tuple[int, int, int, int]:
    found = progress_of(run_id)
    return found.opened, found.clicked, found.machine_opened, found.machine_clicked


@pytest.mark.parametrize("agent", MACHINES)
def test_openings_and_clicks_of_machines_are_counted_apart(stage: None, agent: str | None) -> None:
    """Promise D4: privacy proxies and scanners are no readers."""
    key = letter_of("c@2026-11-22T12:00")

    tell(key, delivered(), seen("Open", 90, agent), seen("Click", 91, agent), seen("Open", 92, agent))

    assert counts("c@2026-11-22T12:00") == (0, 0, 1, 1)
    assert not is_engaged(key)


IE = "Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; Trident/6.0)"


@pytest.mark.parametrize("agent", [PHONE, OUTLOOK, IE])
def test_an_opening_in_a_mail_program_is_a_persons(stage: None, agent: str) -> None:
    key = letter_of("c@2026-11-22T12:00")

    tell(key, delivered(), seen("Open", 90, agent), seen("Open", 95, agent))

    assert counts("c@2026-11-22T12:00") == (1, 0, 0, 0)
    opened = [one["at"] for one in stored(key).timeline if one.get("event") == "opened"]
    assert opened == ["2026-11-22T12:01:30.000000Z"]
    assert is_engaged(key)


def test_a_mail_programs_visit_of_a_link_is_a_preview() -> None:
    assert is_bot(OUTLOOK)
    assert is_bot("Mozilla/4.0 (compatible; ms-office; MSOffice 16)")
    assert is_bot(PHONE, purpose="prefetch;prerender")
    assert not is_bot(PHONE)


@pytest.mark.parametrize(
    "agent",
    [
        "Opera/9.80 (Android; Opera Mini/36.2.2254/191.283; U; ru) Presto/2.12.423 Version/12.16",
        "Lynx/2.9.0 libwww-FM/2.14 SSL-MM/1.4.1 OpenSSL/3.0.2",
        "Links (2.28; Linux x86_64; text)",
        "w3m/0.5.3+git20230121",
    ],
)
def test_a_browser_that_does_not_call_itself_mozilla_is_a_persons(agent: str) -> None:
    """Promise D5: who opens a link in it confirms their address."""
    assert not is_bot(agent)


@pytest.mark.parametrize("early_first", [True, False])
def test_what_opens_a_letter_before_its_delivery_is_a_scanner(stage: None, early_first: bool) -> None:
    """Promise D4: whatever browser it claims to be, and whichever event comes first."""
    key = letter_of("c@2026-11-22T12:00")
    early: list[Event] = [seen("Open", 28), seen("Click", 29)]

    tell(key, *([*early, delivered()] if early_first else [delivered(), *early]))

    assert counts("c@2026-11-22T12:00") == (0, 0, 1, 1)
    assert stored(key).status == "delivered"
    assert not is_engaged(key)


EVENTS = [
    *(seen(kind, second) for kind in ("Open", "Click") for second in (10, 20, 40, 90)),
    *(seen(kind, second, APPLE) for kind in ("Open", "Click") for second in (10, 40)),
    delivered(),
    bounce(("Transient", "MailboxFull")),
    complaint(),
]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_openings_in_any_order_are_counted_alike(stage: None, data: Any) -> None:
    """Promises D3, D4: what is a person's and what a machine's does not depend on which event comes first."""
    events = data.draw(st.lists(st.sampled_from(EVENTS), min_size=2, max_size=5))
    ends = []
    for order in (events, data.draw(st.permutations([*events, events[0]]))):
        run_id = f"{new_id()}@2026-11-22T12:00"
        key = letter_of(run_id)
        tell(key, *order)
        ends.append((stored(key).status, is_engaged(key), counts(run_id)))

    assert ends[0] == ends[1]
