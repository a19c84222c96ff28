"""The inbox: one entry a notification, in order, read or not, and exactly what was missed after a reconnect."""

import json
from datetime import datetime, timedelta

from chalicelib.channels.live import LiveChannel, Notice
from chalicelib.clock import now
from chalicelib.live.server_events import MAX_FRAME_BYTES
from chalicelib.stage.app import Stage
from chalicelib.storage.dynamodb import dynamodb
from chalicelib.storage.inbox import Inbox
from chalicelib.storage.rows.live import ConnectionRow, InboxRow
from tests.integration.live.conftest import Come, Gateway
from tests.integration.pipeline.test_containment import raw_put


def announce(user_id: str, *ids: str, title: str = "Новая серия", body: str = "") -> None:
    notices = [Notice(one, user_id, {"title": title, "body": body, "url": ""}) for one in ids]
    assert all(Stage.own().announce.announce([notice])[0] for notice in notices)


def test_a_notification_reaches_every_open_connection_of_its_user_alone(gateway: Gateway, come: Come) -> None:
    first, second, other = come("anna", connection="a1"), come("anna", connection="a2"), come("boris")
    announce("anna", "n-1")
    seen = [json.loads(gateway.frames[c][-1]) for c in (first, second)]
    assert [(s["event"], s["id"], s["cursor"], s["unread"]) for s in seen] == [("notification", "n-1", "1", 1)] * 2
    assert gateway.frames[other] == ["Представьтесь!"]


def test_a_failing_connection_fails_nothing_and_stays(gateway: Gateway, come: Come) -> None:
    bad, good = come("anna", connection="a1"), come("anna", connection="a2")
    gateway.failing.add(bad)
    announce("anna", "n-1")
    assert json.loads(gateway.frames[good][-1])["id"] == "n-1"
    assert Stage.own().connections.get(bad) is not None


def test_a_connection_that_is_gone_is_removed_at_the_first_post(gateway: Gateway, come: Come) -> None:
    lost = come("anna")
    gateway.lose(lost)
    announce("anna", "n-1")
    assert Stage.own().connections.get(lost) is None
    assert not Stage.own().live_people.get("user#anna").connections


def test_the_same_notification_is_one_entry_however_often_it_is_sent(gateway: Gateway) -> None:
    announce("anna", "n-1", "n-1", "n-2", "n-1")
    page = Stage.own().inbox.page("anna", before=None, limit=10)
    assert [entry["id"] for entry in page.entries] == ["n-2", "n-1"]
    assert page.head.unread == 2


def test_a_notification_that_comes_between_gets_the_cursor_and_the_other_the_next(gateway: Gateway) -> None:
    """The clock is asked between the reading of the head and the write: there another worker is quicker."""
    announce("anna", "n-1")
    rivals = ["n-2", "n-3"]

    def clock() -> datetime:
        if rivals:
            Stage.own().inbox.put("anna", rivals.pop(0), {})
        return now()

    entry, unread = Inbox(clock=clock, retention_days=1).put("anna", "n-4", {})
    assert (entry["cursor"], unread) == ("4", 4)
    page = Stage.own().inbox.after("anna", 0, limit=50)
    assert [(e["cursor"], e["id"]) for e in page.entries] == [("1", "n-1"), ("2", "n-2"), ("3", "n-3"), ("4", "n-4")]


def test_after_a_reconnect_a_client_gets_exactly_what_it_missed_in_order(gateway: Gateway, come: Come) -> None:
    anna = come("anna", format="json")
    announce("anna", "n-1", "n-2")
    seen = json.loads(gateway.frames[anna][-1])["cursor"]
    gateway.close(anna)
    announce("anna", "n-3", "n-4", "n-5")
    anna = come("anna", format="json")
    answer = gateway.ask(anna, {"action": "resume", "cursor": seen})
    assert [entry["id"] for entry in answer["entries"]] == ["n-3", "n-4", "n-5"]
    assert (answer["cursor"], answer["more"], answer["unread"]) == ("5", False, 5)
    assert gateway.ask(anna, {"action": "resume", "cursor": "5"})["entries"] == []


def test_what_was_missed_comes_in_frames_that_the_gateway_takes(gateway: Gateway, come: Come) -> None:
    announce("anna", *(f"n-{n}" for n in range(60)), body="я" * 2000)
    anna = come("anna", format="json")
    cursor, seen, frames = "0", [], 0
    while True:
        raw = gateway.send(anna, {"action": "resume", "cursor": cursor})[-1]
        assert len(raw.encode()) <= MAX_FRAME_BYTES
        answer = json.loads(raw)
        seen += [entry["id"] for entry in answer["entries"]]
        cursor, frames = answer["cursor"], frames + 1
        if not answer["more"]:
            break
    assert seen == [f"n-{n}" for n in range(60)]
    assert frames > 1


