"""DELETE: of what was seen, and of what is gone already."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from chalicelib.api.declarations import ENDPOINTS
from chalicelib.api.media import MediaBody
from chalicelib.api.openapi import example_of
from chalicelib.campaigns.model import Campaign
from chalicelib.clock import now
from chalicelib.stage.app import Stage
from chalicelib.states import ExportState
from chalicelib.storage.dynamodb import dynamodb
from chalicelib.storage.rows.campaigns import ListRow
from chalicelib.storage.rows.links import LinkRow
from tests.integration.api.gateway import Gateway
from tests.integration.api.things import new_endpoint, new_user
from tests.integration.faults import of_the_audit

LATER = "2028-01-01T00:00:00.000000Z"


class Deleted(NamedTuple):
    """A thing that is deleted: how it comes to be (answers its path), how somebody changes it, and its siblings that
    never were there."""

    make: Callable[[Gateway], str]
    change: Callable[[Gateway, str], object]
    unknown: str


def _list(api: Gateway) -> str:
    return f"/v1/lists/{api.post('/v1/lists', {'name': 'Guests'}).body['id']}"


def _segment(api: Gateway) -> str:
    rule = {"attribute": "plan", "op": "exists"}
    return f"/v1/segments/{api.post('/v1/segments', {'name': 'Planned', 'rule': rule}).body['id']}"


def _suppression(api: Gateway) -> str:
    api.post("/v1/suppressions", {"address": "anna@example.com"})
    return "/v1/suppressions/email/anna@example.com"


def _picture(api: Gateway) -> str:
    return f"/v1/media/{api.post('/v1/media', example_of(MediaBody)).body['id']}"


def _export(api: Gateway) -> str:
    """Of a run that has just begun."""
    new_user(api)
    made = api.post("/v1/campaigns", example_of(Campaign) | {"audience": {"everyone": True}}).body
    Stage.own().campaign_commands.start(made["id"], by="anna")
    head = Stage.own().campaigns.get(made["id"])
    Stage.own().run_driver.open(head, now())
    run, *_ = Stage.own().runs.of(head.id)
    exports = f"/v1/campaigns/{head.id}/runs/{run.run_id}/exports"
    return f"{exports}/{api.post(exports, {}).body['id']}"


def _written(_: Gateway, path: str) -> None:
    *_rest, run, _exports, export = path.split("/")
    found = Stage.own().exports.find(run, export)
    assert found is not None
    assert Stage.own().exports.finish(found, ExportState.READY)


def _link(_: Gateway) -> str:
    LinkRow("abcdefgh", kind="short", redirect_url="https://cinema.example/p", notification_id="n-1", channel="email",
            created_at="2026-11-22T00:00:00.000000Z", valid_until="2027-11-22T00:00:00.000000Z").save()  # fmt: skip
    return "/v1/links/abcdefgh"


DELETED = {
    "/v1/users/{id}": Deleted(new_user, lambda api, path: api.patch(path, {"name": "Ann"}), "/v1/users/nobody"),
    "/v1/users/{id}/endpoints/{endpoint_id}": Deleted(
        new_endpoint, lambda api, path: api.patch(path, {"enabled": False}), "/v1/users/u-1/endpoints/nothing"
    ),
    "/v1/lists/{id}": Deleted(
        _list, lambda _, path: Stage.own().lists.begin_loading(path.rpartition("/")[2]), "/v1/lists/nothing"
    ),
    "/v1/segments/{id}": Deleted(
        _segment, lambda api, path: api.patch(path, {"name": "Other"}), "/v1/segments/nothing"
    ),
    "/v1/campaigns/{id}": Deleted(
        lambda api: f"/v1/campaigns/{api.post('/v1/campaigns', example_of(Campaign)).body['id']}",
        lambda api, path: api.patch(path, {"rate_per_second": 7}),
        "/v1/campaigns/nothing",
    ),
    "/v1/suppressions/{channel}/{address}": Deleted(
        _suppression,
        lambda api, _: api.post("/v1/suppressions", {"address": "anna@example.com", "until": LATER}),
        "/v1/suppressions/email/nobody@example.com",
    ),
    "/v1/media/{id}": Deleted(
        _picture,
        lambda api, path: api.patch(path, {"alt": {"en": "Another dot"}}),
        "/v1/media/00000000000000000000000000000000",
    ),
    "/v1/campaigns/{id}/runs/{run}/exports/{export}": Deleted(
        _export, _written, "/v1/campaigns/none/runs/none@2026-01-01T00:00:00Z/exports/none"
    ),
    "/v1/links/{code}": Deleted(
        _link,
        lambda *_: LinkRow("abcdefgh").update(actions=[LinkRow.valid_until.set(LATER)]),
        "/v1/links/nothing0",
    ),
}


def meanwhile(do: Callable[[], object]) -> None:
    """Has something done before the first write from now on, except for the audit's, reaches DynamoDB."""
    met: list[str] = []

    def first(model: Any, params: Any, **_: Any) -> None:
        writes = model.name in ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems")
        if not met and writes and not of_the_audit(params):
            met.append(model.name)
            do()

    dynamodb().client.meta.events.register_first("before-call.dynamodb", first)


