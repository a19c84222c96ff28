"""Every POST may be repeated: one effect, one answer."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.accounts.api_keys import Scope, create_key
from chalicelib.errors import BusyError, ConflictError
from chalicelib.flow.idempotency import LARGEST_ANSWER, IdempotentCalls, told
from chalicelib.manifest import CONSUMERS
from chalicelib.security.sealing import seal
from chalicelib.storage.calls import BUSY_SECONDS, REMEMBERED_HOURS, Turn
from chalicelib.storage.dynamodb import dynamodb
from chalicelib.storage.rows.campaigns import CampaignRow, ListRow
from chalicelib.storage.rows.flow import CallRow
from tests.integration.api.gateway import PROMO, Gateway, Reply, gateway, stored_rows
from tests.integration.api.test_examples import CALLS, PREPARED, Site, approval  # noqa: F401 - a fixture
from tests.integration.campaigns.conftest import Desk, clock, desk, office  # noqa: F401 - fixtures
from tests.integration.conftest import messages_in
from tests.integration.faults import LostReply, unreachable
from tools.api_docs import example_body, example_path, example_query, needed_headers

POSTS = [operation for operation, (method, *_) in CALLS.items() if method == "POST"]
LOOKS = {"preview_campaign", "preview_template"}  # nothing is made that could be made twice
# What a process makes that died before it could say so is found again by the id that follows from the key, or by what
# it is. Not so: a ticket, which nobody was told; what is left in the dead letters; what only its state can tell.
FOUND_AGAIN = [
    "create_campaign",
    "create_list",
    "test_campaign",
    "send_confirmation_again",
    "send_notifications",
    "tell_event",
    "add_endpoint",
    "put_users",
    "add_suppression",
    "load_list",
    "read_user_inbox",
    "set_limit",
    "throw_switch",
]


def effects() -> tuple[list[Any], dict[str, int]]:
    """All that is stored and queued, what the calls remember left out."""
    rows = [
        (type(row).__name__, repr(sorted(row.serialize().items())))
        for row in stored_rows()
        if not isinstance(row, CallRow)
    ]
    return sorted(rows), {name: messages_in(name) for queue in CONSUMERS for name in (queue, f"{queue}-dlq")}


class Caller:
    """One call by its example, with a key."""

    def __init__(self, operation: str, api: Gateway, desk: Desk) -> None:  # noqa: F811
        stage = Site(api, desk)
        prepare = PREPARED.get(operation)
        given = prepare(stage) if prepare else {}
        self._api = api
        self.method, path, self.described = CALLS[operation]
        self.path = example_path(path, self.described, given)
        names = needed_headers(self.described)
        self._seen = {name: api.get(self.path.rpartition("/")[0]).headers["etag"] for name in names}

    def call(self, key: str = "k-1", **changes: Any) -> Reply:
        body = example_body(self.described)
        body = {**body, **changes} if changes else body
        query = example_query(self.described)
        return self._api.call(self.method, self.path, body, headers={"idempotency-key": key, **self._seen}, query=query)


def same(first: Reply, again: Reply) -> bool:
    """Byte for byte, with every header but the one that marks it."""
    told = {name: value for name, value in again.headers.items() if name != "idempotent-replayed"}
    return (first.status, first.text, first.headers) == (again.status, again.text, told)


@pytest.mark.parametrize("operation", POSTS)
def test_a_repeated_post_has_one_effect_and_the_same_answer(
    api: Gateway,
    desk: Desk,  # noqa: F811
    approval: None,  # noqa: F811
    operation: str,
) -> None:
    """Promise H1: the same key, path and body: the same status and answer, marked, and no second effect."""
    caller = Caller(operation, api, desk)
    first = caller.call()
    assert first.status < 300, first.text
    assert "idempotent-replayed" not in first.headers
    before = effects()

    again = caller.call()

    assert same(first, again)
    assert again.headers["idempotent-replayed"] == "true"
    if operation != "send_notifications":
        assert effects() == before
    else:  # its jobs are put again, in case they were not, and make no second letter
        assert effects()[0] == before[0]


@pytest.mark.parametrize("operation", FOUND_AGAIN)
def test_a_call_whose_process_died_before_it_remembered_is_completed_by_the_same_call(
    api: Gateway,
    desk: Desk,  # noqa: F811
    operation: str,
) -> None:
    """Promise H1: between the effect and the memory of it a process may die; the repeated call finds what was made."""
    caller = Caller(operation, api, desk)
    first = caller.call()
    before = [name for name, _ in effects()[0]]
    for row in CallRow.scan():  # as it is when the process dies, and the lease is over
        row.update(actions=[CallRow.answer.remove(), CallRow.busy_until.set(0)])

    again = caller.call()

    assert again.status == first.status
    ids = [reply.body.get("id") or reply.body.get("notifications") for reply in (first, again) if reply.text]
    assert ids[:1] == ids[1:]
    assert [name for name, _ in effects()[0]] == before


def test_another_body_under_the_same_key_is_refused(api: Gateway) -> None:
    """Promise H1: a key is for one request."""
    key = {"idempotency_key": "k-1"}
    assert api.post("/v1/lists", {"name": "Autumn"}, **key).status == 201

    assert api.post("/v1/lists", {"name": "Winter"}, **key).status == 409
    assert api.post("/v1/lists", {"name": "Winter"}, idempotency_key="k-2").status == 201


def test_a_key_is_its_callers_own_and_its_paths(api: Gateway) -> None:
    """Promise H1: two services, or two calls, may happen to use the same key."""
    other = gateway(*Scope)
    made = {
        api.post("/v1/lists", {"name": "Autumn"}, idempotency_key="k").body["id"],
        other.post("/v1/lists", {"name": "Autumn"}, idempotency_key="k").body["id"],
    }
    assert len(made) == 2
    assert api.post("/v1/live/tickets", {"user_id": "u-1"}, idempotency_key="k").status == 200


def test_a_replay_does_not_depend_on_how_the_header_is_spelled(api: Gateway) -> None:
    """Promise H1: `bearer` and `Bearer` are one caller."""
    first = api.post("/v1/lists", {"name": "Autumn"}, idempotency_key="k")
    for header in (f"bearer {api.key}", f"BEARER   {api.key} "):
        silent = Gateway(None, {"authorization": header, "Idempotency-KEY": "k"})
        assert same(first, silent.post("/v1/lists", {"name": "Autumn"})), header


def test_a_key_whose_secret_was_renewed_reads_no_answer_of_before(api: Gateway) -> None:
    """Promise H1: nothing is done twice, and what was told to the old secret is told to no other."""
    assert api.post("/v1/lists", {"name": "Autumn"}, idempotency_key="k").status == 201
    key_id = str(api.key).split("_")[1]
    renewed = Gateway(create_key("test", tuple(Scope), key_id=key_id))

    assert renewed.post("/v1/lists", {"name": "Autumn"}, idempotency_key="k").status == 409
    assert len(list(ListRow.scan())) == 1


@pytest.mark.parametrize("operation", ["approve_campaign"])
def test_what_another_has_seen_is_another_request(
    api: Gateway,
    desk: Desk,  # noqa: F811
    approval: None,  # noqa: F811
    operation: str,
) -> None:
    """Promise H1: an approval is of what was seen; the key of the one before does not stand for it."""
    caller = Caller(operation, api, desk)
    assert caller.call().status == 200

    other = {"idempotency-key": "k-1", "if-match": '"other"'}
    assert api.call("POST", caller.path, example_body(caller.described), headers=other).status == 409


def test_a_key_that_is_none_is_refused(api: Gateway) -> None:
    for key in ("", "x" * 256, "ключ", "a\nb"):
        refused = api.post("/v1/lists", {"name": "Autumn"}, idempotency_key=key)
        assert (refused.status, refused.bad_fields) == (422, ["Idempotency-Key"])
    assert stored_rows() == []


def test_while_the_first_call_is_being_done_the_second_is_told_to_come_back(
    api: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise H1: of two calls at once one does the work."""
    seen: list[Reply] = []

    def meanwhile(request: Any, **_: Any) -> None:
        if b"vestnik-test-lists" in request.body and not seen:
            seen.append(api.post("/v1/lists", {"name": "Autumn"}, idempotency_key="k"))

    dynamodb().client.meta.events.register_first("before-send.dynamodb.PutItem", meanwhile)
    first = api.post("/v1/lists", {"name": "Autumn"}, idempotency_key="k")

    assert (seen[0].status, seen[0].headers["retry-after"]) == (409, "1")
    assert same(first, api.post("/v1/lists", {"name": "Autumn"}, idempotency_key="k"))


