"""The ledger on moto: forward only, one owner, and an answer for every move that was not made."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from pynamodb.constants import BATCH_GET_PAGE_LIMIT

from chalicelib.deliveries import ENTERED_FROM, DeliveryKey, DeliveryStatus, Move
from chalicelib.errors import UnavailableError
from chalicelib.outcomes import Refusal
from chalicelib.states import Engagement
from chalicelib.storage.deliveries import Delivery
from chalicelib.storage.dynamodb import dynamodb
from chalicelib.storage.ledger import Ledger
from tests.integration.control.requests_made import Requests
from tests.integration.faults import LostReply, unreachable
from tests.ledgers import (
    MAX_ENTRIES,
    delivery,
    engage,
    heard,
    is_ledger_empty,
    kept_until,
    letters_of,
    stored,
    writes_meet,
)

S = DeliveryStatus
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = DeliveryKey("00000000-0000-4000-8000-000000000001", "email")
RUN = "c@2026-11-22T12:00:00Z"

# How a delivery comes into each state.
WAY: dict[DeliveryStatus | None, tuple[DeliveryStatus, ...]] = {
    None: (),
    S.CALLING: (S.CALLING,),
    S.WAITING: (S.WAITING,),
    S.QUEUED: (S.CALLING, S.QUEUED),
    S.SENT: (S.CALLING, S.SENT),
    S.DELIVERED: (S.CALLING, S.SENT, S.DELIVERED),
    S.BOUNCED: (S.CALLING, S.SENT, S.BOUNCED),
    S.COMPLAINED: (S.CALLING, S.SENT, S.COMPLAINED),
    S.SKIPPED: (S.SKIPPED,),
    S.FAILED: (S.CALLING, S.FAILED),
    S.UNCERTAIN: (S.CALLING, S.UNCERTAIN),
    S.CANCELLED: (S.CANCELLED,),
}
# What a provider may say of a letter that it took, and why.
SAID = {S.SENT: None, S.DELIVERED: None, S.BOUNCED: "hard_bounce", S.COMPLAINED: "complaint"}
ALLOWED = [(before, after) for after, befores in ENTERED_FROM.items() for before in WAY if before in befores]
REFUSED = [(before, after) for after, befores in ENTERED_FROM.items() for before in WAY if before not in befores]


@pytest.fixture
def ledger(stage: None) -> Ledger:
    return Ledger(clock=lambda: NOON, retention_days=90)


def claim(key: DeliveryKey = KEY, owner: str = "a", attempt: int = 1) -> Move:
    lease = NOON + timedelta(minutes=1)
    return Move(key, S.CALLING, owner=owner, attempt=attempt, lease_until=lease)


def made(ledger: Ledger, after: DeliveryStatus, owner: str = "a") -> bool:
    """Takes a delivery there by a claim, the word of a provider or another move; returns whether the ledger let it."""
    if after in SAID:
        return heard(ledger, KEY, after, SAID[after])
    if after is S.FAILED and state() in (S.SENT, S.UNCERTAIN):  # of a letter that may have been sent only events say so
        return heard(ledger, KEY, after, "rejected")
    return ledger.move([claim(owner=owner) if after is S.CALLING else Move(KEY, after)]) == {}


def bring(ledger: Ledger, state: DeliveryStatus | None) -> None:
    for after in WAY[state]:
        assert made(ledger, after)


def state(key: DeliveryKey = KEY) -> str | None:
    found = delivery(key)
    return found.status if found else None


def but_its_timeline(found: Delivery | None) -> Delivery | None:
    """What is heard in vain changes no state, but did happen."""
    return found and found._replace(timeline=())


def keys(count: int) -> list[DeliveryKey]:
    return [DeliveryKey(f"00000000-0000-4000-8000-{n:012d}", "email") for n in range(count)]


def test_every_state_is_reached_and_every_pair_is_decided() -> None:
    assert set(WAY) == {None, *DeliveryStatus}
    assert len(ALLOWED) + len(REFUSED) == len(WAY) * len(DeliveryStatus)


@pytest.mark.parametrize(("before", "after"), ALLOWED)
def test_a_delivery_moves_forward(ledger: Ledger, before: DeliveryStatus | None, after: DeliveryStatus) -> None:
    bring(ledger, before)

    assert made(ledger, after, owner="b")

    assert state() == after


@pytest.mark.parametrize(("before", "after"), REFUSED)
def test_a_delivery_never_moves_otherwise(ledger: Ledger, before: DeliveryStatus | None, after: DeliveryStatus) -> None:
    bring(ledger, before)
    was = delivery(KEY)

    assert not made(ledger, after, owner="b")

    assert but_its_timeline(delivery(KEY)) == but_its_timeline(was)


@pytest.mark.parametrize(("before", "after"), [pair for pair in REFUSED if pair[1] not in SAID])
def test_whoever_may_not_move_a_delivery_is_told_its_state(
    ledger: Ledger, before: DeliveryStatus | None, after: DeliveryStatus
) -> None:
    bring(ledger, before)

    refused = ledger.move([claim(owner="b") if after is S.CALLING else Move(KEY, after)])

    assert refused[KEY].status == before


def test_a_move_tells_who_when_and_why(ledger: Ledger) -> None:
    ledger.move([claim(attempt=3)])
    ledger.move([Move(KEY, S.SENT, owner="a", provider_id="ses-1")])
    heard(ledger, KEY, S.BOUNCED, "hard_bounce")

    found = stored(KEY)
    assert (found.status, found.reason, found.provider_id, found.attempt) == ("bounced", "hard_bounce", "ses-1", 3)
    assert found.created_at == "2026-11-22T12:00:00.000000Z"
    assert not found.lease_until
    assert kept_until(KEY) == NOON + timedelta(days=90)
    assert [(one["status"], one.get("reason"), one.get("attempt")) for one in found.timeline] == [
        ("calling", None, 3),
        ("sent", None, None),
        ("bounced", "hard_bounce", None),
    ]


def test_a_reason_goes_with_its_state(ledger: Ledger) -> None:
    ledger.move([claim()])
    ledger.move([Move(KEY, S.QUEUED, reason="throttled", owner="a")])
    ledger.move([claim(owner="b", attempt=2)])

    found = stored(KEY)
    assert not found.reason
    assert found.owner == "b"


# ---------------------------------------------------------------- owners


@pytest.mark.parametrize("after", [S.SENT, S.FAILED, S.QUEUED, S.UNCERTAIN])
def test_a_worker_whose_claim_was_taken_over_changes_nothing(ledger: Ledger, after: DeliveryStatus) -> None:
    ledger.move([claim(owner="a")])
    ledger.move([Move(KEY, S.QUEUED, owner="a")])
    ledger.move([claim(owner="b")])

    assert set(ledger.move([Move(KEY, after, owner="a")])) == {KEY}
    assert state() == "calling"


def test_of_two_claims_the_first_holds(ledger: Ledger) -> None:
    ledger.move([claim(owner="a")])

    assert ledger.move([claim(owner="b")]) == {KEY: Refusal(S.CALLING)}


def test_a_provider_needs_no_claim_to_be_believed(ledger: Ledger) -> None:
    ledger.move([claim(owner="a")])

    assert heard(ledger, KEY, S.SENT, provider_id="ses-1")
    assert ledger.move([Move(KEY, S.SENT, owner="a", provider_id="ses-1")]) == {}


def test_what_may_have_been_sent_is_sent_again_once_only(ledger: Ledger) -> None:
    for owner, refused in (("a", False), ("b", True)):
        ledger.move([claim(owner=owner)])
        again = ledger.move([Move(KEY, S.QUEUED, reason="unconfirmed", owner=owner, resend=True)])
        assert (KEY in again) is refused


def test_the_late_word_of_a_provider_stops_a_second_send(ledger: Ledger) -> None:
    ledger.move([claim(owner="a")])
    ledger.move([Move(KEY, S.QUEUED, owner="a", resend=True)])

    assert heard(ledger, KEY, S.SENT, provider_id="ses-1")
    assert ledger.move([claim(owner="b")])[KEY].status is S.SENT


@pytest.mark.parametrize("before", [s for s in WAY if s not in (None, S.WAITING, S.QUEUED)])
def test_a_repeated_message_closes_nothing_that_was_claimed(ledger: Ledger, before: DeliveryStatus) -> None:
    bring(ledger, before)

    assert set(ledger.move([Move(KEY, S.FAILED, reason="render_time", unclaimed=True)])) == {KEY}
    assert state() == before


# ---------------------------------------------------------------- chunks


def test_in_a_chunk_only_those_who_may_not_move_stay(ledger: Ledger) -> None:
    some = keys(5)
    ledger.move([Move(some[1], S.CANCELLED), claim(some[3], owner="other")])

    refused = ledger.move([claim(key) for key in some])

    assert {key: refusal.status for key, refusal in refused.items()} == {some[1]: S.CANCELLED, some[3]: S.CALLING}
    assert [state(key) for key in some] == ["calling", "cancelled", "calling", "calling", "calling"]


def test_more_moves_than_a_request_reads_are_all_made(ledger: Ledger) -> None:
    many = keys(2 * BATCH_GET_PAGE_LIMIT + 7)
    ledger.move([Move(many[-1], S.SKIPPED, reason="opted_out")])

    refused = ledger.move([claim(key) for key in many])

    assert list(refused) == [many[-1]]
    assert sum(state(key) == "calling" for key in many) == len(many) - 1


def test_no_moves_need_no_request(ledger: Ledger) -> None:
    dynamodb().client.meta.events.register_first("before-send.dynamodb.*", unreachable)

    assert ledger.move([]) == {}


def test_a_letter_that_is_sent_again_leaves_the_others_what_their_provider_calls_them(stage: None) -> None:
    moments = iter(NOON + timedelta(seconds=n) for n in range(100))
    ledger = Ledger(clock=lambda: next(moments), retention_days=90)
    some = letters_of(RUN, 3)
    ledger.move([claim(key) for key in some])
    ledger.move([Move(key, S.SENT, owner="a", provider_id=f"ses-{n}") for n, key in enumerate(some)])
    heard(ledger, some[0], S.FAILED, "rejected")

    ledger.move([Move(some[0], S.QUEUED, reason="by_hand", by_hand=True)])
    ledger.move([claim(some[0], owner="b", attempt=2)])
    ledger.move([Move(some[0], S.SENT, owner="b", provider_id="ses-9")])

    assert [stored(key).provider_id for key in some] == ["ses-9", "ses-1", "ses-2"]


# ---------------------------------------------------------------- DynamoDB in trouble


@pytest.mark.parametrize("step", [claim(), Move(KEY, S.SENT, owner="a"), Move(KEY, S.QUEUED, owner="a", resend=True)])
def test_a_lost_reply_of_the_database_counts_as_made(ledger: Ledger, step: Move) -> None:
    if step.status is not S.CALLING:
        ledger.move([claim()])
    lost = LostReply()

    with writes_meet(lost):
        refused = ledger.move([step])

    found = stored(KEY)
    assert (refused, lost.lost) == ({}, 1)
    assert found.status == step.status
    assert len(found.timeline) == (1 if step.status is S.CALLING else 2)


def test_a_database_that_does_not_answer_is_unavailable(ledger: Ledger) -> None:
    with writes_meet(unreachable), pytest.raises(UnavailableError):
        ledger.move([claim()])


@contextmanager
def every_write_answered(error: str, *, times: int) -> Iterator[None]:
    """The first writes are refused with this error of DynamoDB."""
    left = iter(range(times))

    def refuse(**_: Any) -> Any:
        if next(left, None) is None:
            return None
        return AWSResponse("", 400, HTTPHeaders(), None), {"Error": {"Code": error, "Message": "busy"}}

    events = dynamodb().client.meta.events
    names = [f"before-call.dynamodb.{operation}" for operation in ("PutItem", "UpdateItem")]
    for name in names:
        events.register_first(name, refuse)
    yield
    for name in names:
        events.unregister(name, refuse)


@contextmanager
def meanwhile(act: Callable[[], object]) -> Iterator[None]:
    """Another worker is faster: it acts while the first write is on its way."""
    left = iter([act])

    def act_once(**_: Any) -> None:
        if other := next(left, None):
            other()

    with writes_meet(act_once):
        yield


@pytest.mark.parametrize("existing", [False, True])
def test_of_two_writers_of_one_chunk_both_make_their_moves(ledger: Ledger, existing: bool) -> None:
    one, other, third = letters_of(RUN, 3)
    if existing:
        ledger.move([claim(third)])

    with meanwhile(lambda: ledger.move([Move(other, S.CANCELLED)])):
        refused = ledger.move([claim(one)])

    assert refused == {}
    assert (state(one), state(other)) == ("calling", "cancelled")


def test_of_two_writers_of_one_letter_the_slower_one_is_told(ledger: Ledger) -> None:
    one, other = letters_of(RUN, 2)

    with meanwhile(lambda: ledger.move([claim(one, owner="b")])):
        refused = ledger.move([claim(one), claim(other)])

    assert refused == {one: Refusal(S.CALLING)}
    assert (stored(one).owner, stored(other).owner) == ("b", "a")


def test_a_word_of_the_provider_that_comes_during_a_move_stops_it(ledger: Ledger) -> None:
    """Promise A1: a letter that turns out to have been sent is not sent once more."""
    [key] = letters_of(RUN)
    ledger.move([claim(key)])
    ledger.move([Move(key, S.QUEUED, owner="a", resend=True)])

    with meanwhile(lambda: heard(ledger, key, S.SENT)):
        refused = ledger.move([claim(key, owner="b", attempt=2)])

    assert refused == {key: Refusal(S.SENT)}


def test_an_answer_to_a_call_is_taken_down_whatever_comes_meanwhile(ledger: Ledger) -> None:
    [key] = letters_of(RUN)
    ledger.move([claim(key)])
    requests = Requests()

    with meanwhile(lambda: heard(ledger, key, S.BOUNCED, "hard_bounce")):
        assert ledger.move([Move(key, S.SENT, owner="a")]) == {}

    assert requests.count("UpdateItem") == 2  # one each: neither waits for the other
    assert state(key) == "bounced"
    assert [one["status"] for one in stored(key).timeline] == ["calling", "sent", "bounced"]


def test_a_condition_that_fails_for_another_writers_sake_passes(ledger: Ledger) -> None:
    some = letters_of(RUN, 3)
    ledger.move([Move(some[2], S.CANCELLED)])

    with every_write_answered("ConditionalCheckFailedException", times=2):
        refused = ledger.move([claim(key) for key in some])

    assert refused == {some[2]: Refusal(S.CANCELLED)}
    assert [state(key) for key in some] == ["calling", "calling", "cancelled"]


@pytest.mark.parametrize("move", [claim(), claim(attempt=2)])
def test_endless_contention_is_unavailable(ledger: Ledger, move: Move) -> None:
    with (
        every_write_answered("ConditionalCheckFailedException", times=10**6),
        pytest.raises(UnavailableError, match="contended"),
    ):
        ledger.move([move])
    assert state() is None


# ---------------------------------------------------------------- events that are no status


def test_an_opening_is_noted_once_and_changes_no_status(ledger: Ledger) -> None:
    bring(ledger, S.SENT)

    opened = Engagement.OPENED
    assert [engage(ledger, KEY, what) for what in (opened, opened, Engagement.CLICKED)] == [True, False, True]

    found = stored(KEY)
    assert found.status == "sent"
    assert [entry.get("event") for entry in found.timeline] == [None, None, "opened", "clicked"]


def test_an_opening_of_a_letter_that_is_not_ours_makes_no_delivery(ledger: Ledger) -> None:
    assert engage(ledger, KEY, Engagement.OPENED) is False
    assert is_ledger_empty()


# ---------------------------------------------------------------- ids


def test_a_delivery_id_is_read_back() -> None:
    assert DeliveryKey.of(KEY.id) == KEY


@pytest.mark.parametrize("text", ["", "_", "n-1", "n-1_", "_email"])
def test_what_is_no_delivery_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a delivery id"):
        DeliveryKey.of(text)


def test_a_wait_that_is_begun_again_takes_the_place_of_its_last_entry(ledger: Ledger) -> None:
    """Promise F2: a loop of waits is one entry that counts them."""
    for n in range(30):
        again = Move(KEY, S.WAITING, reason="quiet_hours", rule=f"until {n}")
        assert ledger.move([again]) == {}
    assert ledger.move([Move(KEY, S.WAITING, reason="unless_opened")]) == {}
    assert [(one["reason"], one.get("rule"), one.get("times")) for one in stored(KEY).timeline] == [
        ("quiet_hours", "until 29", 30),
        ("unless_opened", None, None),
    ]


def test_a_timeline_is_bounded_whatever_happens(ledger: Ledger) -> None:
    """Promise F2: what comes to a full timeline takes the place of the last entry; every move is made all the same."""
    assert made(ledger, S.WAITING)
    while len(stored(KEY).timeline) < MAX_ENTRIES - 1:
        bring(ledger, S.QUEUED)
    for n in range(3):
        assert ledger.move([claim(attempt=2 + n), Move(KEY._replace(channel="live"), S.WAITING)]) == {}
        assert ledger.move([Move(KEY, S.QUEUED, reason="throttled")]) == {}
        assert ledger.move([Move(KEY, S.WAITING, reason="quiet_hours")]) == {}
    assert ledger.move([claim(attempt=5)]) == {}
    assert ledger.move([Move(KEY, S.SENT, owner="a", provider_id="m-1")]) == {}
    assert engage(ledger, KEY, Engagement.OPENED)
    entries = stored(KEY).timeline
    assert len(entries) == MAX_ENTRIES + 1
    assert (entries[-2]["status"], entries[-2]["times"], entries[-1]["event"]) == ("sent", 11, "opened")
