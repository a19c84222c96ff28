"""While others' transactions are under way, what a repository does ends as if it were alone; or it is unavailable and,
repeated, ends so. (Among fewer transactions every repository is tried in `tests/contract/storage`.)"""

import ast
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.deliveries import Move, S, run_id
from chalicelib.errors import UnavailableError
from chalicelib.service_scope import EVERYTHING, Sight
from chalicelib.settings import settings
from chalicelib.states import CampaignState, Engagement, ListState, RunOutcome
from chalicelib.storage.campaign_results import note_results, read_months
from chalicelib.storage.campaign_shelf import CampaignShelf
from chalicelib.storage.campaigns import Campaigns
from chalicelib.storage.chat_names import ChatNames
from chalicelib.storage.configuration import TemplateVersions
from chalicelib.storage.connections import Connection, Connections
from chalicelib.storage.digest_queue import CollectedLetter, collected_of, fix_batch, forget_collected, put_collected
from chalicelib.storage.endpoints import Endpoints
from chalicelib.storage.enlisting import enlist_notifications
from chalicelib.storage.frequency_caps import FrequencyCaps
from chalicelib.storage.inbox import Inbox
from chalicelib.storage.ledger import Ledger
from chalicelib.storage.list_addresses import ListAddresses
from chalicelib.storage.list_index import ListIndex
from chalicelib.storage.live_people import LivePeople, user_person
from chalicelib.storage.new_links import Link
from chalicelib.storage.notifications import Notification
from chalicelib.storage.recipient_lists import RecipientList, RecipientLists
from chalicelib.storage.requests import StoredRequest, record_request, release_request
from chalicelib.storage.run_progress import read_counts
from chalicelib.storage.runs import PlannedRun, Run, Runs
from chalicelib.storage.shards import Shards, audience_shard
from chalicelib.storage.short_links import TRANSACTION_ITEMS, ShortLinks
from chalicelib.storage.sole_users import SoleUsers
from infra.paths import ROOT
from tests.integration.conftest import a_stage
from tests.integration.faults import again
from tests.ledgers import engage, heard, is_engaged, letters_of, state
from tests.twin.conflicts import conflicts
from tests.twin.process import of_the_stage

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
NAME = "2026-03-02T10:00:00Z"
ANNA = user_person("anna")
IDS = [f"{n:08x}-0000-4000-8000-000000000000" for n in range(30)]


def clock() -> datetime:
    return AT


def items(*things: str) -> list[Any]:
    """All that is in these tables."""
    tables = [of_the_stage().table(settings().resource(thing)) for thing in things]
    found = [[dict(entry.item) for entry in table.items.values()] for table in tables]
    for item in itertools.chain.from_iterable(found):
        item.pop("changed_at", None)  # real time
    return [sorted(rows, key=str) for rows in found]


def caps() -> object:
    store = FrequencyCaps(clock=clock)
    owners = {id_: ["anna", f"hash-{n}"] for n, id_ in enumerate(IDS[:5])}
    taken = again(store.take, "marketing", owners, letters=3, days=7)
    of_run = again(store.take_of_run, "c@1", {id_: f"hash-{n // 2}" for n, id_ in enumerate(IDS)})
    window = [again(store.take_in_window, "account", "hash", IDS[n], letters=2, minutes=5) for n in range(3)]
    again(store.erase, "hash-9")
    return taken, of_run, window, items("caps")


def campaigns() -> object:
    store, runs = Campaigns(clock=clock), Runs()
    head = again(store.add, {"name": "Promo"}, paces=(50, 100), by="anna", id_="c")
    head = again(store.edit, head, {"name": "New"}, paces=(1, 2), by="anna", changes={})
    changes: Any = {"due": True, "next_run_at": NAME}
    head = again(
        store.enter, head, CampaignState.SCHEDULED, only_from=[CampaignState.DRAFT], by="anna", changes=changes
    )
    run = Run("c", NAME, run_id=run_id("c", NAME), version=2, spec=head.spec, letter={"n": 1}, channels=["email"],
              shards=2, created_at=NAME)  # fmt: skip
    opened = again(runs.add, head, run)
    head = again(runs.note_open, head, run)
    again(store.plan_next, head, None)
    noted = again(runs.note, run, [[NAME, 1, 0, 0, 0]], {"sent": 1}, {})
    closed = again(runs.close, run, outcome=RunOutcome.COMPLETED, at=NAME, targeted=7, recount_at=NAME)
    again(runs.note_finished, store.get("c"), run, targeted=7)
    return opened, noted, closed, items("campaigns", "runs")


