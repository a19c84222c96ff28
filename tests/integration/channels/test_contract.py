"""What every channel promises `pipeline/deliver.py`, asked of each in turn (`channels/port.py`)."""

import pytest

from chalicelib.channels.port import Verdict
from chalicelib.manifest import CHANNELS
from tests.integration.channels.conftest import RIGS, Rig


def without(*names: str) -> pytest.MarkDecorator:
    """Asked of every channel but these, of which it cannot be asked."""
    return pytest.mark.parametrize("rig", [name for name in RIGS if name not in names], indirect=True)


def verdicts(rig: Rig, count: int = 1) -> list[Verdict]:
    return [one.verdict for one in rig.channel.send([rig.message(n) for n in range(1, count + 1)])]


def test_every_channel_has_a_rig() -> None:
    assert set(RIGS) == set(CHANNELS)


def test_a_message_arrives_and_is_known_by_the_providers_id(rig: Rig) -> None:
    [outcome] = rig.channel.send([rig.message()])
    assert outcome.verdict is Verdict.ACCEPTED
    assert outcome.provider_id
    assert outcome.reason is None
    assert rig.arrived() == 1


def test_a_whole_batch_arrives_with_one_outcome_each_in_order(rig: Rig) -> None:
    count = min(rig.channel.batch_size, 10)
    outcomes = rig.channel.send([rig.message(n) for n in range(1, count + 1)])
    assert [one.verdict for one in outcomes] == [Verdict.ACCEPTED] * count
    assert rig.arrived() == count


def test_nothing_to_send_needs_no_call(rig: Rig) -> None:
    assert list(rig.channel.send([])) == []
    assert rig.arrived() == 0


@without("live")  # it refuses nothing
def test_what_is_refused_for_good_is_refused_and_not_there(rig: Rig) -> None:
    assert rig.break_("refuse")
    [outcome] = rig.channel.send([rig.message()])
    assert (outcome.verdict, bool(outcome.reason)) == (Verdict.REFUSED, True)
    assert rig.arrived() == 0


def test_what_is_refused_for_now_may_be_sent_again_and_then_arrives_once(rig: Rig) -> None:
    assert rig.break_("throttle")
    [outcome] = rig.channel.send([rig.message()])
    assert (outcome.verdict, bool(outcome.reason)) == (Verdict.NOT_ACCEPTED, True)
    assert rig.arrived() == 0
    rig.break_("nothing") if rig.channel.name == "live" else None
    assert verdicts(rig) == [Verdict.ACCEPTED]
    assert rig.arrived() == 1


@without("live")  # nothing lies between it and what it writes
def test_a_lost_reply_is_never_taken_for_not_sent_unless_a_repeat_is_harmless(rig: Rig) -> None:
    assert rig.break_("lose_reply")
    [outcome] = rig.channel.send([rig.message()])
    assert rig.arrived() == 1
    assert outcome.verdict is Verdict.UNKNOWN or (
        outcome.verdict is Verdict.NOT_ACCEPTED and CHANNELS[rig.channel.name].repeatable
    )


@without("live")  # nothing lies between it and what it writes
def test_a_provider_in_trouble_is_not_taken_for_a_refusal(rig: Rig) -> None:
    assert rig.break_("server_error")
    assert verdicts(rig)[0] in (Verdict.UNKNOWN, Verdict.NOT_ACCEPTED)


@without("chat")  # apprise tells a connection that was never made from a lost reply in no way
def test_a_provider_that_is_not_there_has_certainly_taken_nothing(rig: Rig) -> None:
    assert rig.unreachable is not None
    rig.channel = rig.unreachable()
    assert verdicts(rig) == [Verdict.NOT_ACCEPTED]
    assert rig.arrived() == 0


@without("live", "email")  # it refuses nothing; a bulk call of e-mail has its own test
def test_one_that_is_refused_costs_the_others_nothing(rig: Rig) -> None:
    assert rig.break_("refuse")
    outcomes = verdicts(rig, 3)
    assert sorted(outcomes) == [Verdict.ACCEPTED, Verdict.ACCEPTED, Verdict.REFUSED]
    assert rig.arrived() == 2
