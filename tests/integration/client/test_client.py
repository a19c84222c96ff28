"""The Python client against the real API, over HTTP; what is between them loses replies."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, get_args

import pytest
from werkzeug.serving import make_server

from chalicelib.accounts.api_keys import Scope
from chalicelib.api.answers import ShownStatus
from chalicelib.stage.app import Stage
from chalicelib.storage.attachment_files import AttachmentFiles
from clients.python.vestnik_client import Accepted, RefusedError, Status, UnavailableError, Vestnik
from tests.integration.api.gateway import PROMO, gateway, nothing_happened
from tests.integration.api.wsgi import StartResponse, api
from tests.integration.conftest import Letters, Pump
from tests.processes import compose
from tests.serving import serving
from tools.seed import seed

ANNA, BORIS = {"email": "anna@example.com", "locale": "en"}, {"email": "boris@example.com", "locale": "en"}


class Wire:
    """What is between the client and the API: counts the requests, and loses the replies to the first few."""

    def __init__(self) -> None:
        self.requests = 0
        self.lost = 0
        self.status = "503 Service Unavailable"

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """One request; the API has done its work before the reply is lost."""
        self.requests += 1
        answer = list(api(environ, start_response if self.requests > self.lost else lambda *_: None))
        if self.requests > self.lost:
            return answer
        start_response(self.status, [("Content-Type", "text/html"), ("Retry-After", "0")])
        return [b"<h1>the gateway is tired</h1>"]


@pytest.fixture
def wire() -> Wire:
    return Wire()


Connect = Callable[..., Vestnik]


@pytest.fixture
def connect(stage: None, wire: Wire) -> Iterator[Connect]:
    """Makes clients with keys of some scopes, or all."""
    with serving(make_server("127.0.0.1", 0, wire)) as url:
        yield lambda *scopes: Vestnik(f"{url}/", gateway(*scopes).key or "")


def test_a_letter_is_sent_followed_and_cancelled(connect: Connect) -> None:
    vestnik = connect()
    [sent] = vestnik.send("promo", [ANNA], context=PROMO["context"], lane="bulk")

    assert sent.status == "accepted"
    assert vestnik.notification(sent.id).template == "promo"
    assert vestnik.cancel(sent.id).status == "cancelled"


class Bucket:
    """Takes a file once, as S3 does by the signed address."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.fails = 0

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        key, taken = environ["PATH_INFO"], environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        assert environ["HTTP_IF_NONE_MATCH"] == "*"
        if key not in self.files and not self.fails:
            self.files[key] = taken
            start_response("200 OK", [])
        else:
            start_response("503 Slow Down" if self.fails else "412 Precondition Failed", [])
        return [b""]


class Elsewhere(AttachmentFiles):
    """Signs addresses of a bucket on this machine; moto's cannot be asked by address."""

    def __init__(self, url: str) -> None:
        self._url = url

    def upload_url(self, file_id: str) -> str:
        return f"{self._url}/{file_id}"


def test_a_file_is_uploaded_and_attached(connect: Connect, bucket: str, pump: Pump) -> None:
    vestnik, there = connect(), Bucket()
    files = Stage.own().attachment_files
    with serving(make_server("127.0.0.1", 0, there)) as url:
        compose(attachment_files=Elsewhere(url))
        id_ = vestnik.upload(b"%PDF")
        there.fails = 1
        with pytest.raises(UnavailableError, match="was not taken"):
            vestnik.upload(b"%PDF")
    compose(attachment_files=files)
    files.upload(id_, there.files[f"/{id_}"])

    [sent] = vestnik.send("promo", [ANNA], context=PROMO["context"], attachments=[{"file": id_, "name": "ticket.pdf"}])

    assert sent.status == "accepted"
    assert '"name":"ticket.pdf"' in pump.bodies("enrich-instant")[0]