def test_a_list_is_paged_newest_first(gateway: Gateway, come: Come) -> None:
    announce("anna", *(f"n-{n}" for n in range(5)))
    anna = come("anna")
    first = gateway.ask(anna, {"action": "inbox.list", "limit": 3})
    second = gateway.ask(anna, {"action": "inbox.list", "limit": 3, "cursor": first["cursor"]})
    assert [e["id"] for e in first["entries"] + second["entries"]] == ["n-4", "n-3", "n-2", "n-1", "n-0"]
    assert second["cursor"] is None


def test_reading_tells_every_screen_of_the_user_the_count(gateway: Gateway, come: Come) -> None:
    announce("anna", "n-1", "n-2", "n-3")
    first, second = come("anna", connection="a1"), come("anna", connection="a2")
    gateway.send(first, {"action": "inbox.read", "ids": ["n-2", "n-2", "unknown"]})
    assert gateway.frames[first][-1] == gateway.frames[second][-1] == '{"event":"inbox.unread","unread":2}'
    gateway.send(first, {"action": "inbox.read", "ids": ["n-2"]})
    assert gateway.frames[second][-1] == '{"event":"inbox.unread","unread":2}'
    gateway.send(second, {"action": "inbox.read_all"})
    assert gateway.frames[first][-1] == '{"event":"inbox.unread","unread":0}'
    shown = gateway.ask(first, {"action": "inbox.list"})
    assert [entry["read"] for entry in shown["entries"]] == [True, True, True]


def test_what_comes_after_all_was_read_is_unread(gateway: Gateway) -> None:
    announce("anna", "n-1")
    assert Stage.own().inbox.read_all("anna") == 0
    announce("anna", "n-2")
    assert Stage.own().inbox.read("anna", ["n-1"]) == 1
    assert Stage.own().inbox.read("anna", ["n-2"]) == 0


def test_entries_whose_time_is_over_are_neither_shown_nor_counted(gateway: Gateway) -> None:
    announce("anna", "n-1", "n-2")
    later = Inbox(clock=lambda: now() + timedelta(days=91), retention_days=90)
    assert later.page("anna", before=None, limit=10).entries == []
    assert later.recount("anna").unread == 0


def test_a_guest_has_no_inbox(gateway: Gateway) -> None:
    gateway.connect("g")
    gateway.send("g", "Гость")
    assert "Ожидается соединение с билетом" in gateway.send("g", {"action": "inbox.list"})[-1]


def test_a_notification_sent_while_the_client_stands_at_the_door_is_not_lost(gateway: Gateway, come: Come) -> None:
    anna = come("anna", format="json")
    ConnectionRow(anna).update(actions=[ConnectionRow.opened_at.remove()])
    announce("anna", "n-1")
    assert not any("n-1" in frame for frame in gateway.frames[anna])
    answer = gateway.ask(anna, {"action": "resume", "cursor": "0"})
    assert [entry["id"] for entry in answer["entries"]] == ["n-1"]


def test_an_entry_always_fits_into_a_frame(gateway: Gateway, come: Come) -> None:
    from chalicelib.channels.port import Message

    anna = come("anna")
    long = {"title": "\U0001f600" * 9000, "body": "\U0001f600" * 9000, "url": "https://" + "я" * 9000}
    message = Message(delivery_id="n-1_live", address="anna", parts=long, tags={"template": "t", "category": "c"})
    [outcome] = LiveChannel(Stage.own().announce).send([message])
    assert outcome.provider_id == "inbox-1"
    assert len(gateway.frames[anna][-1].encode()) <= MAX_FRAME_BYTES


def test_a_russian_entry_takes_the_bytes_of_its_letters_and_an_entry_of_before_is_read(gateway: Gateway) -> None:
    announce("anna", "n-1", title="Новая серия", body="б" * 300)
    entry = {"user_id": {"S": "anna"}, "part": {"S": f"entry#{1:015}"}}
    stored = dynamodb().dispatch("GetItem", {"TableName": InboxRow._get_connection().table_name, "Key": entry})["Item"]
    assert len(stored["content"]["S"].encode()) < 750

    stored["content"]["S"] = json.dumps(json.loads(stored["content"]["S"]))  # ASCII, as it was written before
    raw_put(InboxRow, stored)
    [shown] = Stage.own().inbox.page("anna", before=None, limit=1).entries
    assert (shown["title"], shown["body"]) == ("Новая серия", "б" * 300)
