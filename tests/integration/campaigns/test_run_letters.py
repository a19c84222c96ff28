"""A run's letters and counts are read from its chunks: each once, whatever the pages, the states and the cuts."""

from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from chalicelib.campaigns.description import describe_in_short
from chalicelib.campaigns.progress import read_progress
from chalicelib.campaigns.recipient_sources import UnsentSource
from chalicelib.channels.port import Outcome, Verdict
from chalicelib.clock import new_id, now, rfc3339
from chalicelib.deliveries import DeliveryKey, Move, Status
from chalicelib.deliveries import DeliveryStatus as S
from chalicelib.stage.app import Stage
from chalicelib.storage import run_progress
from chalicelib.storage.enlisting import enlist_notifications
from chalicelib.storage.notifications import Notification
from chalicelib.storage.rows.ledger import LedgerRow
from chalicelib.storage.run_outcomes import RunLetter, RunPlace, count_run, counted_as, letters_of_run
from tests.integration.campaigns.conftest import Desk, PostOffice, StandingClock, Viewers
from tests.ledgers import heard, raw_delivery

CHANNELS = ["email", "sms"]
LIMITS = (1, 2, 3, 5, 8, 100)


def enlist(run_id: str, ids: Sequence[str], *, size: int) -> dict[str, str | None]:
    """As `enrich` does with one chunk after another."""
    alike = Notification(
        "", rfc3339(now()), "r", "promo", 0, "marketing", "bulk", CHANNELS, {}, campaign_id="c", run_id=run_id,
        expires_at_epoch=2**31,
    )  # fmt: skip
    spots: dict[str, str | None] = {}
    for n in range(0, len(ids), size):
        spots |= enlist_notifications(alike, [(one, {"user_id": one}, one) for one in ids[n : n + size]])
    return spots


class CutAnew:
    """A run some of whose letters came in other chunks too, with others among them. By email the letters are in five
    states, by SMS few have one."""

    def __init__(self) -> None:
        self.run_id = f"{new_id()}@2026-11-29T08:00:00Z"
        self.ids = [new_id() for _ in range(29)]
        first = enlist(self.run_id, self.ids[:23], size=5)
        again = enlist(self.run_id, [*reversed(self.ids[4:]), *self.ids[:4]], size=7)
        assert first.items() <= again.items()
        self.spots = again
        self.states: dict[DeliveryKey, tuple[S, str]] = {}
        email: list[tuple[S, str]] = [
            (S.SKIPPED, "opted_out"),
            (S.FAILED, "rejected"),
            (S.FAILED, "throttled"),
            (S.WAITING, "quiet"),
        ]
        for n, one in enumerate(self.ids):
            if n % 5 < len(email):
                self.states[DeliveryKey(one, "email", again[one])] = email[n % 5]
            if n % 11 == 0:
                self.states[DeliveryKey(one, "sms", again[one])] = (S.SKIPPED, "no_address")
        moves = [Move(key, *state) for key, state in self.states.items() if state[0] is not S.FAILED]
        calls = [key for key, state in self.states.items() if state[0] is S.FAILED]
        ledger = Stage.own().ledger
        assert not ledger.move(moves)
        assert not ledger.move([Move(one, S.CALLING, owner="w", lease_until=now(), attempt=1) for one in calls])
        assert not ledger.move([Move(one, *self.states[one], owner="w") for one in calls])


@pytest.fixture
def run(stage: None) -> CutAnew:
    return CutAnew()


def walked(run: CutAnew, wanted: Callable[[Status], bool], *, limit: int) -> list[RunLetter]:
    found: list[RunLetter] = []
    after: RunPlace | None = RunPlace()
    while after is not None:
        some, following = letters_of_run(run.run_id, CHANNELS, wanted, limit=limit, after=after)
        assert len(some) <= limit
        assert following is None or following > after
        found, after = found + some, following
    return found


@pytest.mark.parametrize("limit", LIMITS)
def test_a_list_has_each_delivery_once_whatever_its_pages(run: CutAnew, limit: int) -> None:
    found = walked(run, lambda _: True, limit=limit)

    assert Counter(one.key for one in found) == Counter(DeliveryKey(i, c) for i in run.ids for c in CHANNELS)
    assert {one.key: (one.status, one.reason) for one in found if one.status} == run.states
    assert all(one.key.spot == run.spots[one.key.notification_id] for one in found)
    assert found == walked(run, lambda _: True, limit=100)


