"""How evenly a campaign's work falls on the keys of tables and indexes, at a thousand letters a second with four short
links each: computed from the keys and the real writers, on a sample of letters."""

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from statistics import mean
from typing import Any

import pytest
from pynamodb.expressions.operand import Path

from chalicelib.campaigns import pacing as pace
from chalicelib.channels.port import Outcome, Verdict
from chalicelib.clock import rfc3339
from chalicelib.pipeline.requests import NotificationRequest, Recipient
from chalicelib.reasons import SuppressionReason
from chalicelib.stage.app import Stage
from chalicelib.storage.chunk_letters import RUN_HOMES
from chalicelib.storage.rate_limits import LIMITS
from chalicelib.storage.rows.links import LinkRow
from tests.integration.campaigns.conftest import CONTEXT, Desk, PostOffice, StandingClock, Viewers
from tests.integration.keys_taken import Key, KeysTaken

LETTERS_A_SECOND = 1_000
SAMPLE = 50  # letters
LINKS = 4
# A partition of DynamoDB takes 1,000 write and 3,000 read units a second (AWS, "Burst and adaptive capacity"). Half is
# left for what else writes there.
MOST_WRITTEN, MOST_READ = 500, 3_000
LARGEST_ITEM = 400 * 1024
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36"
_SHARED = re.compile(r"/s/([a-z2-7]{16}\.[\w-]{31})\"")
HOME = re.compile(r"[a-z2-7]{8}\d_[0-9a-z]+")
FILMS = {
    "category": "marketing",
    "channels": ["email"],
    "default_locale": "en",
    "variables": {"url": {"type": "url"}},
    "sample": {"context": {"url": "https://cinema.example/films"}},
    "locales": {
        "en": {
            "email.subject": "Films",
            "email.html": "".join(f"<a href=\"{{{{ (url ~ '/{n}')|short }}}}\">Watch</a>" for n in range(LINKS)),
        }
    },
}


def kind_of(key: Key) -> str:
    """A shard's key without its number: in a small sample chance decides which of its like take more."""
    return " ".join(key._replace(value=re.sub(r"(^|#)\d+$", r"\1n", key.value)))


def share_of(key: Key) -> float:
    """Of what it takes here: all letters of the sample are in one chunk, and those of a run in many homes."""
    if key.value.startswith("clicks#"):  # of one chunk: the letters of a second are in many
        return SAMPLE / LETTERS_A_SECOND
    return 1 / RUN_HOMES if HOME.fullmatch(key.value) else 1


def a_second_of(taken: Mapping[Key, float]) -> dict[str, float]:
    """Units that a key takes in a second, by its kind."""
    keys: defaultdict[str, list[float]] = defaultdict(list)
    for key, units in taken.items():
        keys[kind_of(key)].append(units * share_of(key))
    return {kind: mean(each) * LETTERS_A_SECOND / SAMPLE for kind, each in keys.items()}


def require_even(taken: KeysTaken) -> None:
    assert {kind: n for kind, n in a_second_of(taken.written).items() if n > MOST_WRITTEN} == {}
    assert {kind: n for kind, n in a_second_of(taken.read).items() if n > MOST_READ} == {}
    assert taken.most_in_a_transaction <= 100
    assert {table: size for table, size in taken.largest.items() if size > LARGEST_ITEM / 4} == {}


def tell(desk: Desk, office: PostOffice, kind: str, **more: Any) -> None:
    """What SES says about every letter, at once."""
    for one in office.letters:
        mail = {"messageId": one.delivery_id, "tags": {name: [value] for name, value in one.tags.items()}}
        desk.pump.put("feedback", json.dumps({"eventType": kind, "mail": mail, **more}))
    assert desk.pump.run("feedback") == []


@pytest.fixture(autouse=True)
def as_fast_as_may_be(desk: Desk) -> None:
    """The clock stands, and no pace is waited for; the deployment has written the layout down."""
    Stage.own().templates.write_down(Stage.own().templates.edition("promo"))
    for limit in LIMITS:
        Stage.own().limiter.set_rate(limit, LETTERS_A_SECOND)


