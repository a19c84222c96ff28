"""The generator: due times become runs, once each, whatever stops or repeats."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from chalicelib.campaigns.model import CampaignPatch
from chalicelib.campaigns.schedule import Misfire
from chalicelib.stage.app import Stage
from tests.integration.campaigns.conftest import ANNA, Desk, PostOffice, StandingClock, Viewers

WEEKLY = {"schedule": {"every": "week", "on": "friday", "at": "18:00"}, "timezone": "Europe/Moscow"}


@pytest.mark.parametrize(("misfire", "runs"), [("latest", 1), ("skip", 0), ("all", 3)])
def test_after_a_stop_of_three_periods_the_policy_decides(
    desk: Desk, viewers: Viewers, clock: StandingClock, office: PostOffice, misfire: Misfire, runs: int
) -> None:
    [viewer] = viewers(1)
    campaign_id = desk.start(**WEEKLY, misfire=misfire)
    clock.at = datetime(2026, 3, 23, 12, 0, tzinfo=UTC)  # Fridays 6, 13 and 20 March have passed

    desk.tick()
    desk.finish()
    desk.tick()

    assert [run.run_id for run in reversed(desk.runs(campaign_id))] == [
        f"{campaign_id}@2026-03-{day}T15:00:00Z" for day in ("06", "13", "20")[3 - runs :]
    ]
    assert Counter(office.addresses) == Counter({f"{viewer}@example.com": runs} if runs else {})
    head = desk.head(campaign_id)
    assert (head.state, head.next_run_at) == ("scheduled", "2026-03-27T15:00:00Z")


def test_two_ticks_at_the_same_moment_make_one_run_and_one_letter(
    desk: Desk, viewers: Viewers, clock: StandingClock, office: PostOffice
) -> None:
    viewers(2)
    campaign_id = desk.start(**WEEKLY)
    clock.at = datetime(2026, 3, 6, 15, 0, 30, tzinfo=UTC)
    first, second = desk.head(campaign_id), desk.head(campaign_id)

    Stage.own().generator.launch(first)
    Stage.own().generator.launch(second)
    desk.finish()

    assert len(desk.runs(campaign_id)) == 1
    assert len(office.letters) == 2


def test_a_generator_that_dies_after_the_run_was_written_goes_on_with_it(
    desk: Desk, viewers: Viewers, clock: StandingClock, office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewers(2)
    campaign_id = desk.start(**WEEKLY)
    clock.at = datetime(2026, 3, 6, 15, 0, 30, tzinfo=UTC)

    class DiedError(Exception):
        pass

    def die(*_: object) -> None:
        raise DiedError

    with monkeypatch.context() as broken, pytest.raises(DiedError):
        broken.setattr(Stage.own().shards, "of", die)
        Stage.own().generator.launch(desk.head(campaign_id))
    desk.tick()
    desk.finish()

    assert len(desk.runs(campaign_id)) == 1
    assert len(office.letters) == 2
    assert desk.head(campaign_id).state == "scheduled"


def test_an_edit_between_two_runs_changes_the_next_one_alone(
    desk: Desk, viewers: Viewers, clock: StandingClock, office: PostOffice
) -> None:
    viewers(1)
    campaign_id = desk.start(**WEEKLY)
    clock.at = datetime(2026, 3, 6, 15, 0, 30, tzinfo=UTC)
    desk.tick()
    desk.finish()
    patch = CampaignPatch.model_validate({"context": {"headline": "New", "text": "x", "url": "https://cinema.example"}})
    Stage.own().campaign_commands.edit(campaign_id, patch, by=ANNA)
    clock.at = datetime(2026, 3, 13, 15, 0, 30, tzinfo=UTC)
    desk.tick()
    desk.finish()

    assert [letter.parts["subject"] for letter in office.letters] == ["Tonight", "New"]
    assert [int(run.version) for run in desk.runs(campaign_id)] == [2, 1]
    assert len(Stage.own().campaigns.versions(campaign_id)) == 2


def test_at_each_recipients_own_hour_and_on_their_birthday(
    desk: Desk, viewers: Viewers, clock: StandingClock, office: PostOffice
) -> None:
    zones = ["Asia/Tokyo", "Europe/Moscow", "America/New_York", "Europe/Moscow"]
    days = ["1990-03-06", "1990-03-06", "1990-03-06", "1990-03-07"]
    viewers(4, lambda n: {"timezone": zones[n], "attributes": {"birthday": days[n]}})
    campaign_id = desk.start(
        template="birthday",
        context={"gift": "a film", "url": "https://cinema.example/gift"},
        audience={"rule": {"attribute": "birthday", "op": "anniversary"}},
        schedule={"every": "day", "at": "10:00"},
        timezone="recipient",
    )
    seen = []
    clock.at = datetime(2026, 3, 5, 20, 0, 30, tzinfo=UTC)  # 10:00 of 6 March in UTC+14
    for at in (clock.at, *(datetime(2026, 3, 6, hour, 0, 30, tzinfo=UTC) for hour in (1, 7, 15))):
        clock.at = at
        desk.tick()
        desk.finish()
        seen.append(len(office.letters))

    assert seen == [0, 1, 2, 3]
    assert office.addresses == [f"u-0000{n}@example.com" for n in (0, 1, 2)]
    assert desk.runs(campaign_id)[-1].run_id.endswith("@2026-03-05T20:00:00Z")
