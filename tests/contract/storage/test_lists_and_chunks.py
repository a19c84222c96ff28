"""Uploaded lists, and chunks that wait."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.deliveries import time_name
from chalicelib.errors import NotFoundError
from chalicelib.schemas import StrictModel
from chalicelib.states import ListState
from chalicelib.storage.held_chunks import AT, PAUSED, REST, HeldChunks, HeldItem
from chalicelib.storage.list_addresses import ListAddresses
from chalicelib.storage.list_index import ListIndex
from chalicelib.storage.recipient_lists import RecipientList, RecipientLists

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
ROWS = [[{"email": "anna@example.com"}, {"email": "boris@example.com"}], [{"email": "ANNA@example.com"}]]


class Piece(StrictModel):
    n: int


@pytest.fixture
def lists() -> RecipientLists:
    return RecipientLists(clock=lambda: NOW)


def loaded(lists: RecipientLists) -> RecipientList:
    made, index = lists.add("Guests", by="anna"), ListIndex()
    assert lists.begin_loading(made.list_id) is not None
    for number, rows in enumerate(ROWS):
        lists.put_block(made.list_id, number, rows)
        for row in rows:
            index.add(row["email"], number)
    lists.put_index(made.list_id, index, rows=3)
    bad = [{"line": 4, "message": "bad"}]
    read = RecipientList(made.list_id, "Guests", ListState.READY, row_count=3, bad_lines=bad)
    lists.finish_loading(read, blocks=2)
    return lists.get(made.list_id)


def test_a_list_is_loaded_once_and_shows_what_came_of_it(database: str, lists: RecipientLists) -> None:
    found = loaded(lists)
    assert (found.state, found.row_count, list(found.bad_lines)) == ("ready", 3, [{"line": 4, "message": "bad"}])
    assert lists.begin_loading(found.list_id) is None
    assert [lists.block(found.list_id, n) for n in range(3)] == [*ROWS, None]
    assert [one.list_id for one in lists.page(limit=9, cursor=None)[0]] == [found.list_id]


def test_an_address_is_found_and_erased_in_whatever_spelling(database: str, lists: RecipientLists) -> None:
    found = loaded(lists)
    assert len(ListAddresses().rows_of("Anna@Example.com")) == 2
    ListAddresses().forget("anna@example.com")
    assert ListAddresses().rows_of("anna@example.com") == []
    assert [lists.block(found.list_id, n) for n in range(2)] == [[{"email": "boris@example.com"}], []]


def test_a_list_that_is_closed_is_there_only_for_who_deletes_it(database: str, lists: RecipientLists) -> None:
    seen = lists.add("Guests", by="anna")
    found = lists.begin_loading(seen.list_id)
    assert found is not None
    assert not lists.close(seen)
    assert lists.close(found)
    with pytest.raises(NotFoundError):
        lists.get(found.list_id)
    assert lists.find(found.list_id) is not None
    lists.delete(found.list_id)
    assert lists.find(found.list_id) is None


def test_chunks_come_back_when_their_time_has_come(database: str) -> None:
    held = HeldChunks(clock=lambda: NOW, retention_days=1)

    def items(**how: Any) -> list[HeldItem]:
        options = {"now": NOW, "rest_released": False, "cancelled": False, "limit": 9, **how}
        return [item for place in range(4) for item in held.due("run", place, **options)]

    def due(**how: Any) -> list[str]:
        return sorted(item.stored or "" for item in items(**how))

    later = time_name(NOW + timedelta(hours=1))
    for n, slot in enumerate((PAUSED, REST, f"{AT}{time_name(NOW)}#", f"{AT}{later}#")):
        for _ in range(2):
            held.put("run", slot, [Piece(n=n)])
    pieces = [f'{{"n":{n}}}' for n in range(4)]
    assert due() == [pieces[0], pieces[2]]
    assert due(rest_released=True) == pieces[:3]
    assert due(now=NOW + timedelta(hours=1)) == [pieces[0], *pieces[2:]]
    assert due(cancelled=True) == pieces
    held.remove(
        item for n in range(4) for item in held.due("run", n, now=NOW, rest_released=True, cancelled=True, limit=9)
    )
    assert due(cancelled=True) == []