def results() -> object:
    store, runs = Campaigns(clock=clock), Runs()
    head = again(store.add, {"name": "Promo"}, paces=(50, 100), by="anna", id_="c", service="shop")
    run = Run("c", NAME, run_id=run_id("c", NAME), version=1, spec=head.spec, letter={"n": 1}, channels=["email"],
              shards=1, created_at=NAME)  # fmt: skip
    again(runs.add, head, run)
    for sent in (3, 7):
        known = runs.get("c", NAME)
        assert known is not None
        again(note_results, store.get("c"), known, {"sent": sent}, waits_for="canary", month="2026-03")
    return [again(read_months, ["2026-03"], sight=one) for one in (EVERYTHING, Sight("shop"))], items("counters")


def shelf() -> object:
    store, kept = Campaigns(clock=clock), CampaignShelf(clock=clock)
    for id_ in ("c", "d"):
        again(store.add, {"name": "Promo"}, paces=(50, 100), by="anna", id_=id_)
    again(kept.tag, store.get("c"), ["one"])
    again(kept.put_away, "c", only_from=[CampaignState.DRAFT])
    again(kept.bring_back, "c")
    again(kept.delete_draft, store.get("d"))
    again(kept.sweep, "d")
    return [{k: v for k, v in one.items() if k != "expires_at_epoch"} for one in items("campaigns")[0]]


def shards() -> object:
    store = Shards(clock=clock, retention_days=1)
    again(store.add, "c@1", audience=3)
    first = store.get("c@1", audience_shard(0))
    assert first is not None
    saved = again(store.save, first, {"cursor": "u-7"}, wait_seconds=1)
    again(store.end, "c@1", audience_shard(1))
    woken = again(store.wake, "c@1", audience_shard(1))
    return saved, woken, items("shards")


def live() -> object:
    people = LivePeople(clock=clock)
    connections, names = Connections(people, clock=clock), ChatNames()
    for n in range(3):
        again(connections.open, Connection(f"c-{n}", ANNA, "https://gateway", "text"))
    named = again(names.take, people.get(ANNA), "Anna", ["anna", "Anna", "ANNA"])
    renamed = again(names.take, people.get(ANNA), "Ann", ["ann", "Ann", "ANN"])
    again(people.block, people.get(ANNA), "boris", most=5)
    before = items("live-connections", "live-people", "live-names")
    off = again(names.take_off, people.get(ANNA))
    closed = [again(connections.close, f"c-{n}", ANNA) for n in range(3)]
    return named, renamed, before, off, closed, items("live-connections", "live-people", "live-names")


def inbox() -> object:
    store = Inbox(clock=clock, retention_days=1)
    for id_ in IDS[:6]:
        again(store.put, "anna", id_, {"title": id_})
    left = [again(store.read, "anna", some) for some in (IDS[:2], IDS[1:3])]
    state_ = again(store.recount, "anna")
    before = items("live-inbox")
    return left, state_, before, again(store.read_all, "anna"), items("live-inbox")


def templates() -> object:
    store = TemplateVersions(clock=clock)
    added = [again(store.add, "promo", n, {"n": n}, replaces=n - 1 or None, by="anna") for n in (1, 2, 3)]
    again(store.keep, "promo", "shipped-0123456789ab", {"n": 0})
    return added, items("templates")


def digests() -> object:
    for id_ in IDS[:8]:
        one = CollectedLetter("anna", id_, due_at=NAME, letter={}, context={}, channels=["email"], locale="en",
                              expires_at_epoch=4_000_000_000)  # fmt: skip
        again(put_collected, one)
    again(fix_batch, "anna", "b-1", {id_: {"sent": True} for id_ in IDS[:8]})
    fixed = collected_of("anna")
    again(forget_collected, "anna", IDS[:3])
    return fixed, items("digests")


def links() -> object:
    store = ShortLinks(clock=clock)
    made = [
        Link(
            f"code-{n}",
            "short",
            "anna" if n < 3 else None,
            None,
            "https://cinema.example/",
            IDS[0],
            "email",
            None,
            AT + timedelta(1),
        )
        for n in range(TRANSACTION_ITEMS + 1)
    ]
    again(store.write, made)
    again(store.visit, "code-0", bot=False)
    again(store.revoke, "code-1")
    again(store.erase_user, "anna")
    return items("links")


def lists() -> object:
    store, index = RecipientLists(clock=clock), ListIndex()
    again(store.add, "Guests", by="anna", id_="l")
    again(store.begin_loading, "l")
    for number in range(3):
        rows = [{"email": f"anna-{n}@example.com"} for n in range(number, number + 3)]
        again(store.put_block, "l", number, rows)
        for row in rows:
            index.add(row["email"], number)
    again(store.put_index, "l", index, rows=9)
    again(store.finish_loading, RecipientList("l", "Guests", ListState.READY, row_count=9), blocks=3)
    again(ListAddresses().forget, "anna-2@example.com")
    kept = [store.block("l", number) for number in range(3)], store.get("l")
    again(store.close, store.get("l"))
    again(store.delete, "l")
    return kept, items("lists")


