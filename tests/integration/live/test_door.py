"""Who may come in: tickets, origins, guests; and who must leave."""

import json
from datetime import datetime, timedelta

import pytest

from chalicelib.api.live import issue_ticket
from chalicelib.clock import now
from chalicelib.errors import UnauthorizedError
from chalicelib.live.flood_control import LimitRules
from chalicelib.stage.app import Stage
from chalicelib.storage.connections import MAX_CONNECTIONS
from chalicelib.storage.rows.live import ConnectionRow, TicketRow
from chalicelib.storage.tickets import TICKET_SECONDS, Tickets
from tests.integration.live.conftest import Come, Gateway, flood
from tests.processes import compose


@pytest.fixture
def no_guests(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VESTNIK_LIVE_DEMO", "false")
    compose()


def test_a_ticket_opens_once(gateway: Gateway) -> None:
    ticket = issue_ticket("anna")["ticket"]
    assert gateway.connect("a", ticket=ticket) == 200
    assert gateway.connect("b", ticket=ticket) == 401


def test_of_two_who_come_with_one_ticket_at_once_one_gets_in(gateway: Gateway) -> None:
    """The clock is asked between the reading of the ticket and its removal: there the other one is quicker."""
    ticket = issue_ticket("anna")["ticket"]
    quicker: list[str] = []

    def clock() -> datetime:
        quicker.append(Stage.own().tickets.redeem(ticket))
        return now()

    with pytest.raises(UnauthorizedError):
        Tickets(clock=clock).redeem(ticket)
    assert quicker == ["anna"]


def test_a_wrong_ticket_is_refused_even_where_guests_may_chat(gateway: Gateway) -> None:
    assert gateway.connect("a", ticket="wrong") == 401


def test_an_expired_ticket_is_refused(gateway: Gateway) -> None:
    earlier = Tickets(clock=lambda: now() - timedelta(seconds=TICKET_SECONDS))
    assert gateway.connect("a", ticket=earlier.issue("anna").ticket) == 401


def test_a_ticket_is_kept_only_as_a_hash(gateway: Gateway) -> None:
    ticket = issue_ticket("anna")["ticket"]
    [row] = TicketRow.scan()
    assert ticket not in json.dumps({name: str(value) for name, value in row.attribute_values.items()})


def test_the_url_of_a_ticket_is_whole(gateway: Gateway) -> None:
    answer = issue_ticket("anna")
    assert answer["url"] == f"wss://live.cinema.example?ticket={answer['ticket']}"


@pytest.mark.parametrize("origin", ["https://cinema.example", "https://notify.cinema.example", None])
def test_the_sites_own_pages_and_other_programs_may_come(gateway: Gateway, origin: str | None) -> None:
    assert gateway.connect("a", origin=origin) == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://cinema.example.evil.example", "http://cinema.example", "null"]
)
def test_a_foreign_page_is_refused_whatever_ticket_it_has(gateway: Gateway, origin: str) -> None:
    ticket = issue_ticket("anna")["ticket"]
    assert gateway.connect("a", origin=origin, ticket=ticket) == 403
    assert gateway.connect("b", ticket=ticket) == 200


def test_without_a_ticket_nobody_comes_in_where_guests_may_not(gateway: Gateway, no_guests: None) -> None:
    assert gateway.connect("a") == 401


def test_a_person_has_a_bounded_number_of_connections(gateway: Gateway) -> None:
    tickets = [issue_ticket("anna")["ticket"] for _ in range(MAX_CONNECTIONS + 1)]
    statuses = [gateway.connect(f"c{n}", ticket=ticket) for n, ticket in enumerate(tickets)]
    assert statuses == [200] * MAX_CONNECTIONS + [429]


@pytest.mark.parametrize("known", [True, False])
def test_connections_that_ended_unnoticed_keep_nobody_out(gateway: Gateway, come: Come, known: bool) -> None:
    for n in range(MAX_CONNECTIONS):
        come("anna", connection=f"c{n}")
        gateway.lose(f"c{n}")
        if not known:
            ConnectionRow(f"c{n}").delete()  # as DynamoDB's TTL does
    assert gateway.connect("new", ticket=issue_ticket("anna")["ticket"]) == 200
    assert Stage.own().live_people.get("user#anna").connections == {"new"}


def test_a_connections_record_expires_by_itself(gateway: Gateway) -> None:
    gateway.connect("a")
    row = ConnectionRow.get("a")
    assert 2 * 3600 < row.expires_at_epoch - now().timestamp() < 3 * 3600


def test_a_connection_whose_record_has_expired_leaves_the_list(gateway: Gateway, come: Come) -> None:
    anna, boris = come("anna", name="Анна"), come("boris", name="Борис")
    ConnectionRow(boris).delete()  # as DynamoDB's TTL does
    assert gateway.send(anna, "?") == ["Здесь: Анна"]


def test_a_client_that_we_know_nothing_of_is_told_to_come_again(gateway: Gateway) -> None:
    gateway.connect("a")
    ConnectionRow("a").delete()
    gateway.send("a", "?")
    assert "a" not in gateway.frames


def test_the_first_words_in_json_tell_who_one_is_and_the_state_of_the_inbox(gateway: Gateway, come: Come) -> None:
    anna = come("anna", format="json")
    hello, ask = (json.loads(frame) for frame in gateway.frames[anna])
    assert hello == {"event": "hello", "user_id": "anna", "name": None, "inbox": {"cursor": "0", "unread": 0}}
    assert ask["message"] == {"ru": "Представьтесь!", "en": "Introduce yourself!"}


def test_a_client_that_left_before_the_greeting_is_forgotten(gateway: Gateway) -> None:
    gateway._pump.run = lambda *_: []  # type: ignore[method-assign]
    gateway.connect("a")
    gateway.lose("a")
    greet = Stage.own().greet
    greet.sleep = lambda _: None
    for attempt in range(1, 6):
        greet.work(f'{{"kind": "greet", "connection_id": "a", "attempt": {attempt}}}')
    assert Stage.own().connections.get("a") is None


def test_a_greeting_that_comes_twice_is_said_once(gateway: Gateway) -> None:
    gateway.connect("a")
    Stage.own().greet.work('{"kind": "greet", "connection_id": "a"}')
    assert gateway.frames["a"] == ["Представьтесь!"]


def test_a_flood_is_warned_muted_and_disconnected(gateway: Gateway, come: Come) -> None:
    boris = come("boris", name="Борис")
    flooder = come("spam", name="Хам")
    seen = flood(gateway, flooder, "Борис")
    heard = [frame for frame in gateway.frames[boris] if "слона" in frame]
    assert len(heard) <= LimitRules().connection.burst + 5
    assert any(frame.startswith("Слишком часто") for frame in seen)
    assert any(frame.startswith("Вы молчите ещё") for frame in seen)
