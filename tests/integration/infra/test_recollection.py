"""A ledger that was restored from a backup is told which letters have left since, by the log of `deliver`."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest

from chalicelib.campaigns.model import Campaign
from chalicelib.channels.port import Outcome, Verdict
from chalicelib.clock import expiry_epoch, new_id, now
from chalicelib.pipeline.jobs import DeliverJob
from chalicelib.pipeline.requests import enlist_notifications
from chalicelib.profiles.model import User
from chalicelib.stage.app import Stage
from chalicelib.storage.notifications import read_notification
from chalicelib.storage.run_outcomes import RunPlace, count_run, letters_of_run
from infra.recollection import claims_since, enlisted_since, recollect
from infra.restore import require_log
from tests.integration.campaigns.conftest import FAST
from tests.integration.conftest import letters, pump, stage
from tests.integration.pipeline.test_deliver import PROMO, ToldChannel, channel, deliver, job, states
from tests.ledgers import forget_all_deliveries, state
from tests.processes import compose, forget_log

__all__ = ["channel", "letters", "pump", "stage"]  # fixtures
GROUP, STREAM = "/aws/lambda/vestnik-test-deliver", "of-a-worker"
ACCEPTED, REFUSED = Outcome(Verdict.ACCEPTED, provider_id="p"), Outcome(Verdict.REFUSED, reason="rejected")
CAMPAIGN: dict[str, Any] = {
    "name": "Promo",
    "template": "promo",
    "audience": {"everyone": True},
    "context": PROMO,
    **FAST,
}
LATER, UNKNOWN = Outcome(Verdict.NOT_ACCEPTED, reason="throttled"), Outcome(Verdict.UNKNOWN, reason="no_reply")


@pytest.fixture(autouse=True)
def fresh_log(monkeypatch: pytest.MonkeyPatch, stage: None) -> Iterator[None]:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", new_id())
    forget_log()
    yield
    forget_log()


@pytest.fixture
def began() -> datetime:
    return now()


def write_log(output: str) -> None:
    """As Lambda does with what a function prints."""
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName=STREAM)
    at = int(time.time() * 1000)
    lines = ["START RequestId: 1", '"letters-claimed"', "[1]", *output.splitlines()]
    logs.put_log_events(
        logGroupName=GROUP, logStreamName=STREAM, logEvents=[{"timestamp": at, "message": line} for line in lines]
    )


def lose_the_ledger(channel: ToldChannel) -> None:
    """Afterwards everything runs in new processes."""
    forget_all_deliveries()
    compose(channels={"email": channel})


def remember(began: datetime) -> dict[str, int]:
    logs = boto3.client("logs")
    claims = claims_since(logs, GROUP, since=began, until=now())
    enlisted = enlisted_since(logs, GROUP, since=began, until=now())
    return dict(recollect(Stage.own().ledger, claims, enlisted, at=now()))


def test_what_left_is_sent_what_nobody_knows_is_uncertain_and_the_rest_is_tried(
    channel: ToldChannel, began: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    """Promise A6."""
    letters_of = job(5)
    channel.answers = [ACCEPTED, UNKNOWN, REFUSED, LATER, ACCEPTED]
    deliver(letters_of)
    write_log(capsys.readouterr().out)
    lose_the_ledger(channel)

    assert remember(began) == {"sent": 2, "uncertain": 1}
    channel.given.clear()
    deliver(letters_of)

    assert [one.address for one in channel.given] == ["u2@example.com", "u3@example.com"]
    assert [status for status, _ in states(letters_of)] == ["sent", "uncertain", "sent", "sent", "sent"]
    assert states(letters_of)[1] == ("uncertain", "restored")


def test_a_worker_that_died_in_its_call_leaves_uncertain_letters(
    channel: ToldChannel, began: datetime, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise A6."""
    letters_of = job(3)

    def die(_messages: object) -> list[Outcome]:
        raise KeyboardInterrupt

    monkeypatch.setattr(channel, "send", die)
    with pytest.raises(KeyboardInterrupt):
        deliver(letters_of)
    write_log(capsys.readouterr().out)
    lose_the_ledger(channel)

    assert remember(began) == {"uncertain": 3}