def test_what_failed_is_completed_by_the_same_call(api: Gateway, desk: Desk) -> None:  # noqa: F811
    """Promise H1: a 503 is not remembered."""
    caller = Caller("test_campaign", api, desk)
    events = dynamodb().client.meta.events
    events.register_first("before-send.dynamodb.TransactWriteItems", unreachable)
    events.register_first("before-send.dynamodb.BatchWriteItem", unreachable)
    assert caller.call().status == 503
    assert caller.call(recipients=[{"email": "other@cinema.example"}]).status == 409
    events.unregister("before-send.dynamodb.TransactWriteItems", unreachable)
    events.unregister("before-send.dynamodb.BatchWriteItem", unreachable)

    done = caller.call()

    assert done.status == 202
    assert same(done, caller.call())
    assert messages_in("enrich-instant") == 1


def test_what_was_refused_leaves_the_key_as_it_was(api: Gateway) -> None:
    """Promise H1: a refusal did nothing, so the fixed call may use the key."""
    path = "/v1/templates/promo/preview"
    assert api.post(path, {"locale": "en", "channel": "smoke"}, idempotency_key="k").status == 422
    assert api.post(path, {"locale": "en"}, idempotency_key="k").status == 200


def test_a_lost_reply_of_the_table_is_no_second_caller(api: Gateway) -> None:
    dynamodb().client.meta.events.register_first("before-send.dynamodb.PutItem", LostReply())

    assert api.post("/v1/lists", {"name": "Autumn"}, idempotency_key="k").status == 201


