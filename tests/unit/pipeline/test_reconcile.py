"""What is decided about a delivery whose outcome nobody knows."""

from datetime import timedelta

import pytest

from chalicelib.deliveries import DeliveryKey, Move, S
from chalicelib.pipeline.jobs import DeliverJob
from chalicelib.pipeline.retry import RetryJob
from tests.unit.pipeline.conftest import IDS, NOON, Parts, job


def look(parts: Parts, one: DeliverJob, *, minutes: int) -> None:
    """The job that was put aside for a look comes, so long after the claim."""
    parts.at = NOON
    parts.retries.reconcile(one, in_seconds=180)
    [aside] = parts.aside()
    parts.at = NOON + timedelta(minutes=minutes)
    parts.reconcile.take(aside)


def claimed(parts: Parts, channel: str = "push") -> None:
    lease = NOON + timedelta(minutes=2)
    parts.ledger.move([Move(DeliveryKey(IDS[0], channel), S.CALLING, owner="w", lease_until=lease, attempt=1)])


def test_before_the_grace_is_over_it_is_looked_at_again(parts: Parts) -> None:
    claimed(parts)
    look(parts, job(), minutes=2)
    assert [one.kind for one in parts.aside()] == ["reconcile"]
    assert parts.of(0).status is S.CALLING


def test_a_mailing_becomes_uncertain_and_the_ledger_is_asked_about_the_rest(parts: Parts) -> None:
    claimed(parts, "email")
    look(parts, job(category="marketing", channel="email"), minutes=4)
    assert (parts.of(0, "email").status, parts.of(0, "email").reason) == (S.UNCERTAIN, "unconfirmed")
    assert [one.after for one in parts.following()] == ["email"]


def test_an_account_letter_is_sent_once_more_and_only_once(parts: Parts) -> None:
    claimed(parts)
    look(parts, job(category="account"), minutes=4)
    [(queue, _)] = parts.queued
    assert (parts.of(0).status, parts.of(0).resent, queue) == (S.QUEUED, True, "deliver-push")
    parts.queued.clear()
    parts.ledger.move([Move(DeliveryKey(IDS[0], "push"), S.CALLING, owner="v", lease_until=NOON, attempt=2)])

    look(parts, job(category="account"), minutes=4)

    assert parts.of(0).status is S.UNCERTAIN


@pytest.mark.parametrize("wait", [0, 60])
def test_what_waits_goes_back_into_its_lane_when_its_time_has_come(parts: Parts, wait: int) -> None:
    parts.retries.later(job(), in_seconds=30)
    [aside] = parts.aside()
    parts.at = NOON + timedelta(seconds=wait)

    assert parts.reconcile.take(RetryJob.model_validate(aside.model_dump())) == ("forwarded" if wait else "waiting", [])

    assert [queue for queue, _ in parts.queued] == ["deliver-push" if wait else "retry"]