@pytest.mark.parametrize("limit", LIMITS)
def test_a_list_of_one_state_has_nothing_else(run: CutAnew, limit: int) -> None:
    state: Status = (S.SKIPPED, "no_address")
    found = walked(run, lambda one: one == state, limit=limit)

    assert [one.key for one in found] == list(dict.fromkeys(one.key for one in found))
    assert {one.key for one in found} == {key for key, one in run.states.items() if one == state}


def test_a_page_may_be_empty_and_have_a_next(run: CutAnew, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.storage.run_outcomes.MOST_CHUNKS", 1)
    some, following = letters_of_run(run.run_id, CHANNELS, lambda _: False, limit=5, after=RunPlace())

    assert (some, following is None) == ([], False)
    assert len(walked(run, lambda _: True, limit=5)) == len(run.ids) * len(CHANNELS)


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("reasons", [None, ["rejected"], ["opted_out", "no_address"]])
def test_a_resend_takes_each_unsent_letter_once(run: CutAnew, limit: int, reasons: list[str] | None) -> None:
    source = UnsentSource(run.run_id, CHANNELS, reasons, homes=1, resend_run_id="c@again")
    taken: list[str | None] = []
    cursor = None
    for _ in range(500):
        page = source.page(shard=0, shards=1, cursor=cursor, limit=limit)
        taken += [one.recipient.notification_id for one in page.targets]
        cursor = page.cursor
        if cursor is None:
            break

    unsent = {
        key.notification_id
        for key, (status, reason) in run.states.items()
        if status in (S.SKIPPED, S.FAILED) and (reasons is None or reason in reasons)
    }
    # A letter that stands twice, on two channels, has one name in the resend: its row takes it once.
    assert len(set(taken)) == len(unsent)


def test_a_damaged_row_hides_no_other_count_and_no_letter(run: CutAnew) -> None:
    whole = count_run(run.run_id)
    assert whole == Counter(word for state in run.states.values() if (word := counted_as(*state)))
    assert {"waiting", "skipped#no_address"} <= whole.keys()
    spoilt = raw_delivery(DeliveryKey(run.ids[0], "email", run.spots[run.ids[0]]))
    LedgerRow._get_connection().put_item(
        spoilt.item["notification_id"]["S"],
        spoilt.item["part"]["S"],
        attributes={**spoilt.item, "steps": {"S": '[["soon"]]'}},
    )
    chunk = (run.spots[run.ids[0]] or "").rpartition("-")[0]
    hidden = Counter(
        word
        for key, state in run.states.items()
        if key.channel == "email" and (key.spot or "").rpartition("-")[0] == chunk and (word := counted_as(*state))
    )

    assert hidden
    assert count_run(run.run_id) == whole - hidden
    found = walked(run, lambda _: True, limit=7)
    assert Counter(one.key for one in found) == Counter(DeliveryKey(i, c) for i in run.ids for c in CHANNELS)


def test_a_list_shows_a_large_run_as_it_was_noted_last(
    desk: Desk, viewers: Viewers, office: PostOffice, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_progress, "LARGE", 2)
    monkeypatch.setattr(run_progress, "_REUSED", 0)
    viewers(4)
    office.verdicts["u-00003@example.com"] = Outcome(Verdict.NOT_ACCEPTED, reason="throttled")
    campaign_id = desk.start()
    desk.pump.run("fanout", "enrich-bulk", "deliver-email-bulk")
    clock.pass_(minutes=1)
    desk.tick()
    [letter, *_] = office.letters
    assert heard(Stage.own().ledger, DeliveryKey.of(letter.delivery_id), S.DELIVERED, told_at=rfc3339(clock()))

    def listed() -> tuple[int, int]:
        [shown] = describe_in_short([desk.head(campaign_id)])
        return shown["progress"]["sent"], shown["progress"]["delivered"]

    assert listed() == (3, 0)
    assert read_progress(desk.runs(campaign_id)[0]).delivered == 1
    clock.pass_(minutes=1)
    desk.tick()
    assert listed() == (3, 1)
