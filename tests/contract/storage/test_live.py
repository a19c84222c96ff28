"""Connections, the people behind them, names of the chat, and tickets."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.errors import ConflictError, UnauthorizedError
from chalicelib.storage.chat_names import ChatNames
from chalicelib.storage.connections import MAX_CONNECTIONS, Connection, Connections
from chalicelib.storage.live_people import FIRST_SECONDS, LivePeople, Person, guest_person, user_person
from chalicelib.storage.tickets import TICKET_SECONDS, Tickets

ANNA, GUEST = user_person("anna"), guest_person("g-1")


class Clock:
    """The present, as long as the test wants it to be."""

    def __init__(self) -> None:
        self.at = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def people(clock: Clock) -> LivePeople:
    return LivePeople(clock=clock)


@pytest.fixture
def connections(people: LivePeople, clock: Clock) -> Connections:
    return Connections(people, clock=clock)


def entered(connections: Connections, people: LivePeople, person: str, connection_id: str = "c-1") -> Person:
    connections.open(Connection(connection_id, person, "https://gateway", "text"))
    return people.get(person)


def test_the_last_connection_takes_the_name_with_it(
    database: str, people: LivePeople, connections: Connections
) -> None:
    anna = entered(connections, people, ANNA)
    entered(connections, people, ANNA, "c-2")
    assert ChatNames().take(people.get(ANNA), "Анна", ["анна", "Анна", "АННА"])
    assert {one.connection_id for one in connections.of([ANNA])} == {"c-1", "c-2"}
    assert connections.close("c-1", ANNA) is False
    assert connections.close("c-2", ANNA) is True
    assert connections.close("c-2", ANNA) is False
    assert (people.get(ANNA).name, ChatNames().all(), connections.get("c-1")) == (None, [], None)
    assert anna.connections == {"c-1"}


def test_nobody_has_more_connections_than_are_allowed(
    database: str, people: LivePeople, connections: Connections
) -> None:
    for n in range(MAX_CONNECTIONS):
        entered(connections, people, ANNA, f"c-{n}")
    with pytest.raises(ConflictError):
        entered(connections, people, ANNA, "one-more")
    assert connections.get("one-more") is None


def test_what_a_connection_speaks_is_noted_while_it_is_there(
    database: str, people: LivePeople, connections: Connections
) -> None:
    entered(connections, people, ANNA)
    opened = connections.mark_open(connections.get("c-1") or Connection("", "", "", ""), format_="json", greeted=True)
    assert connections.get("c-1") == opened
    assert (opened.format, bool(opened.opened_at), bool(opened.greeted_at)) == ("json", True, True)
    connections.close("c-1", ANNA)
    connections.mark_open(opened, format_="text")
    assert connections.get("c-1") is None


def test_a_name_is_one_persons(database: str, people: LivePeople, connections: Connections) -> None:
    names, anna, guest = (
        ChatNames(),
        entered(connections, people, ANNA),
        entered(connections, people, GUEST, "g-1"),
    )
    assert names.take(anna, "Anna", ["anna", "Anna", "ANNA"])
    assert not names.take(guest, "anna", ["anna", "anna", "ANNA"])
    assert [one.person for one in names.holders(["other", "other", "ANNA"])] == [ANNA]
    assert not names.take(anna, "Stale", ["stale"])  # it was read before it had a name
    assert names.take(people.get(ANNA), "Ann", ["ann", "Ann", "ANN"])
    assert names.holders(["anna", "Anna", "ANNA"]) == []
    assert names.take_off(people.get(ANNA))
    assert (people.get(ANNA).name, names.all()) == (None, [])


def test_blocks_are_kept_up_to_a_bound(database: str, people: LivePeople) -> None:
    first = people.block(people.get(ANNA), "user#boris\nBoris", most=1)
    assert first is not None
    assert people.block(first, "user#cleo\nCleo", most=1) is None
    assert people.unblock(first, ["user#boris\nBoris"]).blocked == frozenset()


def test_of_two_frames_at_once_one_saves_its_limits(database: str, people: LivePeople) -> None:
    anna = people.get(ANNA)
    saved = people.save_limits(anna, {"text": "ж"})
    assert saved is not None
    assert people.save_limits(anna, {"text": "late"}) is None
    assert people.get(ANNA).limits == saved.limits == {"text": "ж"}


def test_a_bar_grows_and_is_never_shortened(database: str, people: LivePeople, clock: Clock) -> None:
    people.lengthen("bar#x")
    people.bar("bar#x", seconds=1)
    assert people.seconds_barred(["bar#x", "bar#y"]) == FIRST_SECONDS
    clock.at += timedelta(seconds=FIRST_SECONDS)
    assert people.seconds_barred(["bar#x"]) == 0
    people.lengthen("bar#x")
    assert people.seconds_barred(["bar#x"]) == 2 * FIRST_SECONDS


def test_a_ticket_opens_once_and_soon(database: str, clock: Clock) -> None:
    tickets = Tickets(clock=clock)
    first, late = tickets.issue("anna").ticket, tickets.issue("anna").ticket
    assert tickets.redeem(first) == "anna"
    clock.at += timedelta(seconds=TICKET_SECONDS)
    for ticket in (first, late, "wrong"):
        with pytest.raises(UnauthorizedError):
            tickets.redeem(ticket)
