"""What ends or waits without a call, and the channels behind it."""

from chalicelib.deliveries import DeliveryKey, Move, S
from chalicelib.pipeline.fallback import Delivered, enough, next_channels
from chalicelib.reasons import Reason
from chalicelib.states import Engagement
from tests.ledgers import engage
from tests.unit.pipeline.conftest import IDS, NOON, Parts, job


def test_what_is_closed_on_one_channel_goes_on_with_the_next(parts: Parts) -> None:
    one, result = job(), Delivered()

    parts.fallback.close(one, one.recipients, S.SKIPPED, Reason.OPTED_OUT, result)

    assert (parts.of(0).reason, +result.counts) == ("opted_out", {"skipped": 1})
    assert [following.channels for following in parts.following()] == [("email",)]


def test_what_is_closed_on_all_channels_asks_for_none(parts: Parts) -> None:
    one, result = job(), Delivered()

    parts.fallback.close_all(one, one.recipients, Reason.CAPPED, result, rule="cap")

    assert [parts.of(0, channel).reason for channel in ("push", "email")] == ["capped", "capped"]
    assert (parts.queued, +result.counts) == ([], {"skipped": 2})


def test_a_claimed_delivery_is_not_closed(parts: Parts) -> None:
    one, result = job(), Delivered()
    parts.ledger.move([Move(DeliveryKey(IDS[0], "push"), S.CALLING, owner="w", lease_until=NOON, attempt=1)])

    parts.fallback.close_all(one, one.recipients, Reason.EXPIRED, result)

    assert parts.of(0).status is S.CALLING
    assert +result.counts == {"skipped": 1, "dropped": 1}


def states(parts: Parts, *found: S) -> None:
    for n, status in enumerate(found):
        key = DeliveryKey(IDS[n], "push")
        parts.ledger.move([Move(key, S.CALLING, owner="w", lease_until=NOON, attempt=1)])
        parts.ledger.move([Move(key, status, owner="w")] if status is not S.CALLING else [])


def test_the_next_channel_is_needed_where_the_one_before_was_in_vain(parts: Parts) -> None:
    states(parts, S.SENT, S.FAILED, S.CALLING)
    one = job(people=3)

    before = enough(parts.ledger, next_channels(one, one.recipients, after="push"))

    assert before.skips == {IDS[0]: "reached_by_push"}
    assert before.unknown == {IDS[2]}


def test_where_openings_decide_only_who_has_opened_has_enough(parts: Parts) -> None:
    states(parts, S.SENT, S.SENT)
    engage(parts.ledger, DeliveryKey(IDS[1], "push"), Engagement.CLICKED, at=NOON)
    one = job(people=2, mode="escalate")

    before = enough(parts.ledger, next_channels(one, one.recipients, after="push"))

    assert (before.skips, before.unknown) == ({IDS[1]: "opened_on_push"}, frozenset())
