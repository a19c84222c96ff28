"""The rows that hold what became of a chunk: everything comes back as it was, and they stay small."""

import json
from datetime import UTC, datetime, timedelta
from string import ascii_lowercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.clock import expiry_epoch, new_id, rfc3339, short_id
from chalicelib.deliveries import ANY_KEY, DeliveryStatus, Move, S
from chalicelib.marks import Heard, engaged, told
from chalicelib.outcomes import Outcomes
from chalicelib.states import Engagement
from chalicelib.steps import Step
from chalicelib.storage.chunk_letters import homes_of, spots_in_run
from chalicelib.storage.outcomes import OutcomesKey, Stored, mark_outcomes, read_items, stored_of, write_outcomes
from tests.twin.values import KB, size_of_item

AT = datetime(2026, 11, 22, 18, tzinfo=UTC)
RUN = "c-1@2026-11-22T18:00:00Z"
HOMES = [homes_of(RUN)[0], homes_of("a run without a moment")[0], "9e8e0669-2607-4d74-b73e-63d235d0278b"]
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))
WORDS = st.none() | st.text(ascii_lowercase, min_size=1)
NUMBERS = st.none() | st.integers(1, 99)


@given(
    step=st.builds(
        Step,
        at=MOMENTS.map(rfc3339),
        status=st.sampled_from(DeliveryStatus),
        places=st.integers(0, 2**50 - 1),
        reason=WORDS,
        rule=WORDS,
        attempt=NUMBERS,
        times=NUMBERS,
        owner=WORDS,
        lease_until=st.none() | MOMENTS.map(rfc3339),
        provider_id=WORDS,
        resend=st.sampled_from((None, True)),
        void=st.lists(st.text(ascii_lowercase, min_size=1)).map(tuple),
    )
)
def test_a_step_comes_back_as_it_was(step: Step) -> None:
    assert Step.of(json.loads(json.dumps(step.plain()))) == step


@pytest.mark.parametrize("plain", [[], [1, "sent"], [1, "nowhere", "1"], ["1", "sent", "1"], [1, "sent", "1", {"?": 1}],
                                   [10**20, "sent", "1"], [1, "sent", "x"]])  # fmt: skip
def test_what_is_no_step_is_not_read(plain: list[object]) -> None:
    with pytest.raises((ValueError, TypeError, LookupError, OverflowError)):
        Step.of(plain)


@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize("after", [timedelta(hours=-3), timedelta(), timedelta(seconds=90.7), timedelta(days=2000)])
@pytest.mark.usefixtures("stage")
def test_what_is_heard_has_its_moment_and_place_in_every_home(home: str, after: timedelta) -> None:
    key = OutcomesKey(home, "a", "email")
    opened = engaged(ANY_KEY, Engagement.OPENED, AT + after)
    outcomes = Outcomes(numbers={"d": {told(ANY_KEY, S.DELIVERED, None, AT + after, now=AT).number(3)}})
    _write(key, outcomes)

    mark_outcomes(key, {opened.mark: [opened.number(3), opened.number(49)]}, told_ids={})

    assert _read(key).numbers == {**outcomes.numbers, opened.mark: {opened.number(3), opened.number(49)}}


@pytest.mark.usefixtures("stage")
def test_fifty_letters_that_are_delivered_and_opened_take_one_unit_to_write() -> None:
    spot = spots_in_run(RUN, [new_id() for _ in range(50)])
    key = OutcomesKey(*next(iter(spot.values()))[:2], "email")
    outcomes, owner, called = Outcomes(), short_id(), AT + timedelta(minutes=25, microseconds=123_456)
    claim = Move(ANY_KEY, S.CALLING, owner=owner, lease_until=called + timedelta(minutes=2), attempt=1)
    for place in range(49):
        outcomes.take(place, claim, called)
        outcomes.take(place, Move(ANY_KEY, S.SENT, owner=owner), called + timedelta(milliseconds=131))
    outcomes.take(49, Move(ANY_KEY, S.SKIPPED, reason="opted_out", rule="marketing"), AT)
    _write(key, outcomes)

    heard = [Heard(ANY_KEY, "d", called + timedelta(seconds=1 + n / 10)) for n in range(49)]
    heard += [Heard(ANY_KEY, "o", called + timedelta(hours=n, seconds=0.7)) for n in range(49)]
    for n, one in enumerate(heard):
        mark_outcomes(key, {one.mark: [one.number(n % 49)]}, told_ids={})

    (item,) = read_items([key]).values()
    assert size_of_item({name: dict(value) for name, value in item.items()}) <= KB


def _write(key: OutcomesKey, outcomes: Outcomes) -> None:
    over = Stored(Outcomes())
    written = write_outcomes(key, outcomes, over=over, at=rfc3339(AT), expires=expiry_epoch(90, since=AT), blind=False)
    assert written is not None


def _read(key: OutcomesKey) -> Outcomes:
    (item,) = read_items([key]).values()
    return stored_of(item).outcomes
