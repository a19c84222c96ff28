"""The client on a line that loses, delays, drips, cuts and redirects: exact effects at the real API, two kinds of
errors, and an end in time."""

import gzip
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from chalicelib.storage.rows.campaigns import CampaignRow, ListRow
from clients.python.vestnik_client import RefusedError, UnavailableError, Vestnik, VestnikError
from tests.integration.api.gateway import PROMO, gateway, nothing_happened
from tests.integration.api.test_examples import CALLS as CALLS_OF_THE_API
from tests.integration.api.wsgi import api
from tests.integration.campaigns.conftest import Desk, clock, desk, office  # noqa: F401 - fixtures
from tests.integration.client.wire import Fault, Line, between, cut, dripping, instead, late, lost
from tests.integration.conftest import Letters, Pump
from tests.serving import serving
from tools.api_docs import example_body

HTML = b"<html><h1>the gateway is tired</h1></html>"
ANNA = {"email": "anna@example.com", "locale": "en"}


@pytest.fixture
def line(stage: None) -> Iterator[tuple[Line, str]]:
    server = make_server("127.0.0.1", 0, api, threaded=True)
    with serving(server), between(server.port) as made:
        yield made


def client(line: tuple[Line, str], **options: Any) -> Vestnik:
    return Vestnik(line[1], gateway().key or "", **options)


FAULTS = {
    "the reply is lost": lost,
    "the reply is cut": cut,
    "a proxy answers a page": instead("502 Bad Gateway", HTML, "Content-Type: text/html"),
    "a proxy answers a page as if all were well": instead("200 OK", HTML, "Content-Type: text/html"),
    "a gateway gives up": instead("504 Gateway Timeout"),
    "an unheard-of status": instead("599 Whatever"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("times", [1, 2])
def test_lost_replies_have_one_effect(
    line: tuple[Line, str], pump: Pump, letters: Letters, fault: str, times: int
) -> None:
    """Promise H2: however often a POST is sent, it is done once: letters, lists, and any other call."""
    vestnik = client(line)
    line[0].faults = [FAULTS[fault]] * times
    vestnik.call("POST", "/v1/notifications", {**PROMO, "recipients": [ANNA]})
    line[0].faults = [FAULTS[fault]] * times
    vestnik.call("POST", "/v1/lists", {"name": "Autumn"})

    pump.run()
    assert len(letters()) == 1
    assert len(list(ListRow.scan())) == 1
    assert len(line[0].seen) == 2 * (times + 1)


def test_a_campaign_is_made_once(line: tuple[Line, str], desk: Desk) -> None:  # noqa: F811
    """Promise H2: the case of three campaigns."""
    line[0].faults = [lost, lost]
    vestnik = client(line)

    made = vestnik.call("POST", "/v1/campaigns", example_body(CALLS_OF_THE_API["create_campaign"][2]))

    assert made["state"] == "draft"
    assert len({row.id for row in CampaignRow.scan()}) == 1


@pytest.mark.parametrize("fault", [dripping(0.2), late(20)], ids=["dripping", "late"])
@pytest.mark.parametrize("tries", [1, 12])
def test_a_call_ends_in_time(line: tuple[Line, str], fault: Fault, tries: int) -> None:
    """Promise H2: the deadline is of the whole call, whatever the line does."""
    line[0].always = fault
    vestnik = client(line, timeout_seconds=1, tries=tries)
    began = time.monotonic()

    with pytest.raises(UnavailableError):
        vestnik.call("GET", "/v1/control/limits/ses.bulk")
    assert time.monotonic() - began < 10  # a second, and what a busy machine adds; less than a second for each try


def test_a_long_retry_after_is_told_and_not_waited_for(line: tuple[Line, str]) -> None:
    """Promise H2: the caller knows better than to sleep an hour."""
    for header in ("Retry-After: 3600", "Retry-After: Wed, 21 Oct 2099 07:28:00 GMT"):
        line[0].always = instead("503 Service Unavailable", b"", header)
        began = time.monotonic()
        with pytest.raises(UnavailableError) as failed:
            client(line).call("GET", "/v1/control")
        assert time.monotonic() - began < 5
        assert (failed.value.retry_after_seconds or 0) >= 3600
        assert failed.value.status == 503


CALLS: dict[str, Callable[[Vestnik], object]] = {
    "put_user": lambda vestnik: vestnik.put_user("anna", email="anna@example.com"),
    "erase_user": lambda vestnik: vestnik.erase_user("anna"),
    "send": lambda vestnik: vestnik.send("promo", [ANNA], context=PROMO["context"]),
    "tell": lambda vestnik: vestnik.tell("user.registered", "r-1", {"id": "anna"}),
    "notification": lambda vestnik: vestnik.notification("n-1"),
    "cancel": lambda vestnik: vestnik.cancel("n-1"),
    "history": lambda vestnik: list(vestnik.history("anna")),
    "live_ticket": lambda vestnik: vestnik.live_ticket("anna"),
    "call": lambda vestnik: vestnik.call("POST", "/v1/lists", {"name": "x"}),
}


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308, 399])
def test_a_redirect_is_an_error_and_is_not_followed(line: tuple[Line, str], status: int) -> None:
    """Promise H2: nothing was done at this address."""
    line[0].always = instead(f"{status} Moved", b"", f"Location: {line[1]}/elsewhere")

    for call in CALLS.values():
        with pytest.raises(RefusedError) as refused:
            call(client(line))
        assert refused.value.status == status

    assert len(line[0].seen) == len(CALLS)


