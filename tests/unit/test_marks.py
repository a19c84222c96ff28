"""Marks: what was heard of a letter, as numbers that mean the same in whichever order they came."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.clock import rfc3339
from chalicelib.deliveries import PLACES, VERDICTS, DeliveryKey, DeliveryStatus, S
from chalicelib.marks import ENGAGED, MARKS, RANKED, Heard, Numbers, engaged, moment_of, seen_by_place, told
from chalicelib.states import BY_MACHINE, Engagement

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = DeliveryKey("00000000-0000-4000-8000-000000000001", "email")
OPENED, CLICKED = Engagement.OPENED, Engagement.CLICKED
MACHINE_OPENED = Engagement.MACHINE_OPENED


def at(second: float) -> datetime:
    return NOON + timedelta(seconds=second)


def delivered(second: float) -> Heard:
    return told(KEY, S.DELIVERED, None, at(second), now=NOON)


def numbers_of(*heard: Heard, place: int = 0) -> Numbers:
    """As the row of a chunk holds them."""
    found: dict[str, set[int]] = {}
    for one in heard:
        found.setdefault(one.mark, set()).add(one.number(place))
    return found


def firsts(*heard: Heard, place: int = 0) -> dict[Engagement, str]:
    """When each was done first."""
    seen = seen_by_place(numbers_of(*heard, place=place)).get(place)
    return {name: moment_of(number) for name, number in seen.first.items()} if seen else {}


# ---------------------------------------------------------------- numbers


@given(
    moment=st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC)),
    place=st.integers(0, PLACES - 1),
)
def test_a_number_tells_its_moment_in_tenths_of_a_second_and_its_place(moment: datetime, place: int) -> None:
    number = engaged(KEY, OPENED, moment).number(place)

    tenth = moment.replace(microsecond=moment.microsecond // 100_000 * 100_000)
    assert (moment_of(number), number % PLACES) == (rfc3339(tenth), place)


def test_what_happened_before_the_first_number_has_a_negative_one() -> None:
    early = engaged(KEY, OPENED, datetime(2025, 12, 31, 23, 59, 59, 900_000, tzinfo=UTC))

    assert early.number(7) == 7 - PLACES
    assert firsts(early, place=7) == {OPENED: "2025-12-31T23:59:59.900000Z"}


def test_later_moments_have_greater_numbers_whatever_their_places() -> None:
    assert delivered(0).number(PLACES - 1) < delivered(0.1).number(0)


# ---------------------------------------------------------------- names


def test_every_verdict_and_everything_that_is_done_with_a_letter_has_a_mark_of_its_own() -> None:
    said = [mark for _, marks in RANKED for mark in marks]

    assert [state for state, _ in RANKED] == [(S.SENT, None), *VERDICTS]
    assert set(ENGAGED.values()) == set(Engagement)
    assert len([*said, *ENGAGED]) == len(MARKS)


@pytest.mark.parametrize("verdict", [(S.SENT, None), *VERDICTS])
def test_what_a_provider_says_is_marked_at_its_moment_or_now(verdict: tuple[DeliveryStatus, str | None]) -> None:
    timed = told(KEY, *verdict, at(3), now=NOON)
    untimed = told(KEY, *verdict, None, now=NOON)

    assert (timed.at, untimed.at) == (at(3), NOON)
    assert {timed.mark, untimed.mark} <= set(dict(RANKED)[verdict])
    # Openings are judged by the time of delivery, which must be the provider's.
    assert (timed.mark == untimed.mark) is (verdict != (S.DELIVERED, None))


@pytest.mark.parametrize("status", [S.WAITING, S.CALLING, S.QUEUED, S.SKIPPED, S.CANCELLED, S.UNCERTAIN])
def test_what_no_provider_says_has_no_mark(status: DeliveryStatus) -> None:
    with pytest.raises(LookupError):
        told(KEY, status, None, NOON, now=NOON)


# ---------------------------------------------------------------- openings


@pytest.mark.parametrize(
    "order", list(permutations([delivered(30), *(engaged(KEY, OPENED, at(n)) for n in (10, 40, 50))]))
)
def test_an_opening_before_the_delivery_is_a_machines_in_any_order(order: tuple[Heard, ...]) -> None:
    assert firsts(*order) == {MACHINE_OPENED: rfc3339(at(10)), OPENED: rfc3339(at(40))}


def test_an_opening_at_the_moment_of_the_delivery_is_a_persons() -> None:
    assert firsts(delivered(30), engaged(KEY, OPENED, at(30))) == {OPENED: rfc3339(at(30))}


def test_of_two_deliveries_the_first_judges() -> None:
    assert firsts(delivered(30), delivered(20), engaged(KEY, OPENED, at(25))) == {OPENED: rfc3339(at(25))}


def test_a_delivery_without_a_time_judges_nothing() -> None:
    untimed = told(KEY, S.DELIVERED, None, None, now=at(30))

    assert firsts(untimed, engaged(KEY, OPENED, at(10))) == {OPENED: rfc3339(at(10))}


def test_what_a_machine_did_is_a_machines_at_any_time() -> None:
    heard = [engaged(KEY, MACHINE_OPENED, at(40)), engaged(KEY, OPENED, at(10))]

    assert firsts(delivered(30), *heard) == {MACHINE_OPENED: rfc3339(at(10))}


def test_a_letter_with_which_nothing_was_done_is_not_among_those_seen() -> None:
    assert seen_by_place(numbers_of(delivered(30))) == {}
    assert set(seen_by_place(numbers_of(engaged(KEY, CLICKED, at(1)), place=3))) == {3}


# ---------------------------------------------------------------- news


EVENTS = [delivered(30), *(engaged(KEY, what, at(n)) for what in Engagement for n in (10, 20, 40, 50))]


def recorded(heard: list[Heard]) -> Numbers:
    """The numbers after events of which only the news are recorded, as the ledger does."""
    known: dict[str, set[int]] = {}
    for one in heard:
        name, seen = ENGAGED.get(one.mark), seen_by_place(known).get(0)
        if name is None or seen is None or not seen.has(name, one.number(0)):
            known.setdefault(one.mark, set()).add(one.number(0))
    return known


@given(st.lists(st.sampled_from(EVENTS), max_size=8))
def test_what_is_no_news_may_be_left_out(heard: list[Heard]) -> None:
    """Only of a person's first opening, between two that were known before the delivery was, the moment is lost."""
    whole, news = seen_by_place(numbers_of(*heard)), seen_by_place(recorded(heard))

    assert {place: set(one.first) for place, one in news.items()} == {
        place: set(one.first) for place, one in whole.items()
    }


@given(st.lists(st.sampled_from(EVENTS), max_size=8))
def test_what_was_recorded_is_no_news(heard: list[Heard]) -> None:
    known = recorded(heard)
    seen = seen_by_place(known)

    assert all(seen[0].has(ENGAGED[mark], one) for mark in known if mark in ENGAGED for one in known[mark])


@pytest.mark.parametrize("what", Engagement)
@pytest.mark.parametrize("before", [[], [delivered(0)]])
def test_however_often_a_letter_is_opened_few_numbers_are_kept(what: Engagement, before: list[Heard]) -> None:
    heard = [engaged(KEY, what, at(n)) for n in range(1, 1000)]

    known = recorded([*before, *heard])

    most = 20 if what in BY_MACHINE and not before else 1
    assert len(known[heard[0].mark]) == most
    assert firsts(*before, *heard)[what] == rfc3339(at(1))
