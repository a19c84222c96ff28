"""Whatever dies or is repeated: one letter each, and counts that agree with the ledger."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.campaigns import list_loader
from chalicelib.campaigns import pacing as pace
from chalicelib.campaigns import run_planner as planner
from chalicelib.campaigns.description import describe_in_short
from chalicelib.campaigns.fanout import Fanout
from chalicelib.campaigns.held_chunks import Chunk, notification_of
from chalicelib.campaigns.list_loader import ListLoader
from chalicelib.campaigns.lists import load_list
from chalicelib.campaigns.pacing import Pace
from chalicelib.campaigns.progress import MOST_SAMPLES, Progress, read_progress, sampled
from chalicelib.channels.port import Outcome, Verdict
from chalicelib.deliveries import DeliveryKey
from chalicelib.deliveries import DeliveryStatus as S
from chalicelib.errors import ConflictError, InvalidError, UnavailableError
from chalicelib.flow.queues import Queues
from chalicelib.pipeline.jobs import EnrichRecipient
from chalicelib.profiles.preferences import Preferences
from chalicelib.reasons import Reason
from chalicelib.stage.app import Stage
from chalicelib.states import Engagement
from chalicelib.storage.held_chunks import PAUSED
from chalicelib.storage.rows.campaign_parts import ShardRow
from tests.integration.campaigns.conftest import ANNA, Desk, OneFile, PostOffice, StandingClock, Viewers
from tests.ledgers import engage, heard


def agrees(progress: Progress, ledger: Counter[str]) -> bool:
    """Whether every count is the ledger's own."""
    return (
        progress.targeted == ledger.total()
        and sum(progress.skipped.values()) == ledger["skipped"]
        and progress.sent == sum(ledger[one] for one in ("sent", "delivered", "bounced", "complained"))
        and (progress.failed, progress.uncertain, progress.cancelled)
        == (ledger["failed"], ledger["uncertain"], ledger["cancelled"])
        and progress.queued == ledger["queued"] + ledger["calling"]
    )


