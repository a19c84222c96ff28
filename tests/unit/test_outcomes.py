"""The outcomes of a chunk: steps over places, marks that come in any order, and the state that both make."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.clock import rfc3339
from chalicelib.deliveries import ANY_KEY, PLACES, VERDICTS, DeliveryStatus, Move, S, Status
from chalicelib.marks import ENGAGED, RANKED, Heard, engaged, told
from chalicelib.outcomes import MAX_ENTRIES, Outcomes, Refusal
from chalicelib.reasons import Reason
from chalicelib.states import Engagement
from chalicelib.steps import Step

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SAID = [state for state, _ in RANKED]
HARD = (S.BOUNCED, Reason.HARD_BOUNCE)
DELIVERED = (S.DELIVERED, None)


def at(second: float) -> datetime:
    return NOON + timedelta(seconds=second)


def move(status: DeliveryStatus, reason: str | None = None, **more: Any) -> Move:
    return Move(ANY_KEY, status, reason, **more)


def claim(owner: str = "a", attempt: int = 1, **more: Any) -> Move:
    return move(S.CALLING, owner=owner, attempt=attempt, lease_until=at(60), **more)


def answer(status: DeliveryStatus = S.SENT, owner: str = "a", **more: Any) -> Move:
    return move(status, owner=owner, **more)


RESEND = move(S.QUEUED, Reason.UNCONFIRMED, owner="a", resend=True)
RETRY = move(S.QUEUED, Reason.BY_HAND, by_hand=True)


def says(state: Status, second: float | None = 5) -> Heard:
    status, reason = state
    assert status is not None
    return told(ANY_KEY, status, reason, None if second is None else at(second), now=at(5))


def hear(outcomes: Outcomes, *heard: Heard, place: int = 0) -> Outcomes:
    """With more marks, as a row has them after blind writes."""
    numbers = {mark: set(some) for mark, some in outcomes.numbers.items()}
    for one in heard:
        numbers.setdefault(one.mark, set()).add(one.number(place))
    return Outcomes.of(outcomes.text(), numbers)


def take(outcomes: Outcomes, *moves: Move, place: int = 0) -> Outcomes:
    """After moves that are all allowed, a second apart."""
    for n, one in enumerate(moves):
        assert outcomes.take(place, one, at(n)) is None, one
    return outcomes


def made(*moves: Move) -> Outcomes:
    return take(Outcomes(), *moves)


def state(outcomes: Outcomes, place: int = 0) -> Status:
    return outcomes.standing(place)[:2]


def told_in(outcomes: Outcomes, place: int = 0) -> list[str]:
    return [str(one.get("status") or one.get("event")) for one in outcomes.timeline(place)]


# ---------------------------------------------------------------- steps


def test_nothing_has_become_of_a_letter_without_steps() -> None:
    empty = Outcomes()

    assert (state(empty), empty.places(), empty.timeline(0), empty.text()) == ((None, None), {}, [], "[]")


def test_what_happens_at_once_to_many_letters_is_one_step() -> None:
    outcomes = Outcomes()
    for place in range(50):
        take(outcomes, claim(), place=place)

    assert outcomes.places() == {(S.CALLING, None): 2**50 - 1}
    assert len(json.loads(outcomes.text())) == 1


def test_the_steps_of_a_letter_stay_in_their_order() -> None:
    """A step of others joins one that is alike only if it comes behind all of the letter's own."""
    outcomes = Outcomes()
    outcomes.take(0, claim(), NOON)
    outcomes.take(0, answer(S.QUEUED), NOON)
    outcomes.take(1, claim(), NOON)
    outcomes.take(0, claim(), NOON)

    assert [one["status"] for one in outcomes.timeline(0)] == ["calling", "queued", "calling"]
    assert [one["status"] for one in outcomes.timeline(1)] == ["calling"]
    assert outcomes.places() == {(S.CALLING, None): 0b11}