def test_every_route_is_here() -> None:
    assert {one.path for one in ENDPOINTS if one.method == "DELETE"} == DELETED.keys()


@pytest.mark.parametrize("route", DELETED)
def test_to_delete_what_is_deleted_is_success_and_what_never_was_is_not_there(api: Gateway, route: str) -> None:
    """Promise B4: one rule for every DELETE, with `If-Match` too."""
    thing = DELETED[route]
    path = thing.make(api)
    seen = {"if-match": api.get(path).headers["etag"]}

    assert [api.delete(path).status for _ in range(3)] == [204, 204, 204]
    assert api.call("DELETE", path, headers=seen).status == 204
    assert api.delete(thing.unknown).status == 404


def test_a_user_who_came_back_is_erased_again(api: Gateway) -> None:
    """Promise B4: that somebody of this id was erased before says nothing of who has it now."""
    for _ in range(2):
        path = new_user(api)
        assert (api.get(path).status, api.delete(path).status, api.get(path).status) == (200, 204, 404)


@pytest.mark.parametrize("route", [one for one in DELETED if not one.startswith("/v1/suppressions")])
def test_what_was_changed_while_it_was_being_deleted_stays(api: Gateway, route: str) -> None:
    """Promise B3: the condition stands in the write itself."""
    thing = DELETED[route]
    path = thing.make(api)
    seen = api.get(path).headers["etag"]
    meanwhile(lambda: thing.change(api, path))

    assert api.call("DELETE", path, headers={"if-match": seen}).status in (409, 412)
    now = api.get(path)
    assert (now.status, now.headers["etag"] == seen) == (200, False)


def test_a_user_who_is_being_erased_as_seen_is_not_changed_any_more(
    api: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise B3: the erasure takes many writes; it ends with the user whom it began with."""
    path = new_user(api)
    answers: list[int] = []
    monkeypatch.setattr("chalicelib.storage.short_links.ShortLinks.erase_user", lambda *_: answers.append(
        api.patch(path, {"name": "Ann"}).status))  # fmt: skip
    seen = api.get(path).headers["etag"]
    assert api.call("DELETE", path, headers={"if-match": seen}).status == 204
    assert set(answers) == {409}
    assert api.get(path).status == 404


def test_a_list_whose_deletion_died_is_gone_and_its_rows_follow(api: Gateway) -> None:
    path = _list(api)
    list_id = path.rpartition("/")[2]
    ListRow(list_id, "block#000000", rows=b"rows").save()
    assert Stage.own().lists.close(Stage.own().lists.get(list_id))

    assert api.get(path).status == 404
    assert api.delete(path).status == 204
    assert list(ListRow.scan()) == []