class Fault:
    """Lets a method fail at its n-th call, before or after it was done; then never again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, *, call: int, after: bool) -> None:
        self.calls = 0
        real: Callable[..., Any] = getattr(owner, name)

        def method(this: Any, *args: Any, **options: Any) -> Any:
            self.calls += 1
            if self.calls == call and not after:
                raise UnavailableError("a crash, before")
            answer = real(this, *args, **options)
            if self.calls == call:
                raise UnavailableError("a crash, after")
            return answer

        monkeypatch.setattr(owner, name, method)


STEPS = [
    (owner, name, call, after)
    for owner, name, calls in ((Fanout, "_save", (1, 2, 3, 4)), (Queues, "put", (1, 2, 3, 4)))
    for call in calls
    for after in (False, True)
]


def test_a_crash_in_one_of_several_shards_loses_nobody_and_doubles_nobody(
    desk: Desk, viewers: Viewers, office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "page_size", 3)
    monkeypatch.setattr(planner, "shard_count", lambda *_, **__: 3)
    ids = viewers(24)
    campaign_id = desk.start(rate_per_second=150)
    faults = [
        Fault(monkeypatch, Fanout, "_save", call=call, after=after)
        for call, after in ((2, False), (5, True), (9, False))
    ]
    for _ in range(4):
        desk.pump.run("fanout", "enrich-bulk", "deliver-email-bulk")
        desk.pass_(minutes=4)
        desk.tick()

    assert all(fault.calls >= 9 for fault in faults)
    desk.finish()
    assert Counter(office.addresses) == Counter({f"{one}@example.com": 1 for one in ids})
    assert agrees(desk.progress(campaign_id), desk.ledger(desk.runs(campaign_id)[0]))
    assert desk.head(campaign_id).state == "completed"


@pytest.mark.parametrize(("owner", "name", "call", "after"), STEPS)
def test_a_crash_at_any_step_of_the_fan_out_loses_nobody_and_doubles_nobody(
    desk: Desk,
    viewers: Viewers,
    office: PostOffice,
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    name: str,
    call: int,
    after: bool,
) -> None:
    monkeypatch.setattr(Pace, "page_size", 5)  # three pages
    ids = viewers(12)
    campaign_id = desk.start(rate_per_second=49, publish_per_second=10_000)  # one shard
    fault = Fault(monkeypatch, owner, name, call=call, after=after)
    for _ in range(4):
        desk.pump.run("fanout", "enrich-bulk", "deliver-email-bulk")
        desk.pass_(minutes=4)
        desk.tick()

    assert fault.calls >= call, "the fault was never met"
    desk.finish()
    assert Counter(office.addresses) == Counter({f"{one}@example.com": 1 for one in ids})
    assert agrees(desk.progress(campaign_id), desk.ledger(desk.runs(campaign_id)[0]))
    assert desk.progress(campaign_id).targeted == 12
    assert desk.head(campaign_id).state == "completed"


def test_every_message_delivered_twice_changes_nothing(desk: Desk, viewers: Viewers, office: PostOffice) -> None:
    ids = viewers(15, lambda n: {"email": None} if n < 3 else {})
    campaign_id = desk.start(rate_per_second=100)
    for queue in ("fanout", "enrich-bulk", "deliver-email-bulk"):
        for body in desk.pump.bodies(queue):
            desk.pump.put(queue, body)
        desk.pump.run(queue)
    desk.finish()

    assert sorted(office.addresses) == [f"{one}@example.com" for one in ids[3:]]
    progress = desk.progress(campaign_id)
    assert progress.skipped == {"no_address": 3}
    assert (progress.targeted, progress.sent) == (15, 12)
    assert agrees(progress, desk.ledger(desk.runs(campaign_id)[0]))


def test_counts_agree_with_the_ledger_through_failures_bounces_and_late_words(
    desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    viewers(8)
    office.verdicts = {
        "u-00000@example.com": Outcome(Verdict.REFUSED, reason="bad_address"),
        "u-00001@example.com": Outcome(Verdict.UNKNOWN),
    }
    campaign_id = desk.start()
    desk.pump.run()
    run = desk.runs(campaign_id)[0]
    sent = {letter.address: DeliveryKey.of(letter.delivery_id) for letter in office.letters}

    ledger = Stage.own().ledger
    for _ in range(2):  # every event comes twice
        heard(ledger, sent["u-00002@example.com"], S.DELIVERED)
        heard(ledger, sent["u-00003@example.com"], S.DELIVERED)
        heard(ledger, sent["u-00003@example.com"], S.BOUNCED, Reason.HARD_BOUNCE)
        heard(ledger, sent["u-00004@example.com"], S.COMPLAINED, Reason.COMPLAINT)
        engage(ledger, sent["u-00005@example.com"], Engagement.OPENED)
        engage(ledger, sent["u-00005@example.com"], Engagement.UNSUBSCRIBED)

    progress = desk.progress(campaign_id)
    assert agrees(progress, desk.ledger(run))
    assert progress.failed_reasons == {"bad_address": 1}
    assert (progress.targeted, progress.sent, progress.queued) == (8, 6, 1)
    assert (progress.delivered, progress.bounced, progress.complained) == (2, 1, 1)
    assert (progress.opened, progress.unsubscribed) == (1, 1)


def test_a_resend_reaches_the_unsent_alone_and_once(desk: Desk, viewers: Viewers, office: PostOffice) -> None:
    viewers(6, lambda n: {"email": None} if n == 5 else {})
    bad = ["u-00000@example.com", "u-00001@example.com"]
    office.verdicts = {address: Outcome(Verdict.REFUSED, reason="rejected") for address in bad}
    campaign_id = desk.start()
    desk.finish()
    assert desk.head(campaign_id).state == "completed"
    office.verdicts = {bad[1]: Outcome(Verdict.REFUSED, reason="rejected")}

    resend = Stage.own().resend
    for _ in range(2):
        resend.begin(campaign_id, by=ANNA, run=desk.runs(campaign_id)[-1].run_id, reasons=["rejected"])
        desk.finish()
    assert [office.addresses.count(address) for address in bad] == [1, 0]

    office.verdicts = {}
    resend.begin(campaign_id, by=ANNA, run=desk.runs(campaign_id)[-2].run_id)
    desk.finish()

    assert Counter(office.addresses) == Counter({f"u-0000{n}@example.com": 1 for n in range(5)})
    for run in desk.runs(campaign_id):
        assert agrees(read_progress(run), desk.ledger(run))
        assert run.outcome == "completed"


def test_a_finished_run_is_known_when_its_shards_are_gone(desk: Desk, viewers: Viewers) -> None:
    viewers(5)
    campaign_id = desk.start()
    desk.finish()
    before = desk.progress(campaign_id)
    for row in ShardRow.query(desk.runs(campaign_id)[0].run_id):
        row.delete()

    assert desk.progress(campaign_id) == before
    assert before.targeted == 5
    (short,) = describe_in_short([desk.head(campaign_id)])
    assert (short["state"], short["progress"]["sent"]) == ("completed", 5)


def test_a_run_keeps_a_picture_of_how_it_went(desk: Desk, viewers: Viewers, clock: StandingClock) -> None:
    viewers(3)
    campaign_id = desk.start()
    desk.tick()
    clock.pass_(minutes=1)
    desk.finish()

    samples = desk.runs(campaign_id)[0].samples
    assert [count for _, count, *_ in samples][-1] == 3
    assert [at for at, *_ in samples] == sorted({at for at, *_ in samples})


def test_the_hours_see_each_letter_of_a_run_once(desk: Desk, viewers: Viewers) -> None:
    viewers(4)
    Stage.own().preferences.put("u-00001", Preferences(everything=False))
    desk.start()
    desk.finish()
    desk.tick()
    desk.start()
    desk.finish()

    assert Stage.own().hourly_stats.newest(1)[0].counts == {"sent": 6, "skipped": 2}


def test_the_picture_of_a_long_run_stays_small() -> None:
    samples: list[Sequence[Any]] = []
    for n in range(10_000):
        samples = sampled(samples, f"2026-11-23T{n:05}", Progress(sent=n))
        assert len(samples) <= MOST_SAMPLES
    assert samples[-1][1] == 9_999
    assert samples[0][1] == 0


def test_whoever_was_a_recipient_of_an_excluded_campaign_gets_nothing(
    desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    viewers(6, lambda n: {"locale": "ru" if n < 2 else "en"})
    first = desk.start(audience={"rule": {"attribute": "locale", "op": "equals", "value": "ru"}})
    desk.finish()

    second = desk.start(audience={"everyone": True, "exclude_campaigns": [first]})
    desk.finish()

    assert Counter(office.addresses) == Counter({f"u-0000{n}@example.com": 1 for n in range(6)})
    assert desk.progress(second).targeted == 4


def test_whoever_was_on_the_list_of_an_excluded_campaign_gets_nothing_as_a_user(
    desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    viewers(4)
    list_id = desk.load_list(b"email\nU-00001@example.com\nguest@example.com\n")
    first = desk.start(audience={"list_id": list_id})
    desk.finish()

    second = desk.start(audience={"everyone": True, "exclude_campaigns": [first]})
    desk.finish()

    assert sorted(office.addresses[2:]) == [f"u-0000{n}@example.com" for n in (0, 2, 3)]
    assert desk.progress(second).targeted == 3


def test_a_rule_finds_who_opened_a_letter_of_a_campaign_within_some_days(
    desk: Desk, viewers: Viewers, office: PostOffice, clock: StandingClock
) -> None:
    ids = viewers(4)
    first = desk.start()
    desk.finish()
    name = desk.runs(first)[0].run_id
    keys = [DeliveryKey(notification_of(name, user_id=one), "email") for one in ids]
    ledger = Stage.own().ledger
    engage(ledger, keys[0], Engagement.OPENED, at=clock() - timedelta(days=3))
    engage(ledger, keys[1], Engagement.CLICKED, at=clock() - timedelta(days=1))
    engage(ledger, keys[2], Engagement.MACHINE_OPENED)

    def reached(rule: dict[str, Any]) -> list[str]:
        office.letters.clear()
        desk.start(audience={"rule": rule})
        desk.finish()
        return sorted(office.addresses)

    within: dict[str, Any] = {"attribute": first, "op": "opened_campaign", "value": 2}
    assert reached(within) == [f"{ids[1]}@example.com"]
    assert reached({**within, "value": 5}) == [f"{one}@example.com" for one in ids[:2]]
    assert reached({"not": {**within, "value": 5}}) == [f"{one}@example.com" for one in ids[2:]]


def test_a_rule_about_a_campaign_that_is_not_there_is_refused(desk: Desk) -> None:
    gone = {"attribute": "nothing", "op": "opened_campaign", "value": 2}
    with pytest.raises(InvalidError) as refused:
        desk.start(audience={"rule": gone})
    assert [one.field for one in refused.value.errors] == ["audience.rule"]


def test_an_opt_out_holds_for_uploaded_lists(desk: Desk, viewers: Viewers, office: PostOffice) -> None:
    """Promise C1: of a user whose address is on the list, and of somebody who is no user."""
    [viewer] = viewers(1)
    Stage.own().preferences.put(viewer, Preferences(everything=False))
    Stage.own().address_opt_outs.unsubscribe("email", "guest@example.com", "marketing", by="a test")
    listed = desk.load_list(f"email\n{viewer.upper()}@example.com\nGuest@example.com\nother@example.com\n".encode())
    campaign_id = desk.start(audience={"list_id": listed})
    desk.finish()

    assert office.addresses == ["other@example.com"]
    assert desk.progress(campaign_id).skipped == {"opted_out_of_everything": 1, "suppressed_unsubscribed": 1}


def test_a_preview_promises_what_the_run_then_does(desk: Desk, viewers: Viewers, office: PostOffice) -> None:
    ids = viewers(12, lambda n: {"email": None} if n < 2 else {})
    Stage.own().suppressions.add("email", f"{ids[3]}@example.com", reason="bounce")
    Stage.own().preferences.put(ids[4], Preferences(everything=False))
    first = desk.start(audience={"rule": {"attribute": "id", "op": "in", "value": [ids[5], ids[6]]}})
    desk.finish()
    listed = desk.load_list("\n".join(["user_id", *ids, "u-unknown"]).encode())
    before = len(office.letters)
    draft = desk.spec(audience={"list_id": listed, "exclude_campaigns": [first]}, rate_per_second=49)
    head = Stage.own().campaign_commands.draft(draft, by=ANNA)

    counts = Stage.own().campaign_preview.look(head, draft).counts
    Stage.own().campaign_commands.start(head.id, by=ANNA)
    desk.finish()

    assert counts == {"recipients": 13, "excluded": 2, "unknown": 1, "no_address": 2, "opted_out": 1, "suppressed": 1,
                      "no_translation": 0, "final": 6}  # fmt: skip
    assert counts["recipients"] == sum(counts.values()) - counts["recipients"]
    progress = desk.progress(head.id)
    assert (progress.targeted, progress.sent) == (counts["recipients"] - counts["excluded"], counts["final"])
    assert len(office.letters) - before == counts["final"]
    assert progress.skipped == {
        "no_address": 2, "unknown_user": 1, "opted_out_of_everything": 1, "suppressed_bounce": 1
    }  # fmt: skip


def test_a_chunk_that_waits_twice_is_one(clock: StandingClock) -> None:
    held = Stage.own().held_chunks
    chunk = Chunk(channels=("email",), recipients=(EnrichRecipient(notification_id="n", user_id="u"),))

    held.put("run", PAUSED, [chunk])
    held.put("run", PAUSED, [chunk])

    def waiting() -> list[Any]:
        options: dict[str, Any] = {"now": clock(), "rest_released": False, "cancelled": False, "limit": 9}
        return [item for place in range(4) for item in held.due("run", place, **options)]

    assert len(waiting()) == 1
    held.remove(waiting())
    assert waiting() == []


def test_one_letter_goes_to_an_address_and_the_counts_stay_exact(
    desk: Desk, viewers: Viewers, office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise C6: users who share an address, in a campaign; the others are `skipped(duplicate)`, for good."""
    monkeypatch.setattr(pace, "MAX_SHARDS", 1)
    viewers(6, lambda n: {"email": ["Family@example.com", "family@example.com", "other@example.com"][n % 3]})
    campaign_id = desk.start()
    desk.finish()
    assert sorted(one.lower() for one in office.addresses) == ["family@example.com", "other@example.com"]
    progress = desk.progress(campaign_id)
    assert (progress.targeted, progress.sent, progress.skipped) == (6, 2, {"duplicate": 4})
    assert desk.runs(campaign_id)[0].outcome == "completed"


