"""`/v1/users`: the directory."""

from typing import Any

import pytest

from chalicelib.api.users import MAX_BATCH
from chalicelib.profiles.model import ATTRIBUTES_DEPTH
from chalicelib.storage.dynamodb import dynamodb
from tests.integration.api.gateway import Gateway, stored_rows
from tests.integration.faults import of_the_audit

ANNA: dict[str, Any] = {
    "email": "anna@example.com",
    "phone": "+79261234567",
    "name": "Анна",
    "locale": "ru",
    "timezone": "Europe/Moscow",
    "attributes": {"plan": "gold", "genres": ["drama"]},
}


def test_a_user_is_answered_as_written(api: Gateway) -> None:
    whole = {"id": "u-1", **ANNA, "email_confirmed": False}

    assert api.put("/v1/users/u-1", ANNA).body == whole
    assert api.get("/v1/users/u-1").body == whole


def test_a_put_forgets_what_it_leaves_out(api: Gateway) -> None:
    api.put("/v1/users/u-1", ANNA)

    told = api.put("/v1/users/u-1", {"email": "anna@example.com"}).body

    assert (told["name"], told["phone"], told["attributes"]) == (None, None, {})


@pytest.mark.parametrize("user_id", ["u-1", "A.b_c~d@e:f", "x" * 128])
def test_an_id_may_be_any_plain_word(api: Gateway, user_id: str) -> None:
    assert api.put(f"/v1/users/{user_id}", ANNA).body["id"] == user_id


@pytest.mark.parametrize("user_id", ["u 1", "юзер", "x" * 129, "a#b"])
def test_a_bad_id_is_refused(api: Gateway, user_id: str) -> None:
    assert api.put(f"/v1/users/{user_id}", ANNA).status == 422
    assert stored_rows() == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "anna"),
        ("email", ""),
        ("email", f"{'a' * 250}@example.com"),
        ("phone", "89261234567"),
        ("phone", "8 (926) 123-45-67"),
        ("phone", "+7 926 CALL-NOW"),
        ("name", ""),
        ("name", "x" * 201),
        ("name", "\t\u2028"),
        ("locale", "russian"),
        ("locale", "ru/RU"),
        ("timezone", "Moscow"),
        ("timezone", "../etc/passwd"),
        ("attributes", []),
        ("attributes", {"a": "x" * 32_768}),
        ("email_confirmed", "yes"),
        ("email_confirmed", 1),
        ("id", "u-2"),
        ("password", "secret"),
    ],
)
def test_a_bad_field_is_named_by_put_and_patch_and_nothing_is_stored(api: Gateway, field: str, value: Any) -> None:
    replies = [api.put("/v1/users/u-1", {**ANNA, field: value}), api.patch("/v1/users/u-1", {field: value})]

    assert [(reply.status, reply.bad_fields) for reply in replies] == [(422, [field])] * 2
    assert stored_rows() == []


def test_attributes_may_be_as_deep_as_stated_and_no_deeper(api: Gateway) -> None:
    def tower(levels: int) -> Any:
        return {"a": tower(levels - 1)} if levels else 1

    assert api.put("/v1/users/u-1", {"attributes": tower(ATTRIBUTES_DEPTH)}).status == 200
    assert api.put("/v1/users/u-1", {"attributes": tower(ATTRIBUTES_DEPTH + 1)}).status == 422
    assert api.put("/v1/users/u-1", {"attributes": tower(900)}).status == 422


def test_a_national_domain_is_kept_in_the_form_that_mail_understands(api: Gateway) -> None:
    assert api.put("/v1/users/u-1", {"email": "info@почта.рф"}).body["email"] == "info@xn--80a1acny.xn--p1ai"


# ---------------------------------------------------------------- PATCH


def test_a_patch_changes_what_it_names_and_null_removes(api: Gateway) -> None:
    api.put("/v1/users/u-1", ANNA)

    told = api.patch("/v1/users/u-1", {"name": "Anna", "phone": None}).body

    assert told == {"id": "u-1", **ANNA, "name": "Anna", "phone": None, "email_confirmed": False}


def test_attributes_are_merged_by_name(api: Gateway) -> None:
    api.put("/v1/users/u-1", ANNA)

    told = api.patch("/v1/users/u-1", {"attributes": {"plan": None, "city": "Тверь"}}).body

    assert told["attributes"] == {"genres": ["drama"], "city": "Тверь"}
    assert api.patch("/v1/users/u-1", {"attributes": None}).body["attributes"] == {}


def test_a_patch_of_nothing_changes_nothing(api: Gateway) -> None:
    before = api.put("/v1/users/u-1", ANNA).body

    assert api.patch("/v1/users/u-1", {}).body == before


def test_a_patch_may_be_called_by_its_own_media_type(api: Gateway) -> None:
    api.put("/v1/users/u-1", ANNA)
    headers = {"content-type": "application/merge-patch+json"}

    assert api.call("PATCH", "/v1/users/u-1", {"name": "Anna"}, headers=headers).body["name"] == "Anna"