def test_letters_of_which_something_else_is_said_are_other_steps() -> None:
    outcomes = Outcomes()
    for place, reason in enumerate(["opted_out", "suppressed", "opted_out"]):
        take(outcomes, move(S.SKIPPED, reason), place=place)

    assert outcomes.places() == {(S.SKIPPED, "opted_out"): 0b101, (S.SKIPPED, "suppressed"): 0b010}


def test_a_refused_move_changes_nothing_and_is_told_the_state() -> None:
    outcomes = made(move(S.CANCELLED))
    before = outcomes.text()

    assert outcomes.take(0, claim(), NOON) == Refusal(S.CANCELLED)
    assert outcomes.text() == before


def test_a_claim_tells_who_until_when_and_for_which_time() -> None:
    now = made(claim("a", attempt=3)).standing(0)

    assert (now.owner, now.lease_until, now.steps[0].attempt) == ("a", rfc3339(at(60)), 3)


@pytest.mark.parametrize("heard", [[], [says(HARD)]])
def test_a_lease_ends_with_its_call(heard: list[Heard]) -> None:
    outcomes = hear(made(claim()), *heard) if heard else made(claim(), answer())

    assert outcomes.standing(0).lease_until is None


# ---------------------------------------------------------------- owners


@pytest.mark.parametrize("status", [S.SENT, S.FAILED, S.QUEUED, S.UNCERTAIN])
def test_whose_claim_was_taken_over_changes_nothing(status: DeliveryStatus) -> None:
    outcomes = made(claim("a"), answer(S.QUEUED), claim("b"))

    assert outcomes.take(0, answer(status, owner="a"), at(9)) == Refusal(S.CALLING)
    assert outcomes.take(0, answer(status, owner="b"), at(9)) is None


@pytest.mark.parametrize("moves", [[claim()], [claim(), answer()], [claim(), answer(S.FAILED)], [claim(), RESEND]])
def test_what_its_owner_has_done_already_counts_as_done(moves: list[Move]) -> None:
    outcomes = made(*moves)
    before = outcomes.text()

    assert outcomes.take(0, moves[-1], at(9)) is None
    assert outcomes.text() == before


def test_a_claim_is_not_repeated_once_the_provider_is_known_to_have_the_letter() -> None:
    assert hear(made(claim()), says(DELIVERED)).take(0, claim(), at(9)) == Refusal(S.DELIVERED)


def test_what_may_have_been_sent_is_sent_once_more_by_itself() -> None:
    outcomes = made(claim(), RESEND, claim("b"))

    assert outcomes.standing(0).resent
    assert outcomes.take(0, RESEND._replace(owner="b"), at(9)) == Refusal(S.CALLING)


def test_when_a_person_has_sent_it_again_it_may_be_sent_once_more() -> None:
    outcomes = made(claim(), RESEND, claim("b"), move(S.UNCERTAIN, owner="b"), RETRY, claim("c"))

    assert not outcomes.standing(0).resent
    assert outcomes.take(0, RESEND._replace(owner="c"), at(9)) is None
    assert outcomes.standing(0).resent


# ---------------------------------------------------------------- what is heard


def best(states: Iterable[Status]) -> Status:
    return max(states, key=SAID.index)


@pytest.mark.parametrize("some", [(a, b) for a in SAID for b in SAID if a != b])
def test_of_two_verdicts_the_better_informed_holds_whichever_came_first(some: tuple[Status, Status]) -> None:
    for order in permutations([(some[0], 3), (some[1], 7)]):
        outcomes = made(claim(), answer())
        for one, second in order:
            outcomes = hear(outcomes, says(one, second))

        assert state(outcomes) == best(some)
        assert outcomes.places() == {best(some): 1}