def test_a_redirect_to_nowhere_is_a_redirect(line: tuple[Line, str]) -> None:
    """Promise H2: where it leads is not looked at."""
    for place in ("http://[::bad", "//", "ftp://x", "\\", "https://" + "a" * 300):
        line[0].always = instead("302 Found", b"", f"Location: {place}")
        with pytest.raises(RefusedError) as refused:
            client(line).put_user("anna")
        assert refused.value.status == 302


def test_a_second_try_that_finds_the_work_done_is_no_refusal(line: tuple[Line, str]) -> None:
    """Promise H2: "nothing was done" is said only where nothing was done."""
    vestnik = client(line)
    made = vestnik.call("POST", "/v1/lists", {"name": "Autumn"})["id"]
    line[0].faults = [lost]
    assert vestnik.call("DELETE", f"/v1/lists/{made}") is None  # the service knows that it has done it
    line[0].faults = [lost, instead("404 Not Found", b"{}", "Content-Type: application/problem+json")]
    with pytest.raises(UnavailableError, match="an earlier try may have done it") as unclear:
        vestnik.call("DELETE", f"/v1/lists/{made}")
    assert unclear.value.status == 404
    with pytest.raises(RefusedError):
        vestnik.call("DELETE", "/v1/lists/nothing")


def test_a_password_of_netrc_does_not_replace_the_key(
    line: tuple[Line, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login anna password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))

    assert client(line).call("GET", "/v1/campaigns")["campaigns"] == []


def test_a_large_answer_costs_no_more_than_its_size(line: tuple[Line, str]) -> None:
    packed = gzip.compress(b"[" + b" " * 31_000_000 + b"]")
    line[0].always = instead("200 OK", packed, "Content-Encoding: gzip")

    assert client(line).call("GET", "/v1/campaigns") == []


ANSWERS = {
    "a broken gzip": instead("200 OK", b"hello", "Content-Encoding: gzip"),
    "broken chunks": lambda sock, _: sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
    "less than it said": lambda sock, _: sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"),
    "a page": instead("200 OK", HTML),
    "nothing": instead("200 OK"),
    "another's JSON": instead("200 OK", b'{"hello": ["world"]}'),
    "a list": instead("200 OK", b"[1, 2]"),
    "null": instead("201 Created", b"null"),
    "half of a JSON": instead("202 Accepted", b'{"notifications": ['),
    "bytes": instead("200 OK", bytes(range(256))),
    "deep": instead("200 OK", b"[" * 100_000),
    "a number": instead("200 OK", b"1e999"),
    "a refusing page": instead("404 Not Found", HTML),
    "a problem of another shape": instead("422 Unprocessable", b'{"errors": {"a": 1}, "detail": ["x"]}'),
    "a status of no class": instead("999 Odd", HTML),
    "no HTTP": lambda sock, _: sock.sendall(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_whatever_answers_there_are_two_kinds_of_errors(line: tuple[Line, str], answer: str) -> None:
    """Promise H2: no foreign exception, and no "done" that the service has not said."""
    line[0].always = ANSWERS[answer]

    for call in sorted(set(CALLS) - {"call"}):
        with pytest.raises((RefusedError, UnavailableError)):
            CALLS[call](client(line, tries=1))


def test_what_a_newer_service_says_is_read(line: tuple[Line, str]) -> None:
    """Promise H2: after acceptance nothing that is only new fails the caller."""
    newer = b'{"notifications": [{"id": "n-1", "status": "pondered", "url": "u", "mood": {"a": 1}}], "next": 1}'
    line[0].always = instead("202 Accepted", newer)
    [sent] = client(line).send("promo", [ANNA])
    assert (sent.id, sent.status) == ("n-1", "pondered")

    line[0].always = instead(
        "200 OK", b'{"id": "n-1", "status": "pondered", "deliveries": [{"channel": "x", "status": "y"}]}'
    )
    seen = client(line).notification("n-1")
    assert (seen.status, seen.deliveries[0].status) == ("pondered", "y")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda vestnik: vestnik.send("promo", [{"email": object()}]),
        lambda vestnik: vestnik.send("promo", [ANNA], context={"price": float("nan")}),
        lambda vestnik: vestnik.send("promo", [ANNA], idempotency_key="ключ"),
        lambda vestnik: vestnik.send("promo", [ANNA], idempotency_key=""),
        lambda vestnik: vestnik.send("promo", [ANNA], idempotency_key="a\r\nX: y"),
        lambda vestnik: vestnik.put_user(""),
        lambda vestnik: vestnik.put_user("\ud800"),
        lambda vestnik: vestnik.call("GET", "/v1/control", headers={"X-A": "a\r\nb"}),
        lambda vestnik: vestnik.call("G ET", "/v1/control"),
        lambda vestnik: vestnik.call(5, "/v1/control"),
        lambda vestnik: vestnik.call("GET", None),
        lambda vestnik: vestnik.call("GET", "v1/control"),
        lambda vestnik: vestnik.call("GET", "@127.0.0.1/v1/control"),
        lambda vestnik: vestnik.call("GET", ""),
        lambda vestnik: vestnik.send("promo", None),
        lambda vestnik: vestnik.send("promo", "anna@example.com"),
        lambda vestnik: vestnik.send("promo", ANNA),
        lambda _: Vestnik("http://127.0.0.1:9", None),  # type: ignore[arg-type]
        lambda _: Vestnik("http://127.0.0.1:9", " \n"),
        lambda _: Vestnik(None, "k"),  # type: ignore[arg-type]
        lambda _: Vestnik("http://127.0.0.1:9", "k", timeout_seconds="30"),  # type: ignore[arg-type]
        lambda _: Vestnik("http://127.0.0.1:9", "k", tries=None),  # type: ignore[arg-type]
        lambda vestnik: vestnik.call("GET", "/v1/control", query=5),
        lambda vestnik: vestnik.call("GET", "/v1/control", headers=5),
        lambda _: Vestnik("http://127.0.0.1:9", "k", timeout_seconds=0),
        lambda _: Vestnik("http://127.0.0.1:9", "k", timeout_seconds=float("nan")),
        lambda _: Vestnik("http://127.0.0.1:9", "k", timeout_seconds=float("inf")),
        lambda _: Vestnik("ftp://x", "k").notification("n"),
        lambda _: Vestnik("no address", "k").notification("n"),
        lambda _: Vestnik("http://127.0.0.1:9", "ключ").notification("n"),
    ],
)
def test_what_cannot_be_sent_is_refused(line: tuple[Line, str], wrong: Callable[[Vestnik], object]) -> None:
    """Promise H2: also before anything leaves there is one kind of error."""
    with pytest.raises(RefusedError):
        wrong(client(line))
    assert nothing_happened()
    assert line[0].seen == []


