"""The chat of the lesson, frame by frame."""

import json
from typing import Any

import pytest

from chalicelib.api.live import issue_ticket
from chalicelib.live.presence import MAX_SHOWN
from chalicelib.live.server_events import MAX_FRAME_BYTES, bye, present
from chalicelib.stage.app import Stage
from tests.integration.live.conftest import Come, Gateway
from tests.integration.live.test_inbox import announce

MALFORMED: dict[str, str] = {
    "no_colon": "привет",
    "empty_addressee": ": привет",
    "empty_text": "Борис:   ",
    "not_utf8": "Борис: \ufffd\ufffd",
    "too_large": "Борис: " + "x" * 40_000,
    "long_text": "Борис: " + "я" * 2001,
    "bad_characters": "Борис: \x1b[2J",
    "broken_json": '{"action": "chat.send"',
    "unknown_action": '{"action": "fly"}',
    "bad_field": '{"action": "chat.send", "to": "Борис"}',
    "unknown_addressee": "Никто: привет",
}


def test_whoever_comes_is_asked_for_a_name_without_typing(gateway: Gateway) -> None:
    assert gateway.connect("a") == 200
    assert gateway.frames["a"] == ["Представьтесь!"]


def test_nothing_is_posted_before_the_gateway_has_let_the_client_in(gateway: Gateway) -> None:
    posted: list[str] = []
    gateway.post_to_connection = lambda **call: posted.append(call["ConnectionId"])  # type: ignore[method-assign]
    gateway._pump.run = lambda *_: []  # type: ignore[method-assign]
    gateway.connect("a")
    assert posted == []


def test_a_name_is_taken_and_confirmed(gateway: Gateway) -> None:
    gateway.connect("a")
    assert gateway.send("a", "  Анна ") == ["Здравствуйте, Анна!"]


@pytest.mark.parametrize("name", ["", "   ", "?", "a:b", "{x", "x" * 33, "block", "a\x00b", "\ufffd"])
def test_a_name_that_cannot_be_is_asked_for_again(gateway: Gateway, name: str) -> None:
    gateway.connect("a")
    [answer] = gateway.send("a", name)
    assert answer.endswith(("Представьтесь!", "Ожидается текст в UTF-8.", '{"action": …}.'))
    assert gateway.send("a", "Анна") == ["Здравствуйте, Анна!"]


@pytest.mark.parametrize("same", ["Анна", "АННА", " анна "])
def test_a_taken_name_is_asked_for_again(gateway: Gateway, same: str) -> None:
    gateway.connect("a")
    gateway.connect("b")
    gateway.send("a", "Анна")
    [answer] = gateway.send("b", same)
    assert "занято" in answer
    assert answer.endswith("Представьтесь!")
    assert gateway.send("b", "Борис") == ["Здравствуйте, Борис!"]


def test_a_question_mark_lists_those_present(gateway: Gateway) -> None:
    for connection_id, name in (("a", "Борис"), ("b", "Анна")):
        gateway.connect(connection_id)
        gateway.send(connection_id, name)
    gateway.connect("unnamed")
    assert gateway.send("a", "?") == ["Здесь: Анна, Борис"]


def test_a_message_goes_to_the_one_person(gateway: Gateway) -> None:
    for connection_id, name in (("a", "Анна"), ("b", "Борис"), ("c", "Вера")):
        gateway.connect(connection_id)
        gateway.send(connection_id, name)
    gateway.send("a", "борис: привет: как дела?")
    assert gateway.frames["b"][-1] == "Сообщение от Анна (гость): привет: как дела?"
    assert "привет" not in gateway.frames["a"][-1]
    assert "привет" not in gateway.frames["c"][-1]


def test_a_text_cannot_forge_a_second_message(gateway: Gateway) -> None:
    for connection_id, name in (("a", "Анна"), ("b", "Борис")):
        gateway.connect(connection_id)
        gateway.send(connection_id, name)
    gateway.send("a", "Борис: да\nСообщение от Вера: нет")
    assert gateway.frames["b"][-1] == "Сообщение от Анна (гость): да Сообщение от Вера: нет"