@given(st.data())
def test_events_in_any_order_among_the_steps_end_alike(data: Any) -> None:
    """Promise D3: before the answer to the call, behind it, repeated."""
    verdicts = data.draw(st.lists(st.sampled_from(SAID), max_size=4))
    ends = []
    for _ in range(2):
        when = data.draw(st.lists(st.sampled_from(["before", "after"]), min_size=4, max_size=4))
        early = [one for one, where in zip(verdicts, when, strict=False) if where == "before"]
        outcomes = hear(made(claim()), *(says(one, 3) for one in early))
        take(outcomes, answer())
        again = data.draw(st.permutations(verdicts))
        outcomes = hear(outcomes, *(says(one, 3) for one in again))
        ends.append((state(outcomes), outcomes.timeline(0)))

    assert ends[0] == ends[1]
    assert ends[0][0] == best([(S.SENT, None), *verdicts])


@pytest.mark.parametrize("verdict", SAID)
@pytest.mark.parametrize("status", [S.SENT, S.QUEUED])
def test_an_answer_to_a_call_is_taken_down_whatever_was_heard_before_it(
    status: DeliveryStatus, verdict: Status
) -> None:
    outcomes = hear(made(claim()), says(verdict))

    assert outcomes.take(0, answer(status), at(9)) is None
    assert outcomes.standing(0).taken[0] is status
    assert state(outcomes) == verdict


@pytest.mark.parametrize("verdict", [one for one in VERDICTS if one[0] is not S.FAILED])
def test_a_refusal_does_not_hide_that_an_earlier_call_was_heard_to_have_sent_the_letter(verdict: Status) -> None:
    outcomes = hear(made(claim(), RESEND, claim("b")), says(verdict))

    assert outcomes.take(0, answer(S.FAILED, owner="b"), at(9)) == Refusal(verdict[0])
    assert state(outcomes) == verdict


@pytest.mark.parametrize("verdict", [one for one in SAID if one[0] is not S.FAILED])
@pytest.mark.parametrize("status", [S.CALLING, S.WAITING, S.SKIPPED, S.CANCELLED, S.UNCERTAIN])
def test_what_the_provider_has_is_neither_sent_nor_ended_otherwise(status: DeliveryStatus, verdict: Status) -> None:
    outcomes = hear(made(claim(), RESEND), says(verdict))

    assert outcomes.take(0, move(status, owner="b" if status is S.CALLING else None), at(9)) == Refusal(verdict[0])


@pytest.mark.parametrize("verdict", SAID)
@pytest.mark.parametrize("status", [None, S.WAITING, S.SKIPPED, S.CANCELLED])
def test_what_is_heard_of_a_letter_that_was_not_sent_changes_no_state(
    status: DeliveryStatus | None, verdict: Status
) -> None:
    outcomes = hear(made(*([move(status)] if status else [])), says(verdict))

    assert state(outcomes) == ((status, None) if status is not S.WAITING or verdict[0] is not S.FAILED else verdict)


def test_a_delivery_without_a_time_is_one() -> None:
    outcomes = hear(made(claim(), answer()), says(DELIVERED, None))

    assert state(outcomes) == DELIVERED
    assert told_in(outcomes) == ["calling", "sent", "delivered"]


# ---------------------------------------------------------------- a person


@pytest.mark.parametrize("verdict", [one for one in VERDICTS if one[0] is S.FAILED])
def test_what_was_heard_before_a_person_sent_it_again_counts_no_more(verdict: Status) -> None:
    first, repeated, new = says(verdict, 1), says(verdict, 1), says(verdict, 9)
    outcomes = take(hear(made(claim(), answer()), first), RETRY)

    assert state(outcomes) == (S.QUEUED, Reason.BY_HAND)
    assert outcomes.has(0, repeated)
    assert state(hear(outcomes, repeated)) == (S.QUEUED, Reason.BY_HAND)
    outcomes = take(outcomes, claim("b"), answer(owner="b"))
    assert not outcomes.has(0, new)
    assert state(hear(outcomes, new)) == verdict


