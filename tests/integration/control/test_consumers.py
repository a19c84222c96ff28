"""Consumers follow what switches and people want."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from chalicelib.errors import InvalidError, NotFoundError, UnavailableError
from chalicelib.flow.event_sources import EventSources
from chalicelib.manifest import CONSUMERS
from chalicelib.settings import settings
from chalicelib.storage.circuit_breakers import BreakerPolicy, CircuitBreakers
from chalicelib.storage.rows.flow import ConsumerRow
from tests.integration.control import mappings
from tests.integration.control.conftest import HandClock
from tests.integration.control.requests_made import Requests

SES = {queue for queue, spec in CONSUMERS.items() if spec.subsystem == "ses"}
ALL = set(CONSUMERS)


@pytest.fixture
def switches(steering: None, clock: HandClock) -> CircuitBreakers:
    return CircuitBreakers(clock=clock, policy=BreakerPolicy())


@pytest.fixture
def consumers(switches: CircuitBreakers, clock: HandClock) -> Iterator[EventSources]:
    mappings.deploy()
    yield mappings.consumers(switches, clock)


def concurrency(queue: str) -> int:
    return int(mappings.mapping(queue)["ScalingConfig"]["MaximumConcurrency"])


def test_nothing_is_changed_where_all_is_as_it_should_be(consumers: EventSources) -> None:
    assert consumers.follow() == []
    assert mappings.are_on() == ALL


def test_an_open_switch_turns_its_own_consumers_off_and_no_others(
    consumers: EventSources, switches: CircuitBreakers
) -> None:
    switches.open("ses", by="key:ops", reason="x")
    consumers.follow_subsystem("ses")

    assert mappings.are_on() == ALL - SES


def test_the_consumers_of_a_stage_with_releases_belong_to_the_alias_and_are_followed_too(
    switches: CircuitBreakers, clock: HandClock
) -> None:
    mappings.deploy(released=True)
    consumers = mappings.consumers(switches, clock)
    assert {one.queue for one in consumers.read_all()} == ALL
    switches.open("ses", by="key:ops", reason="x")
    consumers.follow()
    assert mappings.are_on() == ALL - SES


def test_a_closed_switch_turns_them_on_again(consumers: EventSources, switches: CircuitBreakers) -> None:
    switches.open("ses", by="key:ops", reason="x")
    consumers.follow()
    switches.close("ses", by="key:ops", reason="x")
    consumers.follow()

    assert mappings.are_on() == ALL


def test_they_are_on_for_a_probe_and_off_between(
    consumers: EventSources, switches: CircuitBreakers, clock: HandClock
) -> None:
    switches.failed("ses", "daily_quota", at_once=True, probe_seconds=600)
    consumers.follow()
    assert not mappings.are_on() & SES

    clock.seconds += 600
    consumers.follow()
    assert mappings.are_on() >= SES
    assert {concurrency(queue) for queue in SES} == {2}

    switches.admit("ses")
    consumers.follow()
    assert not mappings.are_on() & SES


def test_the_number_of_workers_ramps_with_the_rate(
    consumers: EventSources, switches: CircuitBreakers, clock: HandClock
) -> None:
    switches.open("ses", by="key:ops", reason="x")
    switches.close("ses", by="key:ops", reason="x")
    numbers = []
    for _ in range(6):
        consumers.follow()
        numbers.append((concurrency("deliver-email"), concurrency("deliver-email-bulk")))
        clock.seconds += 60

    assert numbers == [(2, 2), (3, 2), (5, 3), (7, 4), (9, 5), (10, 5)]
    assert concurrency("enrich-instant") == 10


def test_a_ramp_comes_back_to_the_number_that_a_person_set(
    consumers: EventSources, switches: CircuitBreakers, clock: HandClock
) -> None:
    consumers.change("deliver-email", by="key:ops", max_concurrency=40)
    switches.open("ses", by="key:ops", reason="x")
    switches.close("ses", by="key:ops", reason="x")
    consumers.follow()
    assert concurrency("deliver-email") == 4

    clock.seconds += 300
    consumers.follow()
    assert concurrency("deliver-email") == 40


def test_what_a_person_paused_stays_off_whatever_switches_do(
    consumers: EventSources, switches: CircuitBreakers
) -> None:
    consumers.change("deliver-email", by="key:ops", paused=True)
    switches.open("ses", by="key:ops", reason="x")
    consumers.follow()
    switches.close("ses", by="key:ops", reason="x", ramp=False)
    consumers.follow()

    assert mappings.are_on() == ALL - {"deliver-email"}
    consumers.change("deliver-email", by="key:ops", paused=False)
    assert mappings.are_on() == ALL


def test_what_a_person_resumes_stays_off_while_its_switch_is_open(
    consumers: EventSources, switches: CircuitBreakers
) -> None:
    consumers.change("deliver-email", by="key:ops", paused=True)
    switches.open("ses", by="key:ops", reason="x")
    consumers.change("deliver-email", by="key:ops", paused=False)

    seen = consumers.read("deliver-email")
    assert (seen.enabled, seen.paused, seen.waits_for) == (False, False, "ses")


def test_the_pace_of_a_consumer_is_changed_at_once_and_the_rest_left_as_it_is(consumers: EventSources) -> None:
    consumers.change("enrich-bulk", by="key:ops", max_concurrency=20, batch_size=3)
    consumers.change("enrich-bulk", by="key:anna", paused=True)

    seen = consumers.read("enrich-bulk")
    assert (seen.max_concurrency, seen.batch_size, seen.enabled) == (20, 3, False)
    row = ConsumerRow.get("enrich-bulk")
    assert (row.by, row.paused) == ("key:anna", True)
    assert concurrency("enrich-instant") == 10


def test_what_was_changed_behind_our_back_heals_with_the_next_tick(consumers: EventSources) -> None:
    uuid = mappings.mapping("retry")["UUID"]
    boto3.client("lambda").update_event_source_mapping(UUID=uuid, Enabled=False)

    assert consumers.follow_all().counts == {"consumers_switched": 1}
    assert mappings.are_on() == ALL


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"max_concurrency": 1}, "max_concurrency"),
        ({"max_concurrency": 1001}, "max_concurrency"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 11}, "batch_size"),
    ],
)
def test_what_lambda_would_refuse_is_refused_and_not_stored(
    consumers: EventSources, wish: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidError) as refused:
        consumers.change("retry", by="key:ops", **wish)

    assert [one.field for one in refused.value.errors] == [field]
    assert list(ConsumerRow.scan()) == []


def test_an_unknown_queue_is_answered_with_those_that_exist(consumers: EventSources) -> None:
    with pytest.raises(NotFoundError, match="enrich-instant"):
        consumers.change("enrich", by="key:ops", paused=True)
    with pytest.raises(NotFoundError, match="enrich-instant"):
        consumers.read("enrich")


def test_a_consumer_that_is_not_deployed_is_left_out_and_named_when_asked_for(consumers: EventSources) -> None:
    boto3.client("lambda").delete_event_source_mapping(UUID=mappings.mapping("retry")["UUID"])

    assert {one.queue for one in consumers.read_all()} == ALL - {"retry"}
    with pytest.raises(NotFoundError, match="not deployed"):
        consumers.read("retry")


def test_one_mapping_in_transition_does_not_keep_the_others_on(
    consumers: EventSources, switches: CircuitBreakers, clock: HandClock
) -> None:
    switches.open("ses", by="key:ops", reason="x")
    client = boto3.client("lambda")
    busy = mappings.mapping("deliver-email")["UUID"]

    def refuse(params: dict[str, Any], **_: Any) -> None:
        if params["url_path"].endswith(busy):
            fault = {"Error": {"Code": "ResourceInUseException", "Message": "busy"}}
            raise ClientError(fault, "UpdateEventSourceMapping")  # type: ignore[arg-type]

    client.meta.events.register("before-call.lambda.UpdateEventSourceMapping", refuse)
    with pytest.raises(UnavailableError, match="deliver-email"):
        EventSources(lambda: client, switches, clock=clock, prefix=settings().resource("")).follow()

    assert mappings.are_on() & SES == {"deliver-email"}
    consumers.follow()
    assert not mappings.are_on() & SES


def test_without_lambda_the_answer_is_unavailable(
    consumers: EventSources, switches: CircuitBreakers, clock: HandClock
) -> None:
    client = boto3.client("lambda")
    with Stubber(client) as stub:
        stub.add_client_error("list_event_source_mappings", "ServiceException", http_status_code=500)
        with pytest.raises(UnavailableError):
            EventSources(lambda: client, switches, clock=clock, prefix=settings().resource("")).read_all()


def test_following_everything_costs_two_reads_of_the_database(consumers: EventSources) -> None:
    requests = Requests()

    consumers.follow()
    assert requests.count() == requests.count("BatchGetItem") == 2