@pytest.mark.parametrize("status", ["429 Too Many Requests", "500 Internal Server Error", "503 Service Unavailable"])
def test_lost_replies_make_no_second_letter(
    connect: Connect, wire: Wire, pump: Pump, letters: Letters, status: str
) -> None:
    wire.lost, wire.status = 2, status

    vestnik = connect()
    [sent] = vestnik.send("promo", [ANNA], context=PROMO["context"])
    pump.run()

    assert (wire.requests, len(letters())) == (3, 1)
    [another] = vestnik.send("promo", [ANNA], context=PROMO["context"])  # a key of its own for each call
    pump.run()
    assert another.id != sent.id
    assert len(letters()) == 2


def test_the_same_key_is_the_same_letter(connect: Connect, pump: Pump, letters: Letters) -> None:
    shop, other_service = connect(Scope.SEND), connect(Scope.SEND)

    def send(vestnik: Vestnik, *recipients: dict[str, str]) -> list[Accepted]:
        return vestnik.send("promo", recipients, context=PROMO["context"], idempotency_key="order-1")

    assert send(shop, ANNA) == send(shop, ANNA) != send(other_service, ANNA)
    pump.run()
    assert len(letters()) == 2
    with pytest.raises(RefusedError) as refused:
        send(shop, ANNA, BORIS)
    assert refused.value.status == 409


def test_a_refusal_names_the_fields_and_is_not_repeated(connect: Connect, wire: Wire) -> None:
    with pytest.raises(RefusedError) as refused:
        connect().send("promo", [{"email": "anna@"}], context=PROMO["context"])

    assert [one.field for one in refused.value.errors] == ["recipients[0].email"]
    assert (refused.value.status, wire.requests) == (422, 1)
    assert nothing_happened()


def test_a_key_without_the_scope_is_refused(connect: Connect) -> None:
    with pytest.raises(RefusedError) as refused:
        connect(Scope.READ).put_user("anna")

    assert refused.value.status == 403


def test_when_every_try_fails_nothing_was_promised(connect: Connect, wire: Wire) -> None:
    wire.lost = 10

    with pytest.raises(UnavailableError) as failed:
        connect().notification("any")

    assert (failed.value.status, wire.requests) == (503, 4)


def test_where_nobody_listens_the_error_quotes_no_address() -> None:
    with pytest.raises(UnavailableError) as failed:
        Vestnik("http://127.0.0.1:9", "key", tries=1).erase_user("anna@example.com")

    assert failed.value.status is None
    assert "anna" not in str(failed.value)


def test_a_user_their_events_and_their_history(connect: Connect) -> None:
    vestnik = connect()
    user = {"id": "u-1042", "email": "anna@example.com", "locale": "en"}
    [welcome] = [one for one in vestnik.tell("user.registered", "r-1", user) if one.status == "accepted"]
    for number in range(25):  # more than a page
        vestnik.send("promo", [{"user_id": "u-1042"}], context=PROMO["context"], idempotency_key=f"n-{number}")

    history = list(vestnik.history("u-1042"))
    assert len({one.id for one in history}) == len(history) >= 26
    assert welcome.id in {one.id for one in history}
    assert vestnik.live_ticket("u-1042").url.startswith("wss://")
    vestnik.put_user("u-1042", email="anna@example.com", name="Анна")
    vestnik.erase_user("u-1042")
    with pytest.raises(RefusedError) as gone:
        vestnik.call("GET", "/v1/users/u-1042")
    assert gone.value.status == 404


def test_made_up_users_fill_the_directory(connect: Connect, wire: Wire) -> None:
    seed(connect(), 520)

    last = connect().call("GET", "/v1/users/viewer-000519")
    assert (last["name"], last["locale"], last["timezone"]) == ("Viewer 519", "en", "America/New_York")
    assert wire.requests == 3  # two batches, one look


def test_the_client_knows_every_status_of_the_service() -> None:
    assert get_args(Status) == get_args(ShownStatus)