def test_a_person_reopens_only_what_was_given_up_or_is_unknown() -> None:
    outcomes = hear(made(claim(), answer(S.FAILED, reason=Reason.REJECTED)), says(DELIVERED))

    assert outcomes.take(0, RETRY, at(9)) == Refusal(S.DELIVERED)


def test_what_a_person_decided_about_one_letter_leaves_the_marks_of_the_others() -> None:
    outcomes = Outcomes()
    for place in (0, 1):
        take(outcomes, claim(), answer(), place=place)
        outcomes = hear(outcomes, says((S.FAILED, Reason.REJECTED)), place=place)

    take(outcomes, RETRY, place=1)

    assert state(outcomes, 0) == (S.FAILED, Reason.REJECTED)
    assert outcomes.places() == {(S.FAILED, Reason.REJECTED): 0b01, (S.QUEUED, Reason.BY_HAND): 0b10}


def test_an_opening_stays_whatever_a_person_decides() -> None:
    outcomes = hear(made(claim(), answer(S.FAILED)), engaged(ANY_KEY, Engagement.OPENED, at(3)))

    take(outcomes, RETRY)

    assert set(outcomes.seen(0).first) == {Engagement.OPENED}


# ---------------------------------------------------------------- timelines


def test_a_loop_of_waits_is_one_entry_that_counts_them() -> None:
    """Promise F2, ADR 0018."""
    waits = [move(S.WAITING, "quiet_hours", rule=f"until {n}") for n in range(30)]
    outcomes = made(*waits, move(S.WAITING, "digest"), move(S.WAITING))

    assert [(one.get("reason"), one.get("rule"), one.get("times")) for one in outcomes.timeline(0)] == [
        ("quiet_hours", "until 29", 30),
        ("digest", None, None),
        (None, None, None),
    ]


def test_the_wait_of_one_letter_does_not_move_those_of_the_others() -> None:
    outcomes = Outcomes()
    for place in (0, 1):
        outcomes.take(place, move(S.WAITING, "quiet_hours"), at(0))
    outcomes.take(1, move(S.WAITING, "quiet_hours"), at(1))

    assert [(one["at"], one.get("times")) for one in outcomes.timeline(0)] == [(rfc3339(at(0)), None)]
    assert [(one["at"], one.get("times")) for one in outcomes.timeline(1)] == [(rfc3339(at(1)), 2)]


def tried(times: int) -> list[Move]:
    return [one for n in range(times) for one in (claim(attempt=n + 1), answer(S.QUEUED, reason="throttled"))]


def test_a_full_timeline_keeps_its_length_and_every_move_is_made() -> None:
    outcomes = made(*tried(MAX_ENTRIES), claim("b", attempt=99), answer(owner="b", provider_id="m-1"))

    entries = outcomes.timeline(0)
    assert len(entries) == MAX_ENTRIES
    assert (entries[-1]["status"], entries[-1]["times"]) == ("sent", 63)


def test_in_a_full_timeline_no_owner_is_lost() -> None:
    outcomes = made(*tried(MAX_ENTRIES), claim("b", attempt=99))
    assert outcomes.take(0, answer(owner="a"), at(999)) == Refusal(S.CALLING)

    for _ in range(2):  # the reply to the first is lost
        assert outcomes.take(0, answer(owner="b", provider_id="m-1"), at(999)) is None

    now = outcomes.standing(0)
    assert (now.owner, now.steps[-1].attempt, now.steps[-1].provider_id) == ("b", 99, "m-1")


def test_in_a_full_timeline_what_counts_no_more_never_counts_again() -> None:
    outcomes = hear(made(*tried(MAX_ENTRIES), claim(), answer()), says((S.FAILED, Reason.REJECTED)))

    take(outcomes, RETRY, claim("b"), answer(owner="b"))

    assert state(hear(outcomes)) == (S.SENT, None)