def test_a_call_that_is_being_done_is_asked_for_again(line: tuple[Line, str]) -> None:
    """Promise H2: 409 with Retry-After is no refusal."""
    line[0].faults = [instead("409 Conflict", b'{"detail": "being done", "errors": []}', "Retry-After: 0")]

    assert client(line).call("POST", "/v1/lists", {"name": "Autumn"})["name"] == "Autumn"


def test_a_history_ends_whatever_its_pages_say_of_the_next(line: tuple[Line, str]) -> None:
    """Promise H2: no page leads round for ever."""
    page = b'{"notifications": [{"id": "n-1", "status": "sent"}]'
    for end in (b"}", b', "cursor": null}', b', "cursor": ""}'):
        line[0].always = instead("200 OK", page + end)
        assert [one.id for one in client(line).history("anna")] == ["n-1"]
    for wrong in (b', "cursor": "c"}', b', "cursor": 5}', b', "cursor": {}}'):
        line[0].always = instead("200 OK", page + wrong)
        with pytest.raises(UnavailableError):
            list(client(line).history("anna"))


def test_what_is_null_is_not_said(line: tuple[Line, str]) -> None:
    """Promise H2: after acceptance nothing that is only missing fails the caller."""
    line[0].always = instead("202 Accepted", b'{"notifications": [{"id": "n-1", "status": "accepted", "url": null}]}')
    [sent] = client(line).send("promo", [ANNA])
    assert (sent.id, sent.url) == ("n-1", "")
    line[0].always = instead("200 OK", b'{"id": "n-1", "status": "sent", "template": null, "deliveries": null}')
    assert client(line).notification("n-1").deliveries == ()


def test_a_key_out_of_a_file_and_a_header_in_any_case_are_sent_as_meant(line: tuple[Line, str]) -> None:
    """Promise E2: outer white space is no part of a key, and letter case none of a header's name."""
    vestnik = Vestnik(f" {line[1]}/\n", f"{gateway().key}\n")
    vestnik.put_user("anna", name="A")
    with pytest.raises(RefusedError) as refused:
        vestnik.call("PATCH", "/v1/users/anna", {"name": "B"}, headers={"content-type": "text/plain"})
    assert refused.value.status == 415


def test_an_error_tells_the_number_to_quote(line: tuple[Line, str]) -> None:
    with pytest.raises(VestnikError) as refused:
        client(line).notification("n-1")
    assert refused.value.request_id == "5f1c9d2e-gateway"
