"""Who says too much: a warning, a mute with the remaining seconds, the end."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.live.flood_control import Act, FloodState, FloodVerdict, LimitRules, judge

RULES = LimitRules()


def run(frames: Iterable[tuple[float, str, str]], state: FloodState | None = None) -> list[FloodVerdict]:
    """The verdict of each frame (time, connection, text), from one state to the next."""
    state, verdicts = state or FloodState(), []
    for now, connection_id, text in frames:
        state, verdict = judge(state, connection_id=connection_id, text=text, now=now, rules=RULES)
        state = FloodState.model_validate(state.model_dump(exclude_defaults=True))  # as it is kept
        verdicts.append(verdict)
    return verdicts


def acts(frames: Iterable[tuple[float, str, str]]) -> list[Act]:
    return [verdict.act for verdict in run(frames)]


def test_a_talk_is_never_held() -> None:
    assert set(acts((n * 1.0, "c", f"Анна: слово {n}") for n in range(500))) == {Act.PASS}


def test_a_burst_is_let_through_and_the_next_frame_warned() -> None:
    seen = acts((0.0, "c", f"Анна: {n}") for n in range(RULES.connection.burst + 1))
    assert seen == [Act.PASS] * RULES.connection.burst + [Act.WARN]


def test_first_warnings_then_a_mute_then_the_end() -> None:
    seen = acts((n / 10, "c", f"Анна: {n}") for n in range(600))
    changes = [act for n, act in enumerate(seen) if act is not Act.QUIET and (n == 0 or seen[n - 1] is not act)]
    firsts = [changes.index(act) for act in (Act.WARN, Act.MUTE, Act.END)]
    assert firsts == sorted(firsts)


def test_a_mute_says_how_long_it_lasts_and_counts_down() -> None:
    frames = [(0.0, "c", f"Анна: {n}") for n in range(RULES.connection.burst + RULES.warnings + 1)]
    told = run([*frames, (5.0, "c", "Анна: ну?")])
    assert (told[-2].act, told[-2].seconds) == (Act.MUTE, RULES.mute_seconds)
    assert (told[-1].act, told[-1].seconds) == (Act.MUTE, RULES.mute_seconds - 5 + 1)


def test_whoever_waits_out_a_mute_may_talk_again() -> None:
    frames = [(0.0, "c", f"Анна: {n}") for n in range(RULES.connection.burst + RULES.warnings + 1)]
    assert acts([*frames, (RULES.mute_seconds + 1.0, "c", "Анна: простите")])[-1] is Act.PASS


def test_the_muted_are_not_answered_to_each_frame() -> None:
    frames = [(n / 100, "c", f"Анна: {n}") for n in range(RULES.connection.burst + RULES.warnings + 10)]
    assert acts(frames)[-9:] == [Act.QUIET] * 9


def test_whoever_talks_on_through_a_mute_is_disconnected() -> None:
    frames = [(0.0, "c", f"Анна: {n}") for n in range(RULES.connection.burst + RULES.warnings + 1)]
    stubborn = [(0.1 + n / 10, "c", f"Анна: и ещё {n}") for n in range(RULES.muted_frames + 1)]
    assert acts([*frames, *stubborn])[-1] is Act.END
    assert acts([*frames, *stubborn, (10.0, "d", '{"action": "ping"}')])[-1] is Act.PASS


def test_the_same_text_to_everybody_is_a_repetition() -> None:
    verdicts = run((n * 1.0, "c", f"Сосед{n}:  Купи  слона!") for n in range(RULES.repeats + 1))
    assert [v.act for v in verdicts] == [Act.PASS] * RULES.repeats + [Act.WARN]
    assert verdicts[-1].code == "repeated"


def test_a_repetition_in_json_is_one_too() -> None:
    frames = [(n * 1.0, "c", f'{{"action":"chat.send","to":"s{n}","text":"Купи слона!"}}') for n in range(9)]
    assert Act.WARN in acts(frames)


def test_questions_and_pings_are_no_repetition() -> None:
    frames = [(n * 1.0, "c", text) for n, text in enumerate(["?", '{"action": "ping"}'] * 20)]
    assert set(acts(frames)) == {Act.PASS}


def test_more_connections_give_a_person_no_more_room() -> None:
    frames = [(0.0, f"c{n % 10}", f"Анна: {n}") for n in range(100)]
    assert acts(frames).count(Act.PASS) == RULES.person.burst


def test_old_mistakes_are_forgotten() -> None:
    burst = [(0.0, "c", f"Анна: {n}") for n in range(RULES.connection.burst + RULES.warnings)]
    later = RULES.forget_seconds + 1.0
    again = [(later, "c", f"Борис: {n}") for n in range(RULES.connection.burst + 1)]
    assert acts([*burst, *again])[-1] is Act.WARN


@given(
    st.lists(
        st.tuples(st.floats(0, 5), st.sampled_from("abc"), st.sampled_from(["?", "Анна: x", "Анна: y", "{"])),
        max_size=200,
    )
)
def test_no_more_than_the_bucket_gives_ever_passes(frames: list[tuple[float, str, str]]) -> None:
    at, timed = 0.0, []
    for pause, connection_id, text in frames:
        at += pause
        timed.append((at, connection_id, text))
    passed = acts(timed).count(Act.PASS)
    assert passed <= RULES.person.burst + at * RULES.person.per_second


@pytest.mark.parametrize("text", ["", "{", '{"text": []}', '{"text": "\\ud800"}', "\ud800: x", "[" * 100_000])
def test_no_text_breaks_the_limits(text: str) -> None:
    assert acts([(0.0, "c", text)]) == [Act.PASS]