def endpoints() -> object:
    store = Endpoints(clock=clock)
    for n in range(4):
        again(store.add, "anna", "webhook", target=f"https://x.example/{n}", shown="x", name=None)
    first, second, *_ = store.of("anna")
    again(store.switch, "webhook", "anna", first.id, on=False)
    again(store.forget, "webhook", "anna", second.id)
    return [one.model_dump(exclude={"id"}) for one in store.of("anna")]


def requests() -> object:
    one = StoredRequest(id=IDS[0], created_at=NAME, caller="k", body_hash="h", letter={}, channels=["email"],
                        recipients=[], send_at=None, due_at=NAME, expires_at_epoch=4_000_000_000)  # fmt: skip
    first, second = again(record_request, one), again(record_request, one)
    again(release_request, one.id)
    return first, second, items("ledger")


def sole() -> object:
    store = SoleUsers(clock=clock)
    again(store.come, [("hash-1", "anna"), ("hash-2", "ben")])
    again(store.come, [("hash-1", "carl"), ("hash-3", "dora")])
    again(store.leave, [("hash-2", "ben")])
    again(store.forget, "hash-3", "dora")
    return items("caps")


def enlisting() -> object:
    run = run_id("c", NAME)
    alike = Notification("", NAME, None, "promo", 1, "marketing", "bulk", ["email"], {}, run_id=run, expires_at_epoch=1)
    first = [(id_, {"user_id": id_}, id_) for id_ in IDS[:20]]
    cut_anew = [(id_, {"user_id": id_}, id_) for id_ in IDS[10:]]
    return again(enlist_notifications, alike, first), again(enlist_notifications, alike, cut_anew), items("ledger")


def ledger() -> object:
    store, run = Ledger(clock=clock, retention_days=90), run_id("c", NAME)
    keys = letters_of(run, ids=IDS)
    ends = [S.SENT, S.SENT, S.FAILED]
    again(store.move, [Move(key, S.SKIPPED, "opted_out") for key in keys[:3]])
    claims = [Move(key, S.CALLING, owner="w", lease_until=AT, attempt=1) for key in keys]
    refused = again(store.move, claims)
    records = [Move(key, ends[n % 3], owner="w", provider_id=f"m-{n}") for n, key in enumerate(keys[3:])]
    again(store.move, records)
    told = [key for n, key in enumerate(keys[3:]) if n % 3 == 0]
    for key in [*told, *told]:
        again(heard, store, key, S.DELIVERED, told_at=NAME)
    for key in told[:4]:
        again(engage, store, key, Engagement.OPENED)
    planned = PlannedRun.of(Run("c", NAME, run_id=run, version=1, spec={}, letter={}, channels=["email"], shards=1,
                                created_at=NAME))  # fmt: skip
    states = [(state(key), is_engaged(key)) for key in keys]
    return sorted(refused), states, read_counts([planned])


SCENARIOS: dict[str, Callable[[], object]] = {
    one.__name__: one
    for one in (
        caps,
        campaigns,
        results,
        shelf,
        shards,
        live,
        inbox,
        templates,
        digests,
        links,
        lists,
        endpoints,
        requests,
        sole,
        enlisting,
        ledger,
    )
}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", SCENARIOS)
def test_among_others_transactions_everything_ends_as_if_alone(
    monkeypatch: pytest.MonkeyPatch, name: str, seed: int
) -> None:
    with a_stage(monkeypatch):
        alone = SCENARIOS[name]()
    with a_stage(monkeypatch), conflicts(seed=(name, seed), share=0.7) as met:
        among_others = SCENARIOS[name]()

    assert among_others == alone
    assert met.told


def test_a_transaction_that_does_not_end_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    templates, shards = TemplateVersions(clock=clock), Shards(clock=clock, retention_days=1)
    with a_stage(monkeypatch), conflicts(seed="endless", share=1) as met:
        with pytest.raises(UnavailableError):
            templates.add("promo", 1, {}, replaces=None, by="anna")
        with pytest.raises(UnavailableError):
            shards.add("c@1", audience=1)

    assert met.told.keys() == {"TransactWriteItems", "PutItem"}


def test_every_repository_with_transactions_is_tried() -> None:
    here = {
        node.module
        for node in ast.walk(ast.parse(Path(__file__).read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module
    }
    writers = {"transaction", "TransactWrite", "insert_each"}
    using = {
        f"chalicelib.storage.{path.stem}"
        for path in (ROOT / "chalicelib" / "storage").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and writers & {one.name for one in node.names}
    }
    assert using - here == {"chalicelib.storage.dynamodb"}
