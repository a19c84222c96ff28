"""`ETag` and `If-Match`: whoever writes says what they have read, and a write of something else is refused."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest

from chalicelib.api.declarations import ENDPOINTS
from chalicelib.rendering.shipped import read_shipped, shipped_folder
from chalicelib.storage.rows.configuration import TemplateRow
from tests.integration.api.gateway import PROBLEM, Gateway, Reply
from tests.integration.api.test_templates import HELLO
from tests.integration.api.things import ANNA, new_endpoint, new_user

OTHER_LOCALES = {"en": {"email.subject": "Another", "email.html": "<p>Other words</p>"}}
SHIPPED = read_shipped(shipped_folder(), "promo").fields
OTHER_SHIPPED = {**SHIPPED, "locales": {**SHIPPED["locales"], "en": {**SHIPPED["locales"]["en"], "sms": "Other words"}}}
PROMO: dict[str, Any] = {
    "name": "November",
    "template": "promo",
    "audience": {"everyone": True},
    "context": {"headline": "Tonight", "text": "Half price", "url": "https://cinema.example/p"},
}


class Edited(NamedTuple):
    """A thing that two people change: where it is, how each changes it, and the field that both touch."""

    path: Callable[[Gateway], str]
    method: str
    mine: Any
    theirs: Any
    field: str


def _preferences(api: Gateway) -> str:
    return f"{new_user(api)}/preferences"


def _template(api: Gateway) -> str:
    api.put("/v1/templates/hello", HELLO)
    return "/v1/templates/hello"


def _campaign(api: Gateway) -> str:
    return f"/v1/campaigns/{api.post('/v1/campaigns', PROMO).body['id']}"


EDITED = {
    "a template": Edited(_template, "PUT", HELLO, {**HELLO, "locales": OTHER_LOCALES}, "locales"),
    "a shipped template": Edited(lambda _: "/v1/templates/promo", "PUT", SHIPPED, OTHER_SHIPPED, "locales"),
    "a campaign": Edited(_campaign, "PATCH", {"name": "Mine"}, {"name": "Theirs"}, "name"),
    "a user": Edited(new_user, "PATCH", {"name": "Ann"}, {"name": "Anja"}, "name"),
    "a whole user": Edited(new_user, "PUT", {**ANNA, "name": "Ann"}, {**ANNA, "name": "Anja"}, "name"),
    "preferences": Edited(_preferences, "PUT", {"everything": True}, {"everything": False}, "everything"),
    "an endpoint": Edited(new_endpoint, "PATCH", {"enabled": True}, {"enabled": False}, "enabled"),
    "a limit": Edited(
        lambda _: "/v1/control/limits/ses.bulk",
        "POST",
        {"rate_per_second": 7},
        {"rate_per_second": 8},
        "rate_per_second",
    ),
    "a switch": Edited(
        lambda _: "/v1/control/switches/chat",
        "POST",
        {"state": "closed", "reason": "mine", "ramp": False},
        {"state": "open", "reason": "theirs"},
        "state",
    ),
    "a setting": Edited(
        lambda _: "/v1/settings/link_days", "PUT", {"value": {"short": 9}}, {"value": {"short": 8}}, "value.short"
    ),
}


def write(api: Gateway, path: str, edited: Edited, body: Any, if_match: str) -> Reply:
    return api.call(edited.method, path, body, headers={"if-match": if_match})


@pytest.mark.parametrize("thing", EDITED)
def test_the_second_of_two_editors_is_told_what_the_first_has_changed(api: Gateway, thing: str) -> None:
    """Promise B3: no editor silently undoes another's work."""
    edited = EDITED[thing]
    path = edited.path(api)
    read = api.get(path)
    theirs = write(api, path, edited, edited.theirs, read.headers["etag"])
    assert theirs.status == 200

    mine = write(api, path, edited, edited.mine, read.headers["etag"])

    assert (mine.status, mine.headers["content-type"]) == (412, PROBLEM)
    assert edited.field in mine.bad_fields
    now = api.get(path)
    assert now.body == {name: one for name, one in theirs.body.items() if name != "findings"}
    assert mine.body["etag"] == mine.headers["etag"] == now.headers["etag"] == theirs.headers["etag"]
    assert write(api, path, edited, edited.mine, mine.body["etag"]).status == 200


