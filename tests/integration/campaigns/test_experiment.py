"""An A/B test from its first letter to the winner: one letter each, whatever happens on the way."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib.campaigns.experiment import Experiment
from chalicelib.campaigns.experiment_decision import awaits_winner
from chalicelib.campaigns.experiment_results import read_results
from chalicelib.campaigns.fanout import Fanout
from chalicelib.campaigns.held_chunks import notification_of
from chalicelib.campaigns.pacing import Pace
from chalicelib.channels.port import Message, Outcome, Verdict
from chalicelib.deliveries import DeliveryKey
from chalicelib.errors import ConflictError, NotFoundError
from chalicelib.flow.queues import Queues
from chalicelib.stage.app import Stage
from chalicelib.states import Engagement
from chalicelib.storage.runs import Run, Runs
from tests.integration.campaigns.conftest import ANNA, BORIS, CONTEXT, Desk, PostOffice, StandingClock, Viewers
from tests.integration.campaigns.test_exactness import Fault, agrees
from tests.ledgers import engage

SUBJECT = "Popcorn or nachos?"
TEST: dict[str, Any] = {
    "share_percent": 50,
    "winner_by": "clicks",
    "decide_after_hours": 2,
    "variants": [{}, {"name": "question", "subject": SUBJECT}],
}


def variants_of(desk: Desk, campaign_id: str, ids: list[str]) -> dict[str, str | None]:
    """By address, as the hash has it."""
    run = desk.runs(campaign_id)[-1]
    experiment = Experiment.model_validate({**TEST, **run.spec["experiment"]})
    return {f"{one}@example.com": experiment.assigned(notification_of(run.run_id, user_id=one)) for one in ids}


def subjects(office: PostOffice) -> dict[str, str]:
    return {letter.address: letter.parts["subject"] for letter in office.letters}


def click(letters: list[Message]) -> None:
    for letter in letters:
        engage(Stage.own().ledger, DeliveryKey.of(letter.delivery_id, letter.tags["spot"]), Engagement.CLICKED)


def once_each(office: PostOffice, ids: list[str]) -> bool:
    return Counter(office.addresses) == Counter({f"{one}@example.com": 1 for one in ids})


def test_a_share_gets_the_variants_and_the_rest_the_one_that_was_clicked_more(
    desk: Desk, viewers: Viewers, office: PostOffice, clock: StandingClock
) -> None:
    ids = viewers(120)
    campaign_id = desk.start(experiment=TEST)
    desk.finish()

    lots = variants_of(desk, campaign_id, ids)
    tested = {one for one, lot in lots.items() if lot}
    assert 30 < len(tested) < 90
    assert set(office.addresses) == tested
    sent = subjects(office)
    assert {one for one in tested if sent[one] == SUBJECT} == {one for one in tested if lots[one] == "B"}
    assert all(f"<title>{SUBJECT}</title>" in one.parts["html"] for one in office.letters if lots[one.address] == "B")

    click([one for one in office.letters if lots[one.address] == "B"])
    clock.pass_(hours=1, minutes=59)
    desk.finish()
    assert len(office.letters) == len(tested)
    assert awaits_winner(desk.runs(campaign_id)[0])

    clock.pass_(minutes=2)
    desk.finish()
    desk.finish()
    assert once_each(office, ids)
    assert all(subject == SUBJECT for one, subject in subjects(office).items() if one not in tested)
    [run] = desk.runs(campaign_id)
    assert run.decision is not None
    assert (run.decision["winner"], run.decision["by"], run.decision["sure"]) == ("B", "service", True)
    assert run.decision["reached"] == dict(Counter(lot for lot in lots.values() if lot))
    assert run.decision["acted"]["B"] == run.decision["reached"]["B"]
    assert desk.head(campaign_id).state == "completed"
    assert agrees(desk.progress(campaign_id), desk.ledger(run))
    [news] = [one for one in desk.head(campaign_id).events() if one["event"] == "winner"]
    assert "hardly chance" in news["note"]


def test_the_numbers_of_each_variant_are_those_of_its_letters_alone(
    desk: Desk, viewers: Viewers, office: PostOffice, clock: StandingClock
) -> None:
    ids = viewers(80)
    campaign_id = desk.start(experiment=TEST)
    desk.pump.run("fanout", "enrich-bulk")
    lots = variants_of(desk, campaign_id, ids)
    refused = next(one for one, lot in lots.items() if lot == "B")
    office.verdicts = {refused: Outcome(Verdict.REFUSED, reason="bad_address")}
    desk.finish()
    first = next(one for one in office.letters if lots[one.address] == "A")
    machine = next(one for one in office.letters if lots[one.address] == "B")
    click([first])
    engage(Stage.own().ledger, DeliveryKey.of(machine.delivery_id, machine.tags["spot"]), Engagement.MACHINE_CLICKED)
    Stage.own().winner.choose(campaign_id, "B", by=ANNA)
    desk.finish()
    click([one for one in office.letters if not lots[one.address]])

    [run] = desk.runs(campaign_id)
    results = read_results(Stage.own().runs, run, at=clock(), fresh=True)
    counted = {one.variant: (one.progress.sent, one.progress.failed, one.progress.clicked) for one in results}
    expected = Counter(lots.values())
    assert counted == {"A": (expected["A"], 0, 1), "B": (expected["B"] - 1, 1, 0)}
    assert desk.progress(campaign_id).clicked == 1 + expected[None]


STEPS = [
    (owner, name, call, after)
    for owner, name, calls in (
        (Fanout, "_save", (1, 2, 3, 5, 8)),
        (Queues, "put", (1, 3, 5, 8)),
        (Runs, "decide", (1,)),
        (Runs, "note_tested", (1, 2)),
    )
    for call in calls
    for after in (False, True)
]


@pytest.mark.parametrize(("owner", "name", "call", "after"), STEPS)
def test_a_crash_at_any_step_gives_nobody_two_letters_or_another_variant(
    desk: Desk,
    viewers: Viewers,
    office: PostOffice,
    clock: StandingClock,
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    name: str,
    call: int,
    after: bool,
) -> None:
    monkeypatch.setattr(Pace, "page_size", 7)
    ids = viewers(30)
    campaign_id = desk.start(experiment=TEST, rate_per_second=49, publish_per_second=10_000)
    fault = Fault(monkeypatch, owner, name, call=call, after=after)
    for _ in range(6):
        desk.pump.run("fanout", "enrich-bulk", "deliver-email-bulk")
        desk.pass_(minutes=4)
        tick_through(desk)
    clock.pass_(hours=3)
    for _ in range(6):
        tick_through(desk)
        desk.pump.run("fanout", "enrich-bulk", "deliver-email-bulk")
        desk.pass_(minutes=4)

    assert fault.calls >= call, "the fault was never met"
    desk.finish()
    assert once_each(office, ids)
    [run] = desk.runs(campaign_id)
    assert run.decision is not None
    winner = {"A": "Tonight", "B": SUBJECT}[run.decision["winner"]]
    lots, sent = variants_of(desk, campaign_id, ids), subjects(office)
    told = {"A": "Tonight", "B": SUBJECT, None: winner}
    assert {one: sent[one] for one in sent} == {one: told[lot] for one, lot in lots.items()}
    assert agrees(desk.progress(campaign_id), desk.ledger(run))
    assert desk.head(campaign_id).state == "completed"


def tick_through(desk: Desk) -> None:
    """A minute's work, which may die: the next one goes on."""
    try:
        desk.tick()
    except Exception:
        return