def test_a_letter_that_was_sent_at_its_second_attempt_is_sent(
    channel: ToldChannel, began: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    """Promise A6."""
    letters_of = job(1)
    channel.answers = [LATER]
    deliver(letters_of)
    deliver(letters_of.model_copy(update={"attempt": 2}))
    write_log(capsys.readouterr().out)
    lose_the_ledger(channel)

    assert remember(began) == {"sent": 1}


def test_what_the_backup_knows_stays_and_telling_it_twice_changes_nothing(
    channel: ToldChannel, began: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    """Promise A6."""
    letters_of = job(4)
    deliver(letters_of)
    write_log(capsys.readouterr().out)
    before = states(letters_of)

    assert remember(began) == {}
    assert states(letters_of) == before
    lose_the_ledger(channel)
    assert remember(began) == {"sent": 4}
    assert remember(began) == {}


def in_chunks(letters_of: DeliverJob, size: int) -> list[DeliverJob]:
    """The letters cut afresh, as a run that comes again may cut them."""
    ids = [one.notification_id for one in letters_of.recipients]
    chunks = []
    for n in range(0, len(ids), size):
        spots = enlist_notifications(
            letters_of.letter,
            [(one, {"user_id": one}) for one in ids[n : n + size]],
            channels=("email",),
            expires_at_epoch=expiry_epoch(90),
            owner=lambda _, address: address,
        )
        some = [one for one in letters_of.recipients if one.notification_id in spots]
        chunks.append(letters_of.only(one.model_copy(update={"spot": spots[one.notification_id]}) for one in some))
    return chunks


def of_run(n: int) -> DeliverJob:
    """Letters of a campaign that has begun."""
    Stage.own().directory.put_many([User(id="u", email="u@example.com")])
    campaign_id = Stage.own().campaign_commands.draft(Campaign.model_validate(CAMPAIGN), by="anna").id
    Stage.own().campaign_commands.start(campaign_id, by="anna")
    return job(n, campaign_id=campaign_id, run_id=f"{campaign_id}@2026-11-29T08:00:00Z", lane="bulk")


def listed(run_id: str) -> Counter[str]:
    found, following = letters_of_run(run_id, ["email"], lambda _: True, limit=100, after=RunPlace())
    assert following is None
    assert len({one.key for one in found}) == len(found)
    return Counter(str(one.status) for one in found)


@pytest.mark.parametrize("told_spots", [True, False])
def test_a_run_that_comes_again_in_other_chunks_sends_nothing_twice(
    channel: ToldChannel, began: datetime, capsys: pytest.CaptureFixture[str], told_spots: bool
) -> None:
    """Promise A6: also what the last release has logged, without spots."""
    run = of_run(14)
    run_id = run.letter.run_id or ""
    channel.answers = [ACCEPTED, UNKNOWN, REFUSED, LATER, ACCEPTED]
    for chunk in in_chunks(run, 5)[:2]:
        deliver(chunk)
    output = capsys.readouterr().out
    of_last_release = "\n".join(line for line in output.splitlines() if "letters-enlisted" not in line)
    write_log(output if told_spots else re.sub(r'"spots":\[[^]]*\],?', "", of_last_release))
    lose_the_ledger(channel)

    assert remember(began) == {"sent": 7, "uncertain": 1}
    assert remember(began) == {}
    assert count_run(run_id) == Counter(sent=7, uncertain=1)
    assert listed(run_id)["sent"] == 7
    assert [one.key.notification_id for one in Stage.own().ledger.uncertain(limit=9, cursor=None)[0]] == [
        run.recipients[1].notification_id
    ]
    channel.given.clear()
    for size in (4, 7):
        for chunk in in_chunks(run, size):
            deliver(chunk)

    again = [one.address for one in (*run.recipients[2:4], *run.recipients[10:])]
    assert sorted(one.address for one in channel.given) == sorted(again)
    assert count_run(run_id) == Counter(sent=13, uncertain=1)
    assert listed(run_id) == Counter(sent=13, uncertain=1)
    assert {one and one.template for one in (read_notification(r.notification_id) for r in run.recipients)} == {"promo"}


def test_a_letter_that_waits_for_its_next_attempt_and_one_of_the_run_meet_in_one_place(
    channel: ToldChannel, began: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    """Promise A6: what was not sent is in the queues too."""
    run = of_run(4)
    channel.answers = [LATER] * 4
    [chunk] = in_chunks(run, 4)
    deliver(chunk)
    write_log(capsys.readouterr().out)
    lose_the_ledger(channel)
    remember(began)
    channel.given.clear()

    [first, second] = in_chunks(run, 3)
    deliver(first)
    deliver(chunk.model_copy(update={"attempt": 2}))
    deliver(second)

    assert len(channel.given) == 4
    assert count_run(run.letter.run_id or "") == Counter(sent=4)


def test_letters_that_wait_in_a_queue_keep_their_places(
    channel: ToldChannel, began: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    """Promise A6: enlisted after the backup and not claimed yet, they come again in other chunks too."""
    run = of_run(9)
    waiting = in_chunks(run, 5)
    write_log(capsys.readouterr().out)
    lose_the_ledger(channel)
    assert remember(began) == {}

    for chunk in (*in_chunks(run, 4), *waiting):
        deliver(chunk)

    assert sorted(one.address for one in channel.given) == sorted(one.address for one in run.recipients)
    assert listed(run.letter.run_id or "") == Counter(sent=9)


def test_what_only_the_log_has_told_of_is_no_notification(
    channel: ToldChannel, began: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    run = of_run(1)
    [chunk] = in_chunks(run, 1)
    deliver(chunk)
    write_log(capsys.readouterr().out)
    lose_the_ledger(channel)
    remember(began)

    assert read_notification(run.recipients[0].notification_id) is None
    assert state(run.recipients[0].notification_id) == ("sent", None)


def test_the_log_is_read_from_a_while_before_the_backup_on(
    channel: ToldChannel, began: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    """Promise A6: a claim of before may have been answered after."""
    deliver(job(2))
    write_log(capsys.readouterr().out)
    lose_the_ledger(channel)

    assert remember(now() + timedelta(minutes=5)) == {"sent": 2}


@pytest.mark.parametrize(
    ("kept_days", "old_days", "said"),
    [
        (None, 1000, None),
        (14, 12, None),
        (14, 14, "is kept for 14 days, and the backup is older"),
        (0, 1, "is gone"),
    ],
)
def test_a_log_that_cannot_know_all_is_none(kept_days: int | None, old_days: int, said: str | None) -> None:
    """Promise A6: then the campaigns that were under way wait for a person."""
    logs, since = boto3.client("logs"), now() - timedelta(days=old_days)
    logs.create_log_group(logGroupName=f"{GROUP}-of-another")
    if kept_days != 0:
        logs.create_log_group(logGroupName=GROUP)
    if kept_days:
        logs.put_retention_policy(logGroupName=GROUP, retentionInDays=kept_days)
    if said is None:
        require_log(logs, "test", since)
    else:
        with pytest.raises(SystemExit, match=said):
            require_log(logs, "test", since)
