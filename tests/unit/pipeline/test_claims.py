"""Who may send a letter, and what becomes of it after the call."""

import pytest

from chalicelib.channels.port import Outcome, Verdict
from chalicelib.deliveries import S
from chalicelib.pipeline.fallback import Delivered
from tests.unit.pipeline.conftest import Parts, job, letters


def sent_with(parts: Parts, verdict: Verdict, *, attempt: int = 1, mode: str = "first") -> Delivered:
    one, result = job(attempt=attempt, mode=mode), Delivered()
    claim = parts.claims.take(one, letters(one), result)
    outcome = Outcome(verdict, reason=None if verdict is Verdict.ACCEPTED else "said", provider_id="m-1")
    parts.claims.record(one, claim, [outcome for _ in claim.letters], result)
    return result


def test_of_two_workers_one_sends_and_the_other_has_the_claim_looked_after(parts: Parts) -> None:
    one = job()
    assert len(parts.claims.take(one, letters(one), Delivered()).letters) == 1

    result = Delivered()
    claim = parts.claims.take(one, letters(one), result)
    assert claim.letters == []
    parts.claims.look_after_others(one, letters(one), claim)

    assert +result.counts == {"dropped": 1}
    assert [aside.kind for aside in parts.aside()] == ["reconcile"]


def test_an_accepted_letter_is_sent_and_the_channel_behind_it_is_not_needed(parts: Parts) -> None:
    assert +sent_with(parts, Verdict.ACCEPTED).counts == {"sent": 1}

    assert (parts.of(0).status, parts.of(0).provider_id) == (S.SENT, "m-1")
    assert (parts.of(0, "email").status, parts.of(0, "email").reason) == (S.SKIPPED, "reached_by_push")


def test_where_the_next_channel_waits_for_an_opening_it_comes_back_then(parts: Parts) -> None:
    sent_with(parts, Verdict.ACCEPTED, mode="escalate")

    assert (parts.of(0, "email").status, parts.of(0, "email").reason) == (S.WAITING, "unless_opened")
    [following] = parts.following()
    assert (following.channels, following.after) == (("email",), "push")


def test_a_refused_letter_fails_and_the_next_channel_is_tried_at_once(parts: Parts) -> None:
    assert +sent_with(parts, Verdict.REFUSED).counts == {"failed": 1}

    assert (parts.of(0).status, parts.of(0).reason) == (S.FAILED, "said")
    [following] = parts.following()
    assert (following.channels, following.after) == (("email",), None)


@pytest.mark.parametrize(
    ("attempt", "status", "queues"), [(2, S.QUEUED, ["retry"]), (3, S.FAILED, ["retry", "deliver-push-dlq"])]
)
def test_what_was_not_accepted_is_tried_until_its_attempts_are_used_up(
    parts: Parts, attempt: int, status: S, queues: list[str]
) -> None:
    sent_with(parts, Verdict.NOT_ACCEPTED, attempt=attempt)

    assert parts.of(0).status is status
    assert [queue for queue, _ in parts.queued] == queues


def test_an_unknown_outcome_keeps_its_claim_and_is_looked_at_later(parts: Parts) -> None:
    assert +sent_with(parts, Verdict.UNKNOWN).counts == {"unknown": 1}

    assert parts.of(0).status is S.CALLING
    assert [aside.kind for aside in parts.aside()] == ["reconcile"]
