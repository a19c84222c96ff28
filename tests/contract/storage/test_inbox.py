"""An inbox: dense cursors, one entry a notification, and an exact count of the unread."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.storage.inbox import Inbox, InboxState

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox(clock=lambda: AT, retention_days=1)


def test_an_entry_is_put_once_and_read_once(database: str, inbox: Inbox) -> None:
    put = [inbox.put("anna", one, {"title": "Серия"}) for one in ("n-1", "n-2", "n-1")]
    assert [(entry["cursor"], unread) for entry, unread in put] == [("1", 1), ("2", 2), ("1", 2)]
    assert [inbox.read("anna", ["n-1", "n-9"]), inbox.read("anna", ["n-1"])] == [1, 1]
    assert [(one["id"], one["read"]) for one in inbox.after("anna", 0, limit=9).entries] == [
        ("n-1", True),
        ("n-2", False),
    ]
    assert inbox.read_all("anna") == 0
    assert inbox.head("anna") == InboxState(last=2, read_through=2, unread=0)
    inbox.erase("anna")
    assert inbox.head("anna") == InboxState()


def test_pages_go_both_ways(database: str, inbox: Inbox) -> None:
    for n in range(5):
        inbox.put("anna", f"n-{n}", {})
    newest = inbox.page("anna", before=None, limit=2)
    assert ([one["id"] for one in newest.entries], newest.following) == (["n-4", "n-3"], 4)
    older = inbox.page("anna", before=newest.following, limit=9)
    assert ([one["id"] for one in older.entries], older.following) == (["n-2", "n-1", "n-0"], None)
    missed = inbox.after("anna", 1, limit=2)
    assert ([one["id"] for one in missed.entries], missed.following) == (["n-1", "n-2"], 3)


def test_entries_whose_time_is_over_count_no_more(database: str, inbox: Inbox) -> None:
    inbox.put("anna", "n-1", {})
    later = Inbox(clock=lambda: AT + timedelta(days=2), retention_days=1)
    later.put("anna", "n-2", {})
    assert later.recount("anna").unread == 1
    assert [one["id"] for one in later.after("anna", 0, limit=9).entries] == ["n-2"]