@pytest.mark.parametrize("code", MALFORMED)
def test_a_malformed_message_is_answered_with_what_is_expected_and_the_connection_goes_on(
    gateway: Gateway, code: str
) -> None:
    gateway.connect("a", format="json")
    gateway.ask("a", {"action": "chat.name", "name": "Анна"})
    warning = json.loads(gateway.send("a", MALFORMED[code])[-1])
    assert (warning["event"], warning["code"]) == ("warning", code)
    assert "xpected" in warning["message"]["en"] or "?" in warning["message"]["en"]
    assert gateway.send("a", "?") == ['{"event":"chat.present","names":["Анна"],"guests":["Анна"],"total":1}']


def test_a_closed_connection_leaves_the_list_at_once(gateway: Gateway) -> None:
    for connection_id, name in (("a", "Анна"), ("b", "Борис")):
        gateway.connect(connection_id)
        gateway.send(connection_id, name)
    gateway.close("b")
    assert gateway.send("a", "?") == ["Здесь: Анна"]


def test_a_lost_connection_leaves_the_list_when_it_is_read(gateway: Gateway) -> None:
    for connection_id, name in (("a", "Анна"), ("b", "Борис")):
        gateway.connect(connection_id)
        gateway.send(connection_id, name)
    gateway.lose("b")
    assert gateway.send("a", "?") == ["Здесь: Анна"]


def test_a_message_to_a_lost_connection_says_that_nobody_is_there(gateway: Gateway) -> None:
    for connection_id, name in (("a", "Анна"), ("b", "Борис")):
        gateway.connect(connection_id)
        gateway.send(connection_id, name)
    gateway.lose("b")
    [answer] = gateway.send("a", "Борис: где ты?")
    assert answer.startswith("Здесь нет никого с именем Борис")
    assert Stage.own().connections.get("b") is None


def test_the_name_of_a_lost_connection_can_be_taken(gateway: Gateway) -> None:
    gateway.connect("a")
    gateway.send("a", "Анна")
    gateway.lose("a")
    gateway.connect("b")
    assert gateway.send("b", "Анна") == ["Здравствуйте, Анна!"]


def test_many_connections_of_one_person_are_one_name(gateway: Gateway, come: Come) -> None:
    come("anna", connection="a1", name="Анна")
    come("anna", connection="a2")
    come("boris", connection="b", name="Борис")
    assert gateway.frames["a2"] == ["Здравствуйте, Анна!"]
    assert gateway.send("b", "?") == ["Здесь: Анна, Борис"]
    gateway.send("b", "Анна: привет")
    assert gateway.frames["a1"][-1] == gateway.frames["a2"][-1] == "Сообщение от Борис: привет"
    gateway.close("a1")
    assert gateway.send("b", "?") == ["Здесь: Анна, Борис"]
    gateway.close("a2")
    assert gateway.send("b", "?") == ["Здесь: Борис"]


def test_a_blocked_person_is_not_heard_and_not_told(gateway: Gateway, come: Come) -> None:
    anna, boris = come("anna", name="Анна", format="json"), come("boris", name="Борис", format="json")
    assert gateway.send(anna, "block Борис") == ['{"event":"chat.blocked","names":["Борис"]}']
    heard = gateway.send(boris, "Анна: ау")
    assert heard == ['{"event":"chat.sent","to":"Анна"}']
    assert not any("ау" in frame for frame in gateway.frames[anna])
    gateway.send(anna, "unblock борис")
    assert gateway.send(boris, "Анна: ау!") == heard
    assert json.loads(gateway.frames[anna][-1])["text"] == "ау!"


def test_a_block_holds_for_the_user_under_another_name_and_after_reconnecting(gateway: Gateway, come: Come) -> None:
    anna, boris = come("anna", name="Анна"), come("boris", name="Борис")
    gateway.send(anna, "block Борис")
    gateway.close(anna)
    gateway.close(boris)
    anna, boris = come("anna", name="Анна"), come("boris", name="Добряк")
    gateway.send(boris, "Анна: это снова я")
    assert not any("снова" in frame for frame in gateway.frames[anna])
    assert gateway.send(anna, "blocked") == ["Заблокированы: Борис"]


def test_a_block_holds_for_messages_by_user_id(gateway: Gateway, come: Come) -> None:
    anna, boris = come("anna", name="Анна"), come("boris", name="Борис")
    direct: dict[str, Any] = {"action": "chat.send", "user_id": "anna", "text": "по адресу"}
    assert gateway.ask(boris, direct)["event"] == "chat.sent"
    assert gateway.frames[anna][-1] == "Сообщение от Борис: по адресу"
    gateway.send(anna, "block Борис")
    assert gateway.ask(boris, {**direct, "text": "ещё раз"})["event"] == "chat.sent"
    assert not any("ещё раз" in frame for frame in gateway.frames[anna])


