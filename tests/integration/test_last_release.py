"""What the last release wrote about letters is read, and goes on from there: a row for each delivery, counters of runs,
jobs and requests whose letters have no spots. `tests/releases/last/deliveries.json` holds rows of every state as that
release wrote them, and what it showed of each. Goes with the next release, as `storage/last_release.py` does.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.campaigns.recipient_sources import UnsentSource
from chalicelib.deliveries import ENTERED_FROM, DeliveryKey, DeliveryStatus, Move
from chalicelib.pipeline.jobs import DeliverJob, read_job
from chalicelib.schemas import passed
from chalicelib.services.operator_actions import cancel
from chalicelib.settings import settings
from chalicelib.stage.app import Stage
from chalicelib.states import Engagement, RunOutcome
from chalicelib.storage.dynamodb import StageTable, batch_put, reaching_dynamodb
from chalicelib.storage.ledger import Ledger
from chalicelib.storage.notifications import read_with_deliveries
from chalicelib.storage.rows.campaign_parts import CounterRow
from chalicelib.storage.rows.campaigns import RunRow
from chalicelib.storage.rows.flow import CallRow
from chalicelib.storage.rows.ledger import NOTIFICATION_PART, REQUEST_PART, LedgerRow, NotificationRow, RequestRow
from chalicelib.storage.run_progress import read_counts
from chalicelib.storage.runs import PlannedRun
from tests.integration.api.gateway import PROMO, Gateway, gateway
from tests.integration.campaigns.conftest import (
    Desk,
    PostOffice,
    Viewers,
    clock,
    desk,
    no_event_sources,
    office,
    viewers,
)
from tests.integration.conftest import moto_of
from tests.ledgers import delivery, engage, forget_outcomes, heard, is_engaged, state, stored

__all__ = ["clock", "desk", "no_event_sources", "office", "viewers"]  # fixtures
S = DeliveryStatus
KEPT: dict[str, Any] = json.loads((Path(__file__).parents[1] / "releases" / "last" / "deliveries.json").read_text())
LETTERS: dict[str, Any] = KEPT["letters"]
NOW = datetime(2026, 11, 22, 14, tzinfo=UTC)
# A letter in each state, and from which states which may be entered.
IN_STATE: dict[DeliveryStatus | None, str] = {**{status: status.value for status in S}, None: "recorded"}
PAIRS = [(before, after) for before in IN_STATE for after in S]
# What a provider may say of a letter that it took, and why.
SAID = {S.SENT: None, S.DELIVERED: None, S.BOUNCED: "hard_bounce", S.COMPLAINED: "complaint"}


@pytest.fixture
def ledger(stage: None) -> Ledger:
    return Ledger(clock=lambda: NOW, retention_days=90)


def keep(name: str, *, under: str | None = None) -> DeliveryKey:
    """Stores a letter as the last release left it; returns its delivery. `under`: the delivery alone, of that
    notification."""
    rows = LETTERS[name]["rows"]
    if under is not None:
        rows = [{**row, "notification_id": {"S": under}} for row in rows if row["part"]["S"] != NOTIFICATION_PART]
    put(LedgerRow, rows)
    return DeliveryKey(under or rows[0]["notification_id"]["S"], "email")


def put(model: type[StageTable], rows: list[dict[str, Any]]) -> None:
    with reaching_dynamodb():
        batch_put(model, rows)


def without_spot(notification_id: str) -> None:
    """Leaves a notification as the last release would have written it."""
    NotificationRow(notification_id, NOTIFICATION_PART).update(actions=[NotificationRow.spot.remove()])


# ---------------------------------------------------------------- shown


@pytest.mark.parametrize("name", LETTERS)
def test_a_letter_is_shown_as_it_was(ledger: Ledger, name: str) -> None:
    """Promise A5. Except what events say: each stands once, at its own moment."""
    key = keep(name)

    found = read_with_deliveries(key.notification_id)

    assert found is not None
    shown = {one.key.id: one._asdict() for one in found[1]}
    for before in LETTERS[name]["shown"]:
        now = shown.pop(before["key"])
        alike = before.keys() - {"key", "timeline", "created_at"}
        assert {one: now[one] for one in alike} == {one: before[one] for one in alike}
        assert told(now["timeline"]) == told(before["timeline"])
        assert [one for one in now["timeline"] if by_a_worker(one)] == [
            one for one in before["timeline"] if by_a_worker(one)
        ]
        assert ledger.states([key])[key].engaged is any(
            one.get("event") in ("opened", "clicked") for one in now["timeline"]
        )
    assert shown == {}


def told(timeline: Sequence[Mapping[str, Any]]) -> list[Any]:
    names = ("status", "reason", "rule", "times")
    return [tuple(map(one.get, names)) for one in timeline if "status" in one]


def by_a_worker(entry: Mapping[str, Any]) -> bool:
    return entry.get("status") not in (None, "delivered")


def test_when_it_was_delivered_and_opened_is_still_known(ledger: Ledger) -> None:
    key = keep("opened before its delivery")

    moments = {one.get("status") or one.get("event"): one["at"] for one in stored(key).timeline}

    [row] = [row for row in LETTERS["opened before its delivery"]["rows"] if row["part"]["S"] != NOTIFICATION_PART]
    assert moments["delivered"] == row["delivered_at"]["S"]
    assert moments["machine_opened"] < moments["delivered"] < moments["opened"]
    assert is_engaged(key)


# ---------------------------------------------------------------- moved


def made(ledger: Ledger, key: DeliveryKey, after: DeliveryStatus) -> bool:
    if after in SAID:
        return heard(ledger, key, after, SAID[after])
    if after is S.FAILED and state(key) in ((S.SENT, None), (S.UNCERTAIN, "unconfirmed")):
        return heard(ledger, key, after, "rejected")
    claim = Move(key, after, owner="new", attempt=1, lease_until=NOW + timedelta(minutes=1))
    return ledger.move([claim if after is S.CALLING else Move(key, after)]) == {}


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_a_delivery_moves_as_ever_and_is_one_of_this_release_then(
    ledger: Ledger, before: DeliveryStatus | None, after: DeliveryStatus
) -> None:
    """Promise A5."""
    key = keep(IN_STATE[before])
    was = delivery(key)
    allowed = before in ENTERED_FROM[after] and not (before is None and after in SAID)

    assert made(ledger, key, after) is allowed

    now = delivery(key)
    if not allowed:
        assert now == was
        return
    assert now is not None
    assert now.status is after
    before_it = told(was.timeline) if was else []
    assert told(now.timeline)[: len(before_it)] == before_it
    forget_last_release(key)
    assert delivery(key) == now
    assert made(ledger, key, after) is (after in (S.WAITING, S.CALLING))  # the same claim counts as made


def forget_last_release(key: DeliveryKey) -> None:
    LedgerRow._get_connection().delete_item(key.notification_id, f"delivery#{key.channel}")


def test_only_the_owner_of_a_claim_records_its_answer(ledger: Ledger) -> None:
    key = keep("calling")

    assert set(ledger.move([Move(key, S.SENT, owner="b")])) == {key}
    assert ledger.move([Move(key, S.SENT, owner="a", provider_id="ses-9")]) == {}
    assert (stored(key).status, stored(key).provider_id) == (S.SENT, "ses-9")


def test_a_letter_is_sent_once_more_only_once(ledger: Ledger) -> None:
    again, first = keep("sent once more"), keep("calling")

    assert set(ledger.move([Move(again, S.QUEUED, owner="b", resend=True)])) == {again}
    assert ledger.move([Move(first, S.QUEUED, owner="a", resend=True)]) == {}
    assert stored(first).resent


def test_openings_are_judged_by_a_delivery_that_is_told_afterwards(ledger: Ledger) -> None:
    key = keep("opened, its delivery not told")
    assert is_engaged(key)

    heard(ledger, key, S.DELIVERED, told_at="2026-11-22T13:00:00Z")

    assert not is_engaged(key)
    assert engage(ledger, key, Engagement.OPENED)
    assert is_engaged(key)


def test_what_waits_for_a_person_is_listed_until_it_is_decided(ledger: Ledger) -> None:
    first, second = keep("uncertain"), keep("uncertain of a run")
    keep("assumed sent")

    def listed() -> list[DeliveryKey]:
        return [one.key for one in ledger.uncertain(limit=10, cursor=None)[0]]

    assert listed() == [first, second]
    heard(ledger, first, S.DELIVERED, told_at="2026-11-22T13:00:00Z")
    assert listed() == [second]
    Stage.own().operator_actions.assume_sent(second)
    assert listed() == []
    assert state(second) == (S.SENT, "assumed_by_hand")


@pytest.mark.parametrize("before", [None, S.WAITING, S.QUEUED, S.CALLING, S.SENT])
def test_what_nobody_has_claimed_is_cancelled(ledger: Ledger, before: DeliveryStatus | None) -> None:
    key = keep(IN_STATE[before])

    cancel(key.notification_id, ledger=ledger)

    assert stored(key).status is (before if before in (S.CALLING, S.SENT) else S.CANCELLED)


# ---------------------------------------------------------------- sent once


def test_a_call_that_is_repeated_sends_nothing_twice(desk: Desk, office: PostOffice) -> None:
    """Promise A5."""
    api = gateway()
    body = {**PROMO, "recipients": [{"email": f"u{n}@example.com"} for n in range(3)], "lane": "bulk"}
    ids = ask(api, body)
    desk.pump.run()
    assert len(office.letters) == 3
    request_of_last_release(ids)
    for one in ids[:2]:
        keep("sent", under=one)

    with_answer_lost(api, body)
    desk.pump.run()

    assert sorted(office.addresses) == [*(f"u{n}@example.com" for n in range(3)), "u2@example.com"]
    assert {state(one) for one in ids} == {(S.SENT, None)}


def ask(api: Gateway, body: Mapping[str, Any]) -> list[str]:
    answer = api.post("/v1/notifications", body, **{"idempotency-key": "k-1"})
    assert answer.status == 202, answer.body
    return [one["id"] for one in answer.body["notifications"]]


def with_answer_lost(api: Gateway, body: Mapping[str, Any]) -> None:
    """The same call, as if no answer had been kept."""
    for call in CallRow.scan():
        call.delete()
    ask(api, body)


def request_of_last_release(ids: list[str]) -> None:
    request_id = NotificationRow.get(ids[0], NOTIFICATION_PART).request_id or ""
    RequestRow(request_id, REQUEST_PART).update(actions=[RequestRow.spots.remove()])
    forget_outcomes()
    for one in ids:
        without_spot(one)


def test_a_letter_that_was_cancelled_before_its_time_stays_cancelled(desk: Desk, office: PostOffice) -> None:
    """Promise A5."""
    later = (desk.clock() + timedelta(days=3)).isoformat()
    to = [{"email": "a@example.com"}, {"email": "b@example.com"}]
    ids = ask(gateway(), {**PROMO, "recipients": to, "lane": "bulk", "send_at": later})
    request_of_last_release(ids)
    keep("cancelled", under=ids[0])

    desk.clock.pass_(days=3)
    desk.tick()
    desk.pump.run()

    assert office.addresses == ["b@example.com"]
    assert [state(one) for one in ids] == [(S.CANCELLED, None), (S.SENT, None)]


# ---------------------------------------------------------------- runs


def test_a_run_in_its_middle_is_sent_once_and_ends(desk: Desk, viewers: Viewers, office: PostOffice) -> None:
    """Promise A5. Of ten, three were sent, one was skipped, two are on their way, and four nobody has enlisted yet."""
    viewers(10)
    campaign_id = desk.start()
    [run] = desk.runs(campaign_id)
    letter = {name: value for name, value in run.letter.items() if name != "homes"}
    RunRow(run.campaign_id, run.scheduled_at).update(actions=[RunRow.homes.remove(), RunRow.letter.set(letter)])
    desk.pump.run("fanout")
    planned = desk.pump.bodies("enrich-bulk")
    desk.pump.run("enrich-bulk")
    jobs = [read_job(DeliverJob, body) for body in desk.pump.bodies("deliver-email-bulk")]
    moto_of("sqs").queues[settings().resource("deliver-email-bulk")]._messages.clear()
    ids = [one.notification_id for job in jobs for one in job.recipients]
    assert len(ids) == 10
    for one in ids[:6]:
        without_spot(one)
    for name, some in (("sent of a run", ids[:3]), ("skipped of a run", ids[3:4])):
        for one in some:
            keep(name, under=one)
    counted = {"sent": {"N": "3"}, "skipped#unsubscribed": {"N": "1"}}
    put(CounterRow, [{"run_id": {"S": f"{run.run_id}#07"}, "shard": {"S": "07"}, **counted}])

    for job in jobs:
        bare = [person.model_copy(update={"spot": None}) for person in job.recipients]
        both = zip(job.recipients, bare, strict=True)
        mixed = [new if new.notification_id in ids[6:] else old for new, old in both]
        for _ in range(2):
            desk.pump.put("deliver-email-bulk", passed(job.only(mixed)))
    for body in planned:  # and all of it comes once more
        desk.pump.put("enrich-bulk", body)
    desk.pump.run()
    progress = desk.progress(campaign_id)
    assert (progress.targeted, progress.sent, progress.skipped) == (10, 7, {"unsubscribed": 1})
    desk.finish()

    assert len(office.letters) == len(set(office.addresses)) == 6
    assert Counter(state(one) for one in ids) == {(S.SENT, None): 9, (S.SKIPPED, "unsubscribed"): 1}
    [run] = desk.runs(campaign_id)
    assert run.outcome is RunOutcome.COMPLETED
    assert desk.progress(campaign_id).sent == 7  # the two on their way are sent, and counted nowhere


def test_the_counts_of_a_run_are_shown_as_they_stood(stage: None) -> None:
    """Promise F5."""
    put(CounterRow, KEPT["counters"])
    run_id = KEPT["run_id"]
    last = [one["shown"][0] for name, one in LETTERS.items() if name.endswith(" of a run") and one["shown"]]

    [counts] = read_counts([PlannedRun(run_id, "2026-11-22T11:00:00Z", 1, 1, targeted=40)])

    for status in ("sent", "delivered", "bounced", "complained", "uncertain", "cancelled"):
        assert counts.words[status] == sum(one["status"] == status for one in last), status
    assert counts.words["skipped#unsubscribed"] == 1
    assert counts.words["opened"] > 0


def test_a_resend_goes_on_from_a_cursor_of_the_last_release(stage: None) -> None:
    """Its index is gone; what it had not planned yet is not sent again by itself."""
    source = UnsentSource(KEPT["run_id"], ["email"], None, homes=1, resend_run_id="r@2026-11-22T12:00:00Z")

    page = source.page(shard=0, shards=1, cursor={"part": 3, "key": None}, limit=100)

    assert (page.targets, page.cursor) == ([], None)
