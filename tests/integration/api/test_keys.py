"""Who may call: keys, scopes, and how keys are kept."""

import hashlib

import pytest

from chalicelib.accounts.api_keys import ApiKeys, Scope, create_key
from chalicelib.clock import now, rfc3339
from chalicelib.errors import ForbiddenError, InvalidError, UnauthorizedError
from chalicelib.storage.rows.configuration import ApiKeyRow
from tests.integration.api.gateway import PROMO, Gateway, gateway, nothing_happened

REQUEST = {**PROMO, "recipients": [{"email": "anna@example.com"}]}


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer nonsense",
        "Bearer vk_",
        "Bearer vk_unknown_secret",
        "Basic vk_unknown_secret",
        f"Bearer vk_{'x' * 3000}_secret",
        "Bearer vk_юникод_secret",
    ],
)
def test_a_caller_without_a_good_key_is_answered_401(stage: None, authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}

    reply = Gateway(key=None, headers=headers).post("/v1/notifications", REQUEST)

    assert reply.status == 401
    assert reply.headers["www-authenticate"] == "Bearer"
    assert nothing_happened()


def test_a_key_with_a_wrong_secret_is_answered_401(api: Gateway) -> None:
    assert api.key is not None
    wrong = Gateway(key=api.key[:-1] + ("a" if api.key[-1] != "a" else "b"))

    assert wrong.post("/v1/notifications", REQUEST).status == 401


def test_a_key_is_asked_for_before_the_body_is_read(stage: None) -> None:
    assert Gateway(key=None).post("/v1/notifications", b"{not json").status == 401


def test_a_key_without_the_scope_is_answered_403_and_the_scope_is_named(stage: None) -> None:
    reply = gateway(Scope.READ).post("/v1/notifications", REQUEST)

    assert reply.status == 403
    assert "notifications:send" in reply.body["detail"]
    assert nothing_happened()


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/v1/notifications", Scope.SEND),
        ("GET", "/v1/notifications/n-1", Scope.READ),
        ("POST", "/v1/notifications/n-1/cancel", Scope.SEND),
        ("GET", "/v1/users/u-1/notifications", Scope.READ),
        ("PUT", "/v1/users/u-1", Scope.USERS_WRITE),
        ("GET", "/v1/users/u-1", Scope.USERS_READ),
        ("PATCH", "/v1/users/u-1", Scope.USERS_WRITE),
        ("DELETE", "/v1/users/u-1", Scope.USERS_WRITE),
        ("POST", "/v1/users/batch", Scope.USERS_WRITE),
        ("GET", "/v1/templates/promo", Scope.TEMPLATES_READ),
        ("PUT", "/v1/templates/promo", Scope.TEMPLATES_WRITE),
        ("POST", "/v1/templates/promo/preview", Scope.TEMPLATES_READ),
    ],
)
def test_every_call_demands_its_own_scope(stage: None, method: str, path: str, scope: Scope) -> None:
    others = [one for one in Scope if one is not scope]

    assert gateway(*others).call(method, path, {}).status == 403
    assert gateway(scope).call(method, path, {}).status != 403


def test_a_key_is_stored_only_as_the_hash_of_its_secret(stage: None) -> None:
    key = create_key("shop", [Scope.SEND])
    [row] = ApiKeyRow.scan()
    secret = key.split("_", 2)[2]

    assert row.secret_hash == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in str(row.to_simple_dict())


def test_a_revoked_key_is_refused_at_once_by_a_process_that_has_not_seen_it(stage: None) -> None:
    key = create_key("shop", [Scope.SEND])
    revoke(key)

    with pytest.raises(UnauthorizedError, match="revoked"):
        ApiKeys().caller(f"Bearer {key}")


def test_a_revoked_key_is_known_for_half_a_minute_at_most(stage: None) -> None:
    seconds = [1000.0]
    ring = ApiKeys(clock=lambda: seconds[0])
    key = create_key("shop", [Scope.SEND])
    ring.caller(f"Bearer {key}")
    revoke(key)

    seconds[0] += 29
    assert ring.caller(f"Bearer {key}").scopes == {Scope.SEND}
    seconds[0] += 2
    with pytest.raises(UnauthorizedError):
        ring.caller(f"Bearer {key}")


def test_a_good_key_in_the_cache_opens_nothing_for_another_secret(stage: None) -> None:
    ring = ApiKeys()
    key = create_key("shop", [Scope.SEND])
    ring.caller(f"Bearer {key}")

    with pytest.raises(UnauthorizedError):
        ring.caller(f"Bearer {key}x")


def test_a_key_made_again_under_its_id_replaces_the_old_one(stage: None) -> None:
    old = create_key("shop", [Scope.SEND], key_id="shop")
    new = create_key("shop", [Scope.READ], key_id="shop")

    assert ApiKeys().caller(f"Bearer {new}").scopes == {Scope.READ}
    with pytest.raises(UnauthorizedError):
        ApiKeys().caller(f"Bearer {old}")


def test_a_caller_without_a_scope_is_refused_by_its_name(stage: None) -> None:
    caller = ApiKeys().caller(f"bearer {create_key('shop', [Scope.READ])}")

    caller.demand(Scope.READ)
    with pytest.raises(ForbiddenError, match="notifications:send"):
        caller.demand(Scope.SEND)


@pytest.mark.parametrize(
    ("scopes", "key_id"), [(["everything"], None), ([Scope.SEND], "with_underscore"), ([], "x" * 65)]
)
def test_a_key_that_could_never_work_is_not_made(stage: None, scopes: list[str], key_id: str | None) -> None:
    with pytest.raises(InvalidError):
        create_key("shop", scopes, key_id=key_id)
    assert list(ApiKeyRow.scan()) == []


def revoke(key: str) -> None:
    row = ApiKeyRow.get(key.split("_")[1])
    row.update(actions=[ApiKeyRow.revoked_at.set(rfc3339(now()))])