def test_two_patches_at_once_are_both_kept(api: Gateway) -> None:
    api.put("/v1/users/u-1", ANNA)
    events = dynamodb().client.meta.events
    met: list[str] = []

    def another_patch_comes_first(params: Any, **_: Any) -> None:
        if not met and not of_the_audit(params):
            met.append("once")
            api.patch("/v1/users/u-1", {"attributes": {"city": "Тверь"}})

    events.register_first("before-call.dynamodb.PutItem", another_patch_comes_first)
    api.patch("/v1/users/u-1", {"attributes": {"plan": "basic"}})

    assert api.get("/v1/users/u-1").body["attributes"] == {"genres": ["drama"], "plan": "basic", "city": "Тверь"}


def test_a_user_whom_others_keep_changing_is_a_conflict(api: Gateway) -> None:
    api.put("/v1/users/u-1", ANNA)
    events = dynamodb().client.meta.events
    busy: list[int] = []

    def others_are_always_first(params: Any, **_: Any) -> None:
        if len(busy) % 2 == 0 and not of_the_audit(params):
            busy.extend((1, 1))
            busy.append(1)
            api.patch("/v1/users/u-1", {"attributes": {"n": len(busy)}})
            busy.append(1)

    events.register_first("before-call.dynamodb.PutItem", others_are_always_first)

    assert api.patch("/v1/users/u-1", {"name": "Anna"}).status == 409


# ---------------------------------------------------------------- email_confirmed


@pytest.fixture
def confirmed(api: Gateway) -> Gateway:
    """u-1 has confirmed anna@example.com."""
    assert api.put("/v1/users/u-1", {**ANNA, "email_confirmed": True}).body["email_confirmed"] is True
    return api


def test_a_confirmation_is_kept_for_the_same_address(confirmed: Gateway) -> None:
    assert confirmed.put("/v1/users/u-1", ANNA).body["email_confirmed"] is True
    assert confirmed.patch("/v1/users/u-1", {"name": "Anna"}).body["email_confirmed"] is True
    assert confirmed.post("/v1/users/batch", {"users": [{"id": "u-1", **ANNA}]}).body["users"][0]["email_confirmed"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_confirmation_is_lost_with_the_address(confirmed: Gateway, method: str) -> None:
    told = confirmed.call(method, "/v1/users/u-1", {"email": "other@example.com"}).body

    assert told["email_confirmed"] is False


def test_a_confirmation_can_be_taken_back(confirmed: Gateway) -> None:
    assert confirmed.patch("/v1/users/u-1", {"email_confirmed": False}).body["email_confirmed"] is False
    assert confirmed.get("/v1/users/u-1").body["email_confirmed"] is False


def test_nothing_is_confirmed_of_a_user_without_an_address(confirmed: Gateway) -> None:
    assert confirmed.patch("/v1/users/u-1", {"email": None, "email_confirmed": True}).body["email_confirmed"] is False


# ---------------------------------------------------------------- DELETE


def test_a_deleted_user_is_gone(api: Gateway) -> None:
    api.put("/v1/users/u-1", ANNA)

    assert (api.delete("/v1/users/u-1").status, api.get("/v1/users/u-1").status) == (204, 404)
    assert api.delete("/v1/users/u-1").status == 204
    assert api.delete("/v1/users/nobody").status == 404


def test_a_late_patch_does_not_bring_a_deleted_user_back(api: Gateway) -> None:
    api.put("/v1/users/u-1", ANNA)
    met: list[str] = []

    def they_are_deleted_meanwhile(params: Any, **_: Any) -> None:
        if not met and not of_the_audit(params):
            met.append("once")
            api.delete("/v1/users/u-1")

    dynamodb().client.meta.events.register_first("before-call.dynamodb.PutItem", they_are_deleted_meanwhile)

    assert api.patch("/v1/users/u-1", {"name": "Anna"}).status == 404
    assert api.get("/v1/users/u-1").status == 404


# ---------------------------------------------------------------- batch


def test_five_hundred_users_are_written_at_once(api: Gateway) -> None:
    users = [{"id": f"u-{n}", "email": f"u{n}@example.com", "timezone": "Asia/Tokyo"} for n in range(MAX_BATCH)]

    told = api.post("/v1/users/batch", {"users": users}).body["users"]

    assert [one["id"] for one in told] == [one["id"] for one in users]
    assert api.get("/v1/users/u-499").body["email"] == "u499@example.com"


def test_more_than_five_hundred_or_none_are_refused(api: Gateway) -> None:
    too_many = [{"id": f"u-{n}"} for n in range(MAX_BATCH + 1)]

    replies = [api.post("/v1/users/batch", {"users": users}) for users in (too_many, [])]

    assert [(reply.status, reply.bad_fields) for reply in replies] == [(422, ["users"])] * 2
    assert stored_rows() == []


def test_one_bad_user_is_named_and_none_is_written(api: Gateway) -> None:
    reply = api.post(
        "/v1/users/batch", {"users": [{"id": "u-1"}, {"id": "u-2", "email": "no"}, {"email": "a@b.example"}]}
    )

    assert (reply.status, reply.bad_fields) == (422, ["users[1].email", "users[2].id"])
    assert stored_rows() == []


def test_of_a_repeated_id_the_last_wins(api: Gateway) -> None:
    api.post("/v1/users/batch", {"users": [{"id": "u-1", "name": "First"}, {"id": "u-1", "name": "Last"}]})

    assert api.get("/v1/users/u-1").body["name"] == "Last"
