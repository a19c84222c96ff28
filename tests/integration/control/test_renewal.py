"""What waits in a queue that nobody reads does not expire, and leaves its dead letters time: SQS counts both from when
a message was first put."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta

import boto3
import pytest

from chalicelib.clock import now
from chalicelib.flow import message_renewal as renewal
from chalicelib.flow import queues
from chalicelib.flow.message_renewal import HOUR
from chalicelib.settings import settings
from chalicelib.stage.app import Stage
from chalicelib.storage.event_sources import save_wish
from tests.integration.conftest import Pump, moto_of
from tests.processes import compose

QUEUE, DEAD = "deliver-email", "deliver-email-dlq"


class Days:
    """A stage whose days pass by hand: as seen from SQS every message gets older."""

    def __init__(self) -> None:
        self.hour = HOUR

    def pass_(self, days: float) -> None:
        for queue in moto_of("sqs").queues.values():
            for message in queue._messages:
                message.sent_timestamp -= timedelta(days=days) // timedelta(milliseconds=1)

    def now(self) -> datetime:
        return now().replace(hour=self.hour)


@pytest.fixture
def days(pump: Pump, monkeypatch: pytest.MonkeyPatch) -> Days:
    days = Days()
    monkeypatch.setattr(queues, "_WAIT_SECONDS", 0)  # moto has one server, and waits for more than there is
    compose(clock=days.now)
    for queue in moto_of("sqs").queues.values():
        queue.message_retention_period = timedelta(days=14).total_seconds()
    return days


def wait_for(days: Days, *, count: int, tick: Callable[[], object]) -> None:
    """So many days, each with an hour of the clock's."""
    for _ in range(count):
        days.pass_(1)
        tick()


def there(pump: Pump, queue: str) -> set[str]:
    return set(pump.bodies(queue))


def fail_for_good() -> None:
    """The last receive fails, and SQS itself puts the message aside, with the time of its first put."""
    sqs = boto3.client("sqs")
    source, dead = (
        sqs.get_queue_url(QueueName=settings().resource(name))["QueueUrl"] for name in (QUEUE, f"{QUEUE}-dlq")
    )
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    sqs.set_queue_attributes(QueueUrl=source, Attributes={"RedrivePolicy": policy})
    for _ in range(2):
        sqs.receive_message(QueueUrl=source, VisibilityTimeout=0)


def pause(queue: str) -> None:
    save_wish(queue, by="an-operator", at=now(), paused=True)


def test_a_message_that_waited_thirteen_days_and_fails_is_still_there_a_week_later(pump: Pump, days: Days) -> None:
    """Promise F6."""
    pump.put(QUEUE, "a letter")
    pause(QUEUE)
    wait_for(days, count=13, tick=Stage.own().message_renewal.renew)
    fail_for_good()
    days.pass_(7)

    assert there(pump, DEAD) == {"a letter"}


def test_without_it_the_message_would_be_gone(pump: Pump, days: Days) -> None:
    pump.put(QUEUE, "a letter")
    days.pass_(13)
    fail_for_good()
    days.pass_(7)

    assert there(pump, DEAD) == set()


def test_a_switch_may_stay_open_for_as_long_as_it_likes(pump: Pump, days: Days) -> None:
    """Promise F6."""
    for n in range(25):
        pump.put(QUEUE, f"letter {n}")
    Stage.own().switches.open("ses", by="anna", reason="an outage")
    wait_for(days, count=30, tick=Stage.own().message_renewal.renew)

    assert pump.waiting(QUEUE) == 25
    assert pump.waiting(DEAD) == 0


def test_what_is_read_is_left_alone(pump: Pump, days: Days) -> None:
    pump.put(QUEUE, "a letter")
    days.pass_(5)

    assert Stage.own().message_renewal.renew().counts == {}


def test_it_has_its_hour_of_the_day(pump: Pump, days: Days) -> None:
    pump.put(QUEUE, "a letter")
    pause(QUEUE)
    days.pass_(5)
    days.hour = HOUR + 1
    assert Stage.own().message_renewal.renew().counts == {}
    days.hour = HOUR
    assert Stage.own().message_renewal.renew().counts["messages_renewed"] > 0


def test_a_long_queue_takes_several_ticks(pump: Pump, days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(30):
        pump.put(QUEUE, f"letter {n}")
    pause(QUEUE)
    days.pass_(5)
    seconds = iter(range(100))
    monkeypatch.setattr(renewal, "_SECONDS", 2)
    compose(monotonic=lambda: next(seconds))

    assert Stage.own().message_renewal.renew().counts == {"messages_renewed": 10}
    assert pump.waiting(QUEUE) == 30
