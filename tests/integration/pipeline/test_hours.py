"""The picture of the hours: what workers add to it, and what the managers' page reads."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.observability import Waited
from chalicelib.storage.dynamodb import dynamodb
from chalicelib.storage.hourly_stats import HourlyStats
from tests.integration.control.requests_made import Requests
from tests.integration.faults import unreachable

NOON = datetime(2026, 11, 23, 12, 34, tzinfo=UTC)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hours(stage: object, clock: Clock) -> HourlyStats:
    return HourlyStats(clock=clock)


def test_batches_of_an_hour_add_up(hours: HourlyStats, clock: Clock) -> None:
    hours.add({"sent": 50, "failed": 1})
    clock.time += timedelta(minutes=20)
    hours.add({"sent": 10})
    clock.time += timedelta(hours=1)
    hours.add({"sent": 3})
    before, last = hours.newest(2)
    assert (before.begins, before.count("sent"), before.count("failed")) == (NOON.replace(minute=0), 60, 1)
    assert last.count("sent") == 3


def test_what_workers_say_is_told_in_the_words_of_the_picture(hours: HourlyStats) -> None:
    hours.add({"delivery": 4, "bounce": 1, "skipped_opted_out": 2, "skipped_expired": 1, "queued": 9})
    assert hours.newest(1)[0].counts == {"delivered": 4, "bounced": 1, "skipped": 3}


def test_hours_in_which_nothing_happened_are_there(hours: HourlyStats) -> None:
    assert [hour.counts for hour in hours.newest(24)] == [{}] * 24


def test_the_last_wait_of_each_queue_is_kept(hours: HourlyStats) -> None:
    hours.add({}, Waited("vestnik-test-retry", 1.0))
    hours.add({"sent": 1}, Waited("vestnik-test-retry", 7.25))
    wait = hours.newest(1)[0].waits["vestnik-test-retry"]
    assert (wait.seconds, wait.at) == (7.2, NOON)


def test_a_database_that_does_not_answer_costs_the_picture_and_no_letter(hours: HourlyStats) -> None:
    events = dynamodb().client.meta.events
    events.register_first("before-send.dynamodb.UpdateItem", unreachable)
    try:
        hours.add({"sent": 1})
    finally:
        events.unregister("before-send.dynamodb.UpdateItem", unreachable)
    assert hours.newest(1)[0].counts == {}


def test_a_wait_alone_is_written_every_ten_seconds(hours: HourlyStats, clock: Clock) -> None:
    requests = Requests()
    for seconds in (1.0, 2.0, 3.0):
        hours.add({}, Waited("vestnik-test-retry", seconds))
    assert requests.count() == 1
    clock.time += timedelta(seconds=10)
    hours.add({}, Waited("vestnik-test-retry", 4.0))
    assert requests.count() == 2
    assert hours.newest(1)[0].waits["vestnik-test-retry"].seconds == 4.0