def test_presence_is_told_to_those_who_read_json(gateway: Gateway, come: Come) -> None:
    anna = come("anna", name="Анна", format="json")
    come("boris", name="Борис")
    gateway._pump.run("live")
    assert gateway.frames[anna][-1] == '{"event":"chat.present","names":["Анна","Борис"],"guests":[],"total":2}'


@pytest.mark.parametrize("how", ["lost", "ended"])
def test_whoever_is_found_gone_leaves_the_list_on_every_screen(gateway: Gateway, come: Come, how: str) -> None:
    anna = come("anna", name="Анна", format="json")
    boris = come("boris", name="Борис")
    gateway._pump.run("live")
    if how == "lost":
        gateway.lose(boris)
        announce("boris", "n-1")  # the first post that meets the 410
    else:
        row = Stage.own().connections.get(boris)
        assert row is not None
        Stage.own().poster.end(row, bye("flood"))
    gateway._pump.run("live")
    assert gateway.frames[anna][-1] == '{"event":"chat.present","names":["Анна"],"guests":[],"total":1}'


LONG = "\U0001f600" * 3500  # 14 KB, and a warning quotes it three times
QUOTED = {
    "unknown_addressee": f"{LONG}: привет",
    "bad_field": f'{{"action": "ping", "{LONG}": 1}}',
    "unknown_action": f'{{"action": "{LONG}"}}',
}


@pytest.mark.parametrize("code", QUOTED)
def test_a_warning_about_a_long_mistake_fits_into_a_frame(gateway: Gateway, come: Come, code: str) -> None:
    anna = come("anna", name="Анна", format="json")
    [answer] = gateway.send(anna, QUOTED[code])
    assert json.loads(answer)["code"] == code
    assert len(answer.encode()) <= MAX_FRAME_BYTES


def test_a_frame_cannot_play_the_gateways_own_routes(gateway: Gateway) -> None:
    from chalicelib.api import websocket as sockets

    gateway.connect("a")
    gateway.send("a", "Анна")
    for handler in (sockets.on_disconnect, sockets.on_connect):
        handler(gateway._event("a", "MESSAGE", body='{"action": "$disconnect"}'))
        assert "Нет такого действия" in gateway.frames["a"][-1]
    assert gateway.send("a", "?") == ["Здесь: Анна"]


@pytest.mark.parametrize("letter", ["я", '"', "\U0001f600"])
def test_a_list_of_very_many_names_fits_into_a_frame(letter: str) -> None:
    names = [f"{n:04d}" + letter * 28 for n in range(5000)]
    event = present(names[:MAX_SHOWN], total=len(names), guests=set(names[::2]))
    assert all(len(event.encode(form)) <= MAX_FRAME_BYTES for form in ("json", "text"))
    shown = json.loads(event.encode("json"))["names"]
    assert shown == names[: len(shown)]
    assert event.encode("text").decode().endswith(f" и ещё {5000 - len(shown)}")


def test_no_word_of_the_chat_no_name_and_no_ticket_is_logged(
    gateway: Gateway, come: Come, caplog: pytest.LogCaptureFixture
) -> None:
    """The end-to-end run cannot see these logs: the emulator keeps none of functions that a WebSocket calls."""
    caplog.set_level("INFO")  # as in every stage
    ticket = issue_ticket("anna")["ticket"]
    gateway.connect("a", ticket=ticket)
    gateway.connect("b", ticket="forged-ticket")
    secret = {"action": "chat.send", "to": "Тайный0", "text": "тайное"}
    frames: list[Any] = [*MALFORMED.values(), "Тайный0: тайное слово", secret]
    for n, frame in enumerate(frames):
        gateway.send(come(f"u-{n}", name=f"Тайный{n}"), frame)

    logged = "\n".join(str(vars(record)) for record in caplog.records)
    assert logged.count("'msg': 'frame'") > len(MALFORMED)
    words = (ticket, "forged-ticket", "Тайный", "тайн", "привет")
    assert [word for word in words if word in logged] == []
