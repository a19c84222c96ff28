"""No message waits so long that its dead letter has not a week left: computed from the template that is deployed and
from the code's own waits. SQS counts the life of both from when the message was first put."""

import json
import re
from datetime import timedelta
from typing import Any, cast

import pytest

from chalicelib.clock import now
from chalicelib.flow.message_renewal import EVERY
from chalicelib.flow.queues import MAX_DELAY_SECONDS, JobQueue
from chalicelib.manifest import CONSUMERS
from chalicelib.pipeline.retry import Retries
from infra.template_build import built_template

A_PERSON_HAS = timedelta(days=7)  # for a dead letter
AFTER_THE_ALARM = timedelta(days=2)
MISSED = 2  # renewals of three: a clock that stood still, or a queue that is too long for one hour
Template = dict[str, Any]


@pytest.fixture(scope="module")
def template() -> Template:
    loaded: Template = json.loads(built_template("prod"))
    return loaded


def of_kind(template: Template, kind: str) -> dict[str, Template]:
    found = template["Resources"].items()
    return {name: one["Properties"] for name, one in found if one["Type"] == f"AWS::{kind}"}


def queues(template: Template) -> dict[str, Template]:
    """By name, without the stage."""
    found = of_kind(template, "SQS::Queue").values()
    return {one["QueueName"].removeprefix("vestnik-prod-"): one for one in found}


def number(template: Template, value: Any) -> int:
    """A property, or the default of the parameter that it refers to."""
    return int(template["Parameters"][value["Ref"]]["Default"] if isinstance(value, dict) else value)


def retention(template: Template, queue: str) -> timedelta:
    return timedelta(seconds=number(template, queues(template)[queue]["MessageRetentionPeriod"]))


def longest_wait(template: Template, queue: str) -> timedelta:
    """Until a message is sent again or is among the dead letters: delayed, unread, received until SQS gives up."""
    found = queues(template)[queue]
    receives = number(template, found["RedrivePolicy"]["maxReceiveCount"])
    hidden = timedelta(seconds=number(template, found["VisibilityTimeout"]))
    return timedelta(seconds=MAX_DELAY_SECONDS) + (1 + MISSED) * EVERY + (1 + receives) * hidden


@pytest.mark.parametrize("queue", CONSUMERS)
def test_a_dead_letter_has_a_week_left_however_long_its_message_waited(template: Template, queue: str) -> None:
    """Promise F6."""
    wait = longest_wait(template, queue)

    assert wait < retention(template, queue)
    assert retention(template, f"{queue}-dlq") - wait >= A_PERSON_HAS


@pytest.mark.parametrize("queue", CONSUMERS)
def test_a_person_is_told_while_there_are_days_left(template: Template, queue: str) -> None:
    """Promise F6."""
    [alarm] = [
        one for one in of_kind(template, "CloudWatch::Alarm").values()
        if one["AlarmName"] == f"vestnik-prod-{queue}-dlq-old"
    ]  # fmt: skip
    left = retention(template, f"{queue}-dlq") - longest_wait(template, queue) - timedelta(seconds=alarm["Threshold"])

    assert alarm["MetricName"] == "ApproximateAgeOfOldestMessage"
    assert left >= AFTER_THE_ALARM


def test_no_wait_of_a_retry_is_longer_than_what_puts_the_message_anew() -> None:
    nothing_is_put = cast(JobQueue, None)
    retries = Retries(queues=nothing_is_put, clock=now, jitter=lambda: 1.0, base_seconds=3600)

    assert max(retries.delay_seconds(attempt) for attempt in range(1, 100)) <= MAX_DELAY_SECONDS


def test_the_clock_may_read_and_write_every_queue(template: Template) -> None:
    statements = of_kind(template, "IAM::Role")["TickRole"]["Policies"][0]["PolicyDocument"]["Statement"]
    [allowed] = [one["Resource"] for one in statements if "sqs:ReceiveMessage" in one["Action"]]
    names = {re.sub(r"(?<!^)([A-Z])", r"-\1", one["Fn::GetAtt"][0].removesuffix("Queue")).lower() for one in allowed}

    assert names == set(CONSUMERS)
