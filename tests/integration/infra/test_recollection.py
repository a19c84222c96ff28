"""A ledger that was restored from a backup is told which letters have left since, by the log of `deliver`."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import boto3
import pytest

from chalicelib.channels.port import Outcome, Verdict
from chalicelib.clock import new_id, now
from chalicelib.stage.app import Stage
from infra.recollection import claims_since, recollect
from infra.restore import require_log
from tests.integration.conftest import letters, pump, stage
from tests.integration.pipeline.test_deliver import ToldChannel, channel, deliver, job, states
from tests.ledgers import forget_all_deliveries
from tests.processes import forget_log

__all__ = ["channel", "letters", "pump", "stage"]  # fixtures
GROUP, STREAM = "/aws/lambda/vestnik-test-deliver", "of-a-worker"
ACCEPTED, REFUSED = Outcome(Verdict.ACCEPTED, provider_id="p"), Outcome(Verdict.REFUSED, reason="rejected")
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


def remember(began: datetime) -> dict[str, int]:
    claims = claims_since(boto3.client("logs"), GROUP, since=began, until=now())
    return dict(recollect(Stage.own().ledger, claims, at=now()))


def test_what_left_is_sent_what_nobody_knows_is_uncertain_and_the_rest_is_tried(
    channel: ToldChannel, began: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    """Promise A6."""
    letters_of = job(5)
    channel.answers = [ACCEPTED, UNKNOWN, REFUSED, LATER, ACCEPTED]
    deliver(letters_of)
    write_log(capsys.readouterr().out)
    forget_all_deliveries()

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
    forget_all_deliveries()

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
    forget_all_deliveries()

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
    forget_all_deliveries()
    assert remember(began) == {"sent": 4}
    assert remember(began) == {}


def test_the_log_is_read_from_a_while_before_the_backup_on(
    channel: ToldChannel, began: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    """Promise A6: a claim of before may have been answered after."""
    deliver(job(2))
    write_log(capsys.readouterr().out)
    forget_all_deliveries()

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
