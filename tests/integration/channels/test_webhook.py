"""Webhooks: signed, to public addresses only, each endpoint once."""

import socket
import time
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from chalicelib.channels.port import Message, Outcome, Verdict
from chalicelib.channels.webhook import WebhookChannel
from chalicelib.clock import now
from chalicelib.security import outbound_http as web
from chalicelib.security.outbound_http import guarded_post, guarded_session
from chalicelib.storage.endpoints import Endpoint, Endpoints
from tests.integration.channels.conftest import SECRET
from tests.integration.channels.receiver import DROP, Receiver

MESSAGE = Message(
    "00000000-0000-4000-8000-000000000001_webhook",
    "anna",
    {"title": "Вечером", "body": "Два билета", "url": "https://c.example"},
    tags={"template": "promo", "category": "marketing"},
)


def channel(book: Endpoints, *, allow_private: bool = True) -> WebhookChannel:
    post = partial(guarded_post, guarded_session(allow_private=allow_private))
    return WebhookChannel(post, hooks=book, clock=now)


def add(book: Endpoints, url: str) -> Endpoint:
    return book.add("anna", "webhook", target=url, shown="", name=None, secret=SECRET)


def send(book: Endpoints, **options: Any) -> Outcome:
    [outcome] = channel(book, **options).send([MESSAGE])
    return outcome


def test_the_receiver_can_verify_who_sent_it_and_that_it_is_whole(book: Endpoints, receiver: Receiver) -> None:
    add(book, f"{receiver.url}/hook")
    send(book)
    [taken] = receiver.taken
    content = Webhook(SECRET).verify(taken.body, taken.headers)
    assert content["data"] == {
        "notification_id": "00000000-0000-4000-8000-000000000001",
        "user_id": "anna",
        "title": "Вечером",
        "body": "Два билета",
        "url": "https://c.example",
        "template": "promo",
        "category": "marketing",
    }
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(taken.body.replace("Два", "Три"), taken.headers)


def test_every_try_has_the_same_id(book: Endpoints, receiver: Receiver) -> None:
    add(book, receiver.url)
    receiver.faults.append(DROP)
    assert send(book) == Outcome(Verdict.NOT_ACCEPTED, reason="no_answer")
    assert send(book).verdict is Verdict.ACCEPTED
    assert {one.headers["webhook-id"] for one in receiver.taken} == {MESSAGE.delivery_id}


def test_a_redirect_is_not_followed(book: Endpoints, receiver: Receiver) -> None:
    add(book, receiver.url)
    receiver.faults.append(307)
    receiver.redirect_to = f"{receiver.url}/elsewhere"
    assert send(book) == Outcome(Verdict.REFUSED, reason="redirect")
    assert receiver.calls == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.0.1", "10.0.0.1", "0x7f000001"])
def test_a_private_address_is_refused_when_the_connection_is_made(book: Endpoints, host: str) -> None:
    add(book, f"https://{host}:9/hook")
    assert send(book, allow_private=False) == Outcome(Verdict.REFUSED, reason="private_address")


def test_nothing_is_sent_without_tls(book: Endpoints, receiver: Receiver) -> None:
    """Promise I7: by TLS alone."""
    add(book, receiver.url)
    assert send(book, allow_private=False) == Outcome(Verdict.REFUSED, reason="plain_http")
    assert receiver.calls == 0


def test_a_name_that_turns_private_after_its_registration_is_refused_too(
    book: Endpoints, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the name server answers a public address first, then one of ours."""
    answers = iter(["93.184.215.14", "127.0.0.1"])
    asked: list[str] = []

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(next(answers))
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (asked[-1], port))]

    def connect(address: tuple[str, int], *_: Any, **__: Any) -> Any:
        raise OSError(f"not reached: {address[0]}")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(web, "create_connection", connect)
    add(book, "https://rebind.example/hook")
    # What is connected to is the address that was checked: there is no second question.
    assert send(book, allow_private=False) == Outcome(Verdict.NOT_ACCEPTED, reason="no_connection")
    assert asked == ["93.184.215.14"]
    assert send(book, allow_private=False) == Outcome(Verdict.REFUSED, reason="private_address")


def test_a_server_that_drips_its_answer_holds_no_worker(book: Endpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte is in time. The answer would be complete at last, and be taken."""
    monkeypatch.setattr(web, "_STEP_SECONDS", 0.3)

    def drip(listening: socket.socket) -> None:
        caller, _ = listening.accept()
        with caller, suppress(OSError):
            for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n":
                caller.sendall(bytes([byte]))
                time.sleep(0.05)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        dripping = Thread(target=drip, args=[listening], daemon=True)
        dripping.start()
        add(book, f"http://127.0.0.1:{listening.getsockname()[1]}/hook")
        assert send(book) == Outcome(Verdict.NOT_ACCEPTED, reason="no_answer")
        dripping.join()


def test_an_endpoint_that_is_gone_is_switched_off(book: Endpoints, receiver: Receiver) -> None:
    hook = add(book, receiver.url)
    receiver.faults.append(410)
    assert send(book) == Outcome(Verdict.REFUSED, reason="endpoint_gone")
    assert (book.get("anna", hook.id).enabled, book.get("anna", hook.id).off_reason) == (False, "endpoint_gone")
    assert send(book) == Outcome(Verdict.REFUSED, reason="no_endpoint")
    assert receiver.calls == 1


def test_an_endpoint_that_is_switched_off_gets_nothing(book: Endpoints, receiver: Receiver) -> None:
    hook = add(book, receiver.url)
    book.switch("webhook", "anna", hook.id, on=False)
    assert send(book) == Outcome(Verdict.REFUSED, reason="no_endpoint")
    assert receiver.calls == 0


def test_an_endpoint_that_has_it_does_not_get_it_again_because_another_has_not(
    book: Endpoints, receiver: Receiver
) -> None:
    add(book, f"{receiver.url}/one")
    add(book, f"{receiver.url}/two")
    receiver.faults += [200, 503]
    assert send(book) == Outcome(Verdict.NOT_ACCEPTED, reason="answer_503")
    assert send(book).verdict is Verdict.ACCEPTED
    assert [one.path for one in receiver.taken] == ["/one", "/two"]


def test_the_log_tells_every_try_newest_first(book: Endpoints, receiver: Receiver) -> None:
    hook = add(book, receiver.url)
    receiver.faults.append(500)
    send(book)
    send(book)
    lines = book.log("anna", hook.id)
    assert [(one["outcome"], one["status"]) for one in lines] == [("accepted", 200), ("answer_500", 500)]
    assert {one["delivery_id"] for one in lines} == {MESSAGE.delivery_id}