def test_no_key_is_hot_while_a_campaign_is_sent_opened_and_clicked(
    desk: Desk, office: PostOffice, viewers: Viewers, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise F5."""
    monkeypatch.setattr(pace, "MAX_SHARDS", 1)  # so that a few viewers make whole chunks
    viewers(SAMPLE)
    Stage.own().template_changes.add("films", FILMS, by="anna")
    taken = KeysTaken()
    campaign_id = desk.start(template="films", context={"url": "https://cinema.example/films"})
    desk.tick()
    desk.finish()
    assert len(office.letters) == SAMPLE
    delivered, opened = (rfc3339(clock() + timedelta(seconds=n)) for n in (1, 60))
    tell(desk, office, "Delivery", delivery={"timestamp": delivered})
    tell(desk, office, "Open", open={"timestamp": opened, "userAgent": BROWSER})
    clock.pass_(minutes=2)
    links = [link for one in office.letters for link in _SHARED.findall(one.parts["html"])]
    assert len(links) >= SAMPLE * LINKS
    for link in links:
        Stage.own().link_visits.visit(link, user_agent=BROWSER)
    progress = desk.progress(campaign_id)
    assert (progress.delivered, progress.opened, progress.clicked) == (SAMPLE, SAMPLE, SAMPLE)
    require_even(taken)


def test_no_key_is_hot_while_nobody_can_be_written_to(
    desk: Desk, office: PostOffice, viewers: Viewers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise F5: what is not sent has an index of its own."""
    monkeypatch.setattr(pace, "MAX_SHARDS", 1)
    ids = viewers(SAMPLE)
    for n, one in enumerate(ids):
        if n % 5 > 1:
            Stage.own().suppressions.add("email", f"{one}@example.com", reason=SuppressionReason.BOUNCE)
        else:
            office.verdicts[f"{one}@example.com"] = Outcome(Verdict.REFUSED, reason="rejected")
    taken = KeysTaken()
    campaign_id = desk.start()
    desk.tick()
    desk.finish()
    progress = desk.progress(campaign_id)
    assert (sum(progress.skipped.values()), progress.failed) == (SAMPLE * 3 / 5, SAMPLE * 2 / 5)
    require_even(taken)


def test_no_key_is_hot_while_letters_are_asked_for_one_by_one(desk: Desk, office: PostOffice, viewers: Viewers) -> None:
    """Promise F5."""
    ids = viewers(SAMPLE)
    taken = KeysTaken()
    for one in ids:
        wanted = NotificationRequest(
            template="promo", recipients=(Recipient(user_id=one),), context=CONTEXT, channels=("email",), lane="instant"
        )
        Stage.own().accept.accept(wanted, caller="shop", key=one)
    assert desk.pump.run() == []
    assert len(office.letters) == SAMPLE
    for kind in ("Send", "Delivery"):
        tell(desk, office, kind)
    require_even(taken)


def test_no_key_is_hot_while_letters_are_asked_for_in_advance(
    desk: Desk, office: PostOffice, viewers: Viewers, clock: StandingClock
) -> None:
    """Promise F5."""
    ids = viewers(SAMPLE)
    taken = KeysTaken()
    for one in ids:
        wanted = NotificationRequest(
            template="promo",
            recipients=(Recipient(user_id=one),),
            context=CONTEXT,
            send_at=clock() + timedelta(hours=1),
        )
        Stage.own().accept.accept(wanted, caller="shop", key=one)
    require_even(taken)
    clock.pass_(hours=2)
    released = KeysTaken()
    desk.finish()
    assert len(office.letters) == SAMPLE
    require_even(released)


def test_a_count_that_fell_on_one_key_is_seen(stage: None) -> None:
    """That the measure measures."""
    taken = KeysTaken()
    for _ in range(SAMPLE):
        LinkRow("one-for-all").update([Path(["visits"]).add(1)])
    assert taken.written == {Key("vestnik-test-links", "", "one-for-all"): SAMPLE}
    with pytest.raises(AssertionError):
        require_even(taken)
