"""A cursor is taken as a list wrote it, or refused: whatever was changed in it, and whoever made it."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.accounts.managers import Role
from chalicelib.storage.cursor import write_cursor
from tests.integration.admin.conftest import signed_in
from tests.integration.api.gateway import Gateway
from tests.integration.campaigns.conftest import Desk, clock, desk, office  # noqa: F401 - fixtures

KEYS: list[Any] = [
    {"x": 1},
    {"id": "text"},
    {"id": {"S": ""}},
    {"id": {"N": 1}},
    {"id": {"S": "a", "N": "1"}},
    {"id": {"Q": []}},
    {"id": []},
    {"id": None},
]
# The lists whose place is a key of the table, by the scope of their cursors.
OF_KEYS = {
    "/v1/campaigns": "campaigns",
    "/v1/suppressions?channel=email": "suppressions:email",
    "/v1/control/attention": "attention",
}
PAGES = {
    "/admin/campaigns": "campaigns",
    "/admin/lists": "lists",
    "/admin/keys": "keys",
    "/admin/managers": "managers",
    "/admin/suppressions": "suppressions:email",
    "/admin/attention": "attention",
}
NUMBERS: list[Any] = [None, "1", -1, 0.5, True, 10**400, [], {"a": 1}]
MONTHS: list[Any] = [None, 5, "", "x", "0001-02", "2026-13", "2026-11-01", ["2026-11"]]


def asked(api: Gateway, address: str, cursor: str) -> int:
    path, _, query = address.partition("?")
    given = dict(one.split("=") for one in query.split("&") if one)
    return api.get(path, **given, cursor=cursor).status


@pytest.mark.parametrize("key", KEYS, ids=json.dumps)
def test_a_key_that_no_list_wrote_is_refused(api: Gateway, key: Any) -> None:
    """Promise G3: by a caller who knows how cursors are made, too."""
    boss = signed_in("boss", *Role)
    for address, scope in OF_KEYS.items():
        assert asked(api, address, write_cursor(key, scope=scope)) == 422, address
    for path, scope in PAGES.items():
        assert boss.get(f"{path}?cursor={write_cursor(key, scope=scope)}").status == 422, path


@pytest.mark.parametrize("month", MONTHS, ids=json.dumps)
def test_a_place_that_no_audit_has_is_refused(stage: None, month: Any) -> None:
    """Promise G3: lists that keep more than a key in their cursors read them as carefully."""
    boss = signed_in("boss", *Role)
    for state in (
        {"month": month, "place": None, "empty": 0},
        {"month": "2026-11", "place": month if not isinstance(month, str | None) else 7, "empty": 0},
        {"month": "2026-11", "place": None},
        {"month": "2026-11", "place": None, "empty": "many"},
    ):
        assert boss.get(f"/admin/audit?cursor={write_cursor(state, scope='audit')}").status == 422


@pytest.mark.parametrize("number", NUMBERS, ids=str)
def test_a_place_that_no_inbox_has_is_refused(api: Gateway, number: Any) -> None:
    for state in ({"before": number}, {"after": 1}):
        assert asked(api, "/v1/users/anna/inbox", write_cursor(state, scope="inbox:anna")) == 422


@pytest.mark.parametrize("wrong", [*NUMBERS, {"id": {"S": ""}}, {"block": "x"}, {"block": -1}], ids=str)
def test_a_look_that_nobody_began_is_refused(api: Gateway, desk: Desk, wrong: Any) -> None:  # noqa: F811
    api.put("/v1/users/anna", {"email": "anna@cinema.example"})
    campaign = desk.start()
    good: dict[str, Any] = {"at": {"id": {"S": "anna"}}, "counts": {}, "unread": {}}
    path = f"/v1/campaigns/{campaign}/preview"

    def status(state: Any) -> int:
        query = {"cursor": write_cursor(state, scope=campaign)}
        return api.call("POST", path, query=query).status

    assert status(good) == 200
    changes: list[dict[str, Any]] = [{"at": wrong}, {"unread": {"birthday": [wrong, "0"]}}, {"unread": [wrong]}]
    for change in [*changes, {"counts": {"final": wrong}}, {"counts": [wrong]}]:
        assert status({**good, **change}) == 422, change


SPELLINGS: dict[str, Callable[[str], str]] = {
    "cut": lambda cursor: cursor[:-3],
    "padded": lambda cursor: cursor + "=" * (-len(cursor) % 4 or 4),
    "with a word behind it": lambda cursor: cursor + "!!",
    "with a space in it": lambda cursor: f"{cursor[:8]} {cursor[8:]}",
    "written with spaces": lambda cursor: again(cursor, lambda text: text.replace(":", ": ")),
    "with a name twice": lambda cursor: again(cursor, lambda text: text[:-1] + ',"s":"0"' + text[-1]),
    "upper case": str.upper,
}


def again(cursor: str, change: Callable[[str], str]) -> str:
    text = base64.urlsafe_b64decode(cursor + "==").decode()
    return base64.urlsafe_b64encode(change(text).encode()).decode().rstrip("=")


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_cursor_is_spelled_one_way(api: Gateway, spelling: str) -> None:
    for number in range(2):
        api.post("/v1/suppressions", {"address": f"a{number}@cinema.example"})
    cursor = api.get("/v1/suppressions", channel="email", limit="1").body["cursor"]
    assert asked(api, "/v1/suppressions?channel=email", cursor) == 200

    assert asked(api, "/v1/suppressions?channel=email", SPELLINGS[spelling](cursor)) == 422