def test_a_timeline_shows_every_verdict_by_its_own_moment() -> None:
    outcomes = made(claim(), answer())
    for one, second in ((HARD, 9), (DELIVERED, 5), ((S.SENT, None), 3)):
        outcomes = hear(outcomes, says(one, second))
    outcomes = hear(outcomes, engaged(ANY_KEY, Engagement.OPENED, at(7)))

    assert [(one.get("status") or one["event"], one["at"]) for one in outcomes.timeline(0)] == [
        ("calling", rfc3339(at(0))),
        ("sent", rfc3339(at(1))),
        ("delivered", rfc3339(at(5))),
        ("opened", rfc3339(at(7))),
        ("bounced", rfc3339(at(9))),
    ]


def test_what_happened_before_its_call_by_another_clock_stands_behind_it() -> None:
    outcomes = hear(made(claim(), answer()), says(DELIVERED, -30))

    assert told_in(outcomes) == ["calling", "sent", "delivered"]


# ---------------------------------------------------------------- news


@pytest.mark.parametrize("verdict", SAID)
def test_what_was_heard_is_no_news_when_it_comes_again(verdict: Status) -> None:
    outcomes = hear(made(claim(), answer(S.QUEUED)), says(verdict, 5))

    assert outcomes.has(0, says(verdict, 5))
    assert outcomes.has(0, says(verdict, 6))
    assert not outcomes.has(1, says(verdict, 5))


def test_that_it_was_taken_is_no_news_of_a_letter_that_was() -> None:
    taken = says((S.SENT, None))

    assert not made(claim()).has(0, taken)
    assert made(claim(), answer()).has(0, taken)
    assert hear(made(claim()), says(HARD)).has(0, taken)


# ---------------------------------------------------------------- stored


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "null", "5", "true", '"text"', '["text"]', "[[]]", "[5]", "[null]", '{"a": 1}', '{"abc": 1}'),
        *('[[5, "sent"]]', '[["yesterday", "sent", "1"]]', '[[null, "sent", "1"]]', f'[[{10**400}, "sent", "1"]]'),
        *('[[5, "exploded", "1"]]', '[[5, {}, "1"]]', '[[5, "sent", "z"]]', '[[5, "sent", 1]]', "[" * 900),
        *('[[5, "sent", "1", 5]]', '[[5, "sent", "1", "text"]]', '[[5, "sent", "1", {"strange": 1}]]'),
        *('[[5, "sent", "1", {"v": 5}]]', '[[5, "sent", "1", {"v": [[]]}]]', '[[5, "calling", "1", {"l": "x"}]]'),
    ],
)
def test_what_is_damaged_is_refused(text: str) -> None:
    with pytest.raises((ValueError, TypeError, LookupError, OverflowError)):
        Outcomes.of(text, {})


PLACE = st.sampled_from([0, 1, 2, PLACES - 1])
MOVES = st.sampled_from(
    [
        *(claim(owner, attempt) for owner in "ab" for attempt in (1, 2)),
        *(answer(status, owner) for owner in "ab" for status in (S.SENT, S.FAILED, S.QUEUED)),
        *(move(S.UNCERTAIN, Reason.UNCONFIRMED, owner=owner) for owner in "ab"),
        *(RESEND._replace(owner=owner) for owner in "ab"),
        *(move(S.WAITING, reason) for reason in ("quiet_hours", "digest", None)),
        *(RETRY, move(S.SENT, Reason.ASSUMED_BY_HAND, by_hand=True), move(S.SKIPPED, "opted_out")),
        *(move(S.FAILED, "render_time", unclaimed=True), move(S.CANCELLED)),
    ]
)
HEARD = st.one_of(
    st.builds(says, st.sampled_from(SAID), st.sampled_from([-(10**8), -1, 3, 7, None])),
    st.builds(lambda what, n: engaged(ANY_KEY, what, at(n)), st.sampled_from(Engagement), st.integers(0, 9)),
)
HAPPENS = st.lists(st.tuples(PLACE, MOVES | HEARD), max_size=25)