def test_a_pause_holds_each_variant_and_moves_the_decision(
    desk: Desk, viewers: Viewers, office: PostOffice, clock: StandingClock
) -> None:
    ids = viewers(60)
    campaign_id = desk.start(experiment=TEST)
    desk.pump.run("fanout")
    commands = Stage.own().campaign_commands
    commands.pause(campaign_id, by=ANNA)
    desk.forget_states()
    desk.finish()
    assert office.letters == []

    clock.pass_(days=1)
    desk.tick()
    assert desk.runs(campaign_id)[0].decision is None
    Stage.own().campaign_commands.resume(campaign_id, by=ANNA)
    desk.forget_states()
    desk.finish()
    lots, sent = variants_of(desk, campaign_id, ids), subjects(office)
    assert {one for one, subject in sent.items() if subject == SUBJECT} == {o for o, lot in lots.items() if lot == "B"}
    assert set(sent) == {one for one, lot in lots.items() if lot}
    assert desk.runs(campaign_id)[0].decision is None

    clock.pass_(hours=2, minutes=1)
    desk.finish()
    assert once_each(office, ids)


def test_the_rest_of_a_paused_campaign_waits_for_its_resumption_after_the_choice(
    desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    ids = viewers(40)
    campaign_id = desk.start(experiment=TEST)
    desk.finish()
    tested = len(office.letters)
    Stage.own().campaign_commands.pause(campaign_id, by=ANNA)
    Stage.own().winner.choose(campaign_id, "A", by=ANNA)
    desk.forget_states()
    desk.finish()
    assert len(office.letters) == tested

    Stage.own().campaign_commands.resume(campaign_id, by=ANNA)
    desk.forget_states()
    desk.finish()
    assert once_each(office, ids)


def test_a_cancelled_test_sends_nothing_more_and_ends(
    desk: Desk, viewers: Viewers, office: PostOffice, clock: StandingClock
) -> None:
    viewers(40)
    campaign_id = desk.start(experiment=TEST)
    desk.finish()
    tested = len(office.letters)
    Stage.own().campaign_commands.cancel(campaign_id, by=ANNA)
    desk.forget_states()
    desk.finish()
    clock.pass_(hours=3)
    desk.finish()

    [run] = desk.runs(campaign_id)
    assert (run.outcome, run.decision) == ("cancelled", None)
    assert len(office.letters) == tested
    assert desk.progress(campaign_id).cancelled == 40 - tested
    with pytest.raises(ConflictError):
        Stage.own().winner.choose(campaign_id, "A", by=ANNA)


def test_a_person_chooses_at_any_time_and_once(desk: Desk, viewers: Viewers, office: PostOffice) -> None:
    ids = viewers(40)
    campaign_id = desk.start(experiment={**TEST, "winner_by": "hand"})
    desk.pump.run("fanout")  # the test has hardly begun
    winner = Stage.own().winner
    with pytest.raises(NotFoundError):
        winner.choose(campaign_id, "C", by=ANNA)
    for _ in range(2):
        winner.choose(campaign_id, "B", by=ANNA)
    with pytest.raises(ConflictError):
        winner.choose(campaign_id, "A", by=BORIS)
    desk.finish()

    assert once_each(office, ids)
    lots, sent = variants_of(desk, campaign_id, ids), subjects(office)
    assert {one for one in sent if sent[one] != SUBJECT} == {one for one, lot in lots.items() if lot == "A"}
    assert desk.runs(campaign_id)[0].decision["by"] == ANNA  # type: ignore[index]
    assert [one["by"] for one in desk.head(campaign_id).events() if one["event"] == "winner"] == [ANNA]


def test_by_hand_nothing_is_decided_by_time(
    desk: Desk, viewers: Viewers, office: PostOffice, clock: StandingClock
) -> None:
    viewers(40)
    campaign_id = desk.start(experiment={**TEST, "winner_by": "hand"})
    desk.finish()
    clock.pass_(days=3)
    desk.finish()
    [run] = desk.runs(campaign_id)
    assert awaits_winner(run, by_hand=True)
    assert desk.head(campaign_id).state == "running"
    assert len(office.letters) < 40


def test_times_are_tried_and_the_rest_gets_it_when_the_clock_shows_the_winners(
    desk: Desk, viewers: Viewers, office: PostOffice, clock: StandingClock
) -> None:
    ids = viewers(60)
    variants = [{}, {"send_after_minutes": 480}]  # 10:00 and 18:00 UTC
    campaign_id = desk.start(experiment={**TEST, "variants": variants}, timezone="UTC")
    desk.finish()
    lots = variants_of(desk, campaign_id, ids)
    early, late = ({one for one, lot in lots.items() if lot == name} for name in "AB")
    assert set(office.addresses) == early

    clock.pass_(hours=7, minutes=59)
    desk.finish()
    assert set(office.addresses) == early
    clock.pass_(minutes=1)
    desk.finish()
    assert set(office.addresses) == early | late
    click([one for one in office.letters if one.address in late])
    clock.pass_(hours=1, minutes=58)
    desk.finish()
    assert desk.runs(campaign_id)[0].decision is None
    clock.pass_(minutes=5)
    desk.finish()
    [run] = desk.runs(campaign_id)
    assert run.decision is not None
    assert (run.decision["winner"], run.decision["rest_at"]) == ("B", "2026-03-03T18:00:00.000000Z")
    assert len(office.letters) == len(early | late)
    clock.pass_(hours=22)
    desk.finish()
    assert once_each(office, ids)


def test_a_resend_is_of_the_variant_that_was_not_sent(
    desk: Desk, viewers: Viewers, office: PostOffice, clock: StandingClock
) -> None:
    ids = viewers(60)
    campaign_id = desk.start(experiment=TEST)
    desk.pump.run("fanout")
    lots = variants_of(desk, campaign_id, ids)
    some = [next(one for one, lot in lots.items() if lot == name) for name in ("A", "B", None)]
    office.verdicts = {one: Outcome(Verdict.REFUSED, reason="bad_address") for one in some}
    desk.finish()
    Stage.own().winner.choose(campaign_id, "B", by=ANNA)
    desk.finish()
    assert desk.head(campaign_id).state == "completed"

    for again in range(2):  # the first one fails too
        office.verdicts = office.verdicts if not again else {}
        Stage.own().resend.begin(campaign_id, by=ANNA)
        desk.finish()
    assert once_each(office, ids)
    sent = subjects(office)
    assert [sent[one] for one in some] == ["Tonight", SUBJECT, SUBJECT]
    assert desk.head(campaign_id).state == "completed"
    assert all(not awaits_winner(run) for run in desk.runs(campaign_id))


def test_each_run_of_a_periodic_campaign_finds_its_own_winner(
    desk: Desk, viewers: Viewers, office: PostOffice, clock: StandingClock
) -> None:
    viewers(40)
    campaign_id = desk.start(experiment=TEST, schedule={"every": "day", "at": "12:00"}, timezone="UTC")
    decided: list[Run] = []
    for winner in "AB":
        clock.pass_(days=1)
        desk.finish()
        Stage.own().winner.choose(campaign_id, winner, by=ANNA)
        desk.finish()
        decided = desk.runs(campaign_id)
    assert [run.decision["winner"] for run in decided if run.decision] == ["B", "A"]
    assert len(office.letters) == 80


def test_texts_template_and_languages_of_a_variant_are_its_own(
    desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    ids = viewers(60, lambda n: {"locale": "ru" if n % 2 else "en"})
    texts: Mapping[str, Any] = {"headline": "Премьера", "text": "За полцены"}
    other = {
        "context": {"headline": "Nachos"},
        "translations": {"ru": {"headline": "Начос"}},
        "subject": "Hungry?",
        "subjects": {"ru": "Голодны?"},
    }
    campaign_id = desk.start(
        experiment={**TEST, "share_percent": 100, "variants": [{}, other]},
        context=CONTEXT,
        translations={"ru": texts},
        locale="en",
        untranslated="default",
    )
    desk.finish()
    lots = variants_of(desk, campaign_id, ids)
    for letter in office.letters:
        is_russian = int(letter.address[2:7]) % 2
        html, subject = letter.parts["html"], letter.parts["subject"]
        if lots[letter.address] == "B":
            assert subject == ("Голодны?" if is_russian else "Hungry?")
            assert ("Начос" if is_russian else "Nachos") in html
        else:
            assert ("Премьера" if is_russian else "Tonight") in html
    assert once_each(office, ids)
    assert desk.head(campaign_id).state == "running"  # it stays open for its decision
    Stage.own().winner.choose(campaign_id, "A", by=ANNA)
    desk.finish()
    assert desk.head(campaign_id).state == "completed"