@pytest.mark.parametrize("shards", [1, 3])
def test_one_letter_goes_to_an_address_whatever_page_or_shard_its_users_stand_on(
    desk: Desk, viewers: Viewers, office: PostOffice, monkeypatch: pytest.MonkeyPatch, shards: int
) -> None:
    """Promise C6: no page, no shard and no chunk holds two of them, and the counts stay exact."""
    monkeypatch.setattr(pace, "MAX_SHARDS", shards)
    monkeypatch.setattr(pace, "USERS_A_SHARD", 1)
    monkeypatch.setattr(pace.Pace, "page_size", 2)
    monkeypatch.setattr(pace.Pace, "chunk_size", 1)
    viewers(9, lambda n: {"email": ["Family@example.com", "family@example.com", f"u-{n}@example.com"][n % 3]})
    campaign_id = desk.start()
    desk.finish()
    assert sorted(one.lower() for one in office.addresses) == [
        "family@example.com", "u-2@example.com", "u-5@example.com", "u-8@example.com"
    ]  # fmt: skip
    progress = desk.progress(campaign_id)
    assert (progress.targeted, progress.sent, progress.skipped) == (9, 4, {"duplicate": 5})
    assert desk.runs(campaign_id)[0].outcome == "completed"


def test_two_blocks_of_a_list_name_one_address(
    desk: Desk, viewers: Viewers, office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise C6: a user by id in one block, their address in another."""
    monkeypatch.setattr(list_loader, "BLOCK_ROWS", 1)
    viewers(1)
    campaign_id = desk.start(audience={"list_id": desk.load_list(b"user_id,email\nu-00000,\n,U-00000@example.com\n")})
    desk.finish()
    assert [one.lower() for one in office.addresses] == ["u-00000@example.com"]
    progress = desk.progress(campaign_id)
    assert (progress.targeted, progress.sent, progress.skipped) == (2, 1, {"duplicate": 1})


def test_a_list_names_each_addressee_once(desk: Desk, viewers: Viewers, office: PostOffice) -> None:
    """Promise C6: a row with the address in another spelling, and a user whose address is on the list too."""
    viewers(1)
    rows = "user_id,email\nu-00000,\n,U-00000@example.com\n,guest@почта.рф\n,Guest@xn--80a1acny.xn--p1ai\n"
    campaign_id = desk.start(audience={"list_id": desk.load_list(rows.encode())})
    desk.finish()
    assert sorted(one.lower() for one in office.addresses) == ["guest@xn--80a1acny.xn--p1ai", "u-00000@example.com"]
    progress = desk.progress(campaign_id)
    assert (progress.targeted, progress.sent, progress.skipped) == (3, 2, {"duplicate": 1})


def test_a_list_is_the_file_that_was_read_last_and_nothing_of_one_before(
    desk: Desk, office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise B2: whom an upload that failed named gets nothing of the one that took its place."""
    monkeypatch.setattr(list_loader, "BLOCK_ROWS", 2)
    store = Stage.own().lists
    list_id = store.add("Guests", by=ANNA).list_id
    wrong = b"email\n" + b"".join(b"wrong-%d@example.com\n" % n for n in range(9)) + b"x" * 2_000_000
    right = b"email\nright@example.com\n"
    states = [ListLoader(lists=store, uploads=OneFile(file)).load(list_id) for file in (wrong, right)]
    desk.start(audience={"list_id": list_id})
    desk.finish()

    assert states == ["failed", "ready"]
    assert office.addresses == ["right@example.com"]
    with pytest.raises(ConflictError):
        load_list(list_id, lists=store, queues=Stage.own().queues)