def played(happens: Sequence[tuple[int, Move | Heard]]) -> Outcomes:
    outcomes = Outcomes()
    for n, (place, one) in enumerate(happens):
        if isinstance(one, Move):
            outcomes.take(place, one, at(n // 2))
        else:
            outcomes = hear(outcomes, one, place=place)
    return outcomes


@given(HAPPENS)
def test_the_whole_agrees_with_each_letter(happens: list[tuple[int, Move | Heard]]) -> None:
    outcomes = played(happens)
    each = {place: state(outcomes, place) for place in range(PLACES)}
    there = [place for place, (status, _) in each.items() if status is not None]

    wanted: Counter[Status] = Counter()
    for place in there:
        wanted[each[place]] |= 1 << place
    assert outcomes.places() == wanted
    assert outcomes.engagements() == Counter(name for place in there for name in outcomes.seen(place).first)


@given(HAPPENS)
def test_what_is_stored_is_read_back(happens: list[tuple[int, Move | Heard]]) -> None:
    outcomes = played(happens)

    again = Outcomes.of(outcomes.text(), outcomes.numbers)

    assert again.text() == outcomes.text()
    for place in (0, 1, 2, PLACES - 1):
        assert again.standing(place) == outcomes.standing(place)
        assert again.timeline(place) == outcomes.timeline(place)


@given(HAPPENS, PLACE, MOVES)
def test_a_move_of_a_copy_leaves_the_original(happens: list[tuple[int, Move | Heard]], place: int, one: Move) -> None:
    outcomes = played(happens)
    before = outcomes.text(), outcomes.places(), outcomes.timeline(place)

    outcomes.copy().take(place, one, at(99))

    assert (outcomes.text(), outcomes.places(), outcomes.timeline(place)) == before


@given(HAPPENS, PLACE, MOVES)
def test_a_move_touches_no_other_letter(happens: list[tuple[int, Move | Heard]], place: int, one: Move) -> None:
    outcomes = played(happens)
    others = [n for n in (0, 1, 2, PLACES - 1) if n != place]
    before = [(outcomes.standing(n), outcomes.timeline(n)) for n in others]

    outcomes.take(place, one, at(99))

    after = [(outcomes.standing(n), outcomes.timeline(n)) for n in others]
    assert [strip(*one) for one in after] == [strip(*one) for one in before]


def strip(now: Any, entries: Any) -> Any:
    """Without the places of a step, which its other letters share."""
    return now._replace(steps=[step._replace(places=0) for step in now.steps]), entries


@given(HAPPENS, PLACE, HEARD)
def test_what_is_no_news_changes_no_state(happens: list[tuple[int, Move | Heard]], place: int, heard: Heard) -> None:
    outcomes = played(happens)
    if outcomes.has(place, heard) and heard.mark not in ENGAGED:
        assert outcomes.places() == hear(outcomes, heard, place=place).places()


STEPS = st.builds(
    Step,
    at=st.sampled_from([rfc3339(NOON), rfc3339(at(-(10**8))), rfc3339(NOON.replace(microsecond=1))]),
    status=st.sampled_from(S),
    places=st.integers(1, 2**PLACES - 1),
    reason=st.none() | st.text(min_size=1, max_size=3),
    rule=st.sampled_from([None, "until 7"]),
    attempt=st.sampled_from([None, 2]),
    times=st.none() | st.integers(2, 99),
    owner=st.sampled_from([None, "a"]),
    provider_id=st.sampled_from([None, "m-1"]),
    lease_until=st.sampled_from([None, rfc3339(NOON), rfc3339(at(60))]),
    resend=st.sampled_from([None, True]),
    void=st.sampled_from([(), ("fj1",), ("fj1", "fr-63")]),
)


@given(STEPS)
def test_a_step_is_read_back(step: Step) -> None:
    assert Step.of(json.loads(json.dumps(step.plain()))) == step