@pytest.mark.parametrize("thing", EDITED)
def test_a_star_matches_what_is_there_and_no_header_asks_nothing(api: Gateway, thing: str) -> None:
    edited = EDITED[thing]
    path = edited.path(api)

    assert write(api, path, edited, edited.theirs, "*").status == 200
    assert api.call(edited.method, path, edited.mine).status == 200


@pytest.mark.parametrize("thing", EDITED)
def test_a_malformed_if_match_changes_nothing(api: Gateway, thing: str) -> None:
    edited = EDITED[thing]
    path = edited.path(api)
    before = api.get(path)

    refused = write(api, path, edited, edited.theirs, before.headers["etag"].strip('"'))

    assert (refused.status, refused.bad_fields) == (422, ["If-Match"])
    assert api.get(path).body == before.body


@pytest.mark.parametrize("thing", EDITED)
def test_of_many_editors_at_once_one_wins_and_nobody_is_undone(api: Gateway, thing: str) -> None:
    edited = EDITED[thing]
    path = edited.path(api)
    seen = api.get(path).headers["etag"]

    with ThreadPoolExecutor(4) as editors:
        replies = list(editors.map(lambda _: write(api, path, edited, edited.theirs, seen), range(4)))

    assert sorted(reply.status for reply in replies) == [200, 412, 412, 412]


def test_nothing_is_made_where_something_was_seen(api: Gateway) -> None:
    assert api.call("PUT", "/v1/users/nobody", ANNA, headers={"if-match": "*"}).status == 412
    assert api.get("/v1/users/nobody").status == 404


def test_a_user_who_was_changed_is_not_erased(api: Gateway) -> None:
    seen = api.get(new_user(api)).headers["etag"]
    api.patch("/v1/users/u-1", {"name": "Ann"})

    assert api.call("DELETE", "/v1/users/u-1", headers={"if-match": seen}).status == 412
    assert api.get("/v1/users/u-1").status == 200


def test_a_call_that_compares_nothing_says_so(api: Gateway) -> None:
    refused = api.call("POST", "/v1/users/batch", {"users": [{"id": "u-1"}]}, headers={"if-match": '"a"'})

    assert (refused.status, refused.bad_fields) == (422, ["If-Match"])


def test_whatever_can_be_replaced_changed_or_deleted_has_an_etag() -> None:
    """Promise B3: every resource that is written has an ETag."""
    tagged = {one.path for one in ENDPOINTS if one.method == "GET" and one.tag is not None}
    for one in ENDPOINTS:
        if one.method in ("PUT", "PATCH", "DELETE") or (one.method == "POST" and one.path in tagged):
            assert one.if_match, f"{one.method} {one.path} does not take If-Match"
            assert one.path in tagged, f"GET {one.path} has no ETag"
            assert one.answer is None or one.tag is not None, f"{one.method} {one.path} answers no ETag"


def test_a_campaign_whose_template_is_gone_is_still_shown_and_stopped(api: Gateway) -> None:
    """Promise A1: whatever a later release leaves out."""
    api.put("/v1/templates/hello", HELLO)
    draft = {"name": "Old", "template": "hello", "audience": {"everyone": True}, "context": HELLO["sample"]["context"]}
    path = f"/v1/campaigns/{api.post('/v1/campaigns', draft).body['id']}"
    for row in TemplateRow.scan():
        row.delete()

    read = api.get(path)
    assert (read.status, read.body["template"]) == (200, "hello")
    refused = api.post(f"{path}/start", None)
    assert (refused.status, refused.bad_fields) == (422, ["template"])
    assert api.post(f"{path}/cancel", None).body["state"] == "cancelled"
    assert api.get(path).status == 200