def test_what_cannot_be_remembered_has_been_done_all_the_same(api: Gateway) -> None:
    """Promise G2: the memory of a call is no part of its effect."""

    def no_memory(request: Any, **rest: Any) -> None:
        if b"vestnik-test-calls" in request.body:
            unreachable(**rest)

    dynamodb().client.meta.events.register_first("before-send.dynamodb.UpdateItem", no_memory)

    assert api.post("/v1/lists", {"name": "Autumn"}, idempotency_key="k").status == 201


def test_a_letter_says_that_it_was_sent_before(api: Gateway) -> None:
    """Promise H1: notifications keep their own promise, as long as they are kept, and mark the replay too."""
    body = {**PROMO, "recipients": [{"email": "anna@example.com"}]}
    first = api.post("/v1/notifications", body, idempotency_key="order-1")

    again = api.post("/v1/notifications", body, idempotency_key="order-1")

    assert same(first, again)
    assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
    assert list(CallRow.scan()) == []


def test_a_campaign_is_the_same_one_when_the_memory_is_gone(api: Gateway, desk: Desk) -> None:  # noqa: F811
    """Promise H1: after a day, too, the same call makes no second campaign."""
    caller = Caller("create_campaign", api, desk)
    made = caller.call().body["id"]
    for row in CallRow.scan():
        row.delete()
    api.patch(f"/v1/campaigns/{made}", {"name": "Renamed"})

    assert caller.call().body["name"] == "Renamed"
    assert len({row.id for row in CampaignRow.scan()}) == 1


MOMENT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def calls_at(seconds: float) -> IdempotentCalls:
    return IdempotentCalls(clock=lambda: MOMENT + timedelta(seconds=seconds))


def test_a_call_is_taken_over_from_the_dead_and_the_late_word_is_not_kept(stage: None) -> None:
    """Promise H1: fenced: who was taken for dead changes nothing any more."""
    first = calls_at(0).begin("c", body="b")
    assert isinstance(first, Turn)
    with pytest.raises(BusyError):
        calls_at(BUSY_SECONDS - 1).begin("c", body="b")

    second = calls_at(BUSY_SECONDS).begin("c", body="b")
    assert isinstance(second, Turn)
    calls_at(31).finish(first, "late")
    calls_at(31).give_up(first)
    calls_at(31).forget(first)
    with pytest.raises(BusyError):
        calls_at(32).begin("c", body="b")
    calls_at(33).finish(second, "told")
    assert calls_at(34).begin("c", body="b") == "told"


def test_what_is_remembered_is_forgotten_after_a_day(stage: None) -> None:
    turn = calls_at(0).begin("c", body="b")
    assert isinstance(turn, Turn)
    calls_at(1).finish(turn, "told")

    assert calls_at(REMEMBERED_HOURS * 3600 - 1).begin("c", body="b") == "told"
    with pytest.raises(ConflictError):
        calls_at(REMEMBERED_HOURS * 3600 - 1).begin("c", body="other")
    assert isinstance(calls_at(REMEMBERED_HOURS * 3600).begin("c", body="other"), Turn)


@given(st.text(), st.text(min_size=1))
def test_what_is_sealed_is_read_with_the_same_secret_alone(text: str, secret: str) -> None:
    secret = secret.encode(errors="replace").decode()
    text = text.encode(errors="replace").decode()
    sealed = seal(text, secret=secret, about="c")
    assert told(sealed, secret=secret, call="c") == text
    with pytest.raises(ConflictError):
        told(sealed, secret=f"{secret}x", call="c")


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_sealed_answer_that_was_changed_or_moved_is_refused(place: int, flip: int) -> None:
    """Promise H1: whoever writes the table tells no caller a wrong answer."""
    sealed = seal("told", secret="s", about="one")
    raw = bytearray(b64decode(sealed))
    raw[place % len(raw)] ^= flip
    for text in (b64encode(raw).decode(), sealed[:-4], f"{sealed}????", "", "ключ"):
        with pytest.raises(ConflictError):
            told(text, secret="s", call="one")
    with pytest.raises(ConflictError):
        told(sealed, secret="s", call="other")


def test_what_is_too_large_is_not_kept(stage: None) -> None:
    turn = calls_at(0).begin("c", body="b")
    assert isinstance(turn, Turn)
    calls_at(0).keep(turn, token_hex(LARGEST_ANSWER), secret="s")
    assert isinstance(calls_at(1).begin("c", body="b"), Turn)


def test_the_table_holds_no_word_of_an_answer(api: Gateway) -> None:
    """Promise H1: an answer may hold a secret or an address: nobody reads it in the table."""
    hook: Mapping[str, Any] = {"channel": "webhook", "url": "https://hooks.example/anna"}
    api.put("/v1/users/anna", {"email": "anna@example.com"})
    secret = api.post("/v1/users/anna/endpoints", hook, idempotency_key="k").body["secret"]

    [row] = CallRow.scan()
    assert secret
    assert not any(word in repr(row.to_simple_dict()) for word in (secret, "hooks.example", "anna", api.key or ""))
    assert api.post("/v1/users/anna/endpoints", hook, idempotency_key="k").body["secret"] == secret
