"""Every route, with every scope and every role: who is let in, and that whoever is refused has changed nothing. What is
expected stands in `rights.txt`, which no code writes: a right that changes is a line of it that changes."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from chalice.local import RouteMatcher

from app import app  # noqa: TID251  (here is who calls it)
from chalicelib.accounts.api_keys import ApiKeys, Scope, create_key
from chalicelib.accounts.managers import Role
from chalicelib.admin.views import REGISTERED, Proof, Registered
from chalicelib.api.declarations import ENDPOINTS, Route
from chalicelib.settings import settings
from tests.integration.admin.conftest import Visitor, signed_in
from tests.integration.api.gateway import PROMO, Gateway, gateway, lambda_event
from tests.integration.conftest import TABLES, a_stage, moto_of
from tests.twin.process import of_the_stage

EXPECTED = [line.split() for line in (Path(__file__).parent / "rights.txt").read_text().splitlines() if line]
THERE: dict[str, str] = {}  # ids of what is on the stage, by the part of the path before them
EVERYBODY, SERVICE, MANAGER = "everybody", "service", "manager"
# What a refusal may leave behind: a session that was used, an answer that is remembered, a line of the audit.
TRACES = ("sessions", "calls", "allowances", "audit")


@pytest.fixture(scope="module")
def whole_stage() -> Iterator[None]:
    """One stage for all that is asked, in which there is what is asked for."""
    with pytest.MonkeyPatch.context() as monkeypatch, a_stage(monkeypatch):
        api = gateway()
        api.put("/v1/users/anna", {"email": "anna@viewers.example", "locale": "en"})
        api.put("/v1/users/anna/preferences", {"everything": False})
        sent = api.post("/v1/notifications", {**PROMO, "recipients": [{"user_id": "anna"}]})
        campaign = api.post("/v1/campaigns", {"name": "Spring", **PROMO, "audience": {"everyone": True}})
        THERE.update(
            notifications=sent.body["notifications"][0]["id"],
            campaigns=campaign.body["id"],
            lists=api.post("/v1/lists", {"name": "Subscribers"}).body["id"],
            segments=api.post("/v1/segments", {"name": "Known", "rule": {"attribute": "plan", "op": "exists"}}).body[
                "id"
            ],
            users="anna",
            templates="promo",
            keys=create_key("shop", list(Scope)).split("_")[1],
        )
        yield


@pytest.fixture(scope="module")
def keys(whole_stage: None) -> Mapping[Scope, Gateway]:
    """A service for each scope, which has that one alone."""
    return {scope: Gateway(create_key(f"only {scope}", [scope])) for scope in Scope}


@pytest.fixture(scope="module")
def browsers(whole_stage: None) -> Mapping[Role, Visitor]:
    """A manager for each role, who has that one alone."""
    return {role: signed_in(role.value, role) for role in Role}


def world() -> list[Any]:
    """All that is stored and queued, except for the traces."""
    kept = of_the_stage().tables
    tables = [kept[settings().resource(table.Meta.thing)] for table in TABLES if table.Meta.thing not in TRACES]
    texts = [sorted(str(sorted(entry.item.items())) for entry in table.items.values()) for table in tables]
    # Whoever counts an audience learns what profiles have, whatever else they typed.
    stored = [[one for one in table if "audience_attributes" not in one] for table in texts]
    return [stored, {name: len(queue._messages) for name, queue in moto_of("sqs").queues.items()}]


def path_of(one: Route | Registered) -> str:
    """With the id of something that is there, where the stage has such a thing."""
    parts = one.path.split("/")
    return "/".join(THERE.get(parts[n - 1], "x") if part.startswith("{") else part for n, part in enumerate(parts))


def declared() -> Iterator[list[str]]:
    """What the app says about each of its routes and methods."""
    of_services = {(one.path, one.method): one for one in ENDPOINTS}
    of_managers = {(one.path, one.method): one for one in REGISTERED}
    for path, methods in app.routes.items():
        for method in methods:
            if service := of_services.get((path, method)):
                yield [method, path, SERVICE, service.scope, *([service.of_all] if service.of_all else [])]
            elif manager := of_managers.get((path, method)):
                yield [method, path, MANAGER, manager.role]
            else:
                yield [method, path, EVERYBODY]


def test_every_route_asks_for_the_right_that_is_expected() -> None:
    """Promise I6."""
    assert sorted(declared()) == sorted(EXPECTED)


def test_whoever_may_do_everything_still_asks_for_it() -> None:
    """No page and no call of the API is open by mistake."""
    open_to_all = {path for _, path, who, *_ in EXPECTED if who == EVERYBODY}

    assert not any(path.startswith("/v1/") for path in open_to_all)
    assert {path for path in open_to_all if path.startswith("/admin")} == {
        "/admin/sign-in",
        "/admin/look",
        "/admin/static/{version}/{name}",
    }


@pytest.mark.parametrize("one", ENDPOINTS, ids=lambda one: one.operation)
def test_a_call_is_open_to_its_scope_alone(keys: Mapping[Scope, Gateway], one: Route) -> None:
    """Promise I6."""
    [needed] = [Scope(rights[0]) for method, path, _, *rights in EXPECTED if (method, path) == (one.method, one.path)]
    others = [scope for scope in Scope if scope is not needed]
    revoked, all_others = create_key("revoked", list(Scope)), Gateway(create_key("all others", others))
    ApiKeys().revoke(revoked.split("_")[1])
    before = world()

    def ask(service: Gateway) -> int:
        return service.call(one.method, path_of(one), {}).status

    assert {ask(Gateway(key)) for key in (None, "vk_x_y", revoked, f"{revoked}x")} == {401}
    assert {ask(service) for service in (*(keys[scope] for scope in others), all_others)} == {403}
    assert world() == before
    assert ask(keys[needed]) not in (401, 403)
    assert ask(Gateway(create_key("all", list(Scope)))) not in (401, 403)


@pytest.mark.parametrize("one", REGISTERED, ids=lambda one: f"{one.method} {one.path}")
def test_a_page_and_its_forms_are_open_to_their_role_alone(browsers: Mapping[Role, Visitor], one: Registered) -> None:
    """Promise I6."""
    [needed] = [Role(rights[0]) for method, path, _, *rights in EXPECTED if (method, path) == (one.method, one.path)]
    may = set(Role) if needed is Role.VIEWER else {needed}
    before = world()

    def ask(visitor: Visitor) -> int:
        return (visitor.get if one.method == "GET" else visitor.post)(path_of(one)).status

    assert ask(Visitor()) == 303  # to the door
    assert {ask(browsers[role]) for role in Role if role not in may} <= {403}
    if one.method == "POST":
        assert {browsers[role].post(path_of(one), token="forged").status for role in Role} == {403}
    assert world() == before
    for role in may:
        lasting = "sign-out" not in one.path and one.proof is Proof.NONE
        who = browsers[role] if lasting else signed_in(f"{role}{REGISTERED.index(one)}", role)
        assert ask(who) not in (401, 403)


@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path, who, *_ in EXPECTED if who == EVERYBODY])
def test_what_is_open_to_everybody_opens_nothing_by_itself(whole_stage: None, method: str, path: str) -> None:
    """A link that nobody made, a form that nobody filled in: nothing is stored."""
    matched = RouteMatcher(list(app.routes)).match_route("/".join("x" if "{" in p else p for p in path.split("/")))
    before = world()
    answer = app(lambda_event(method, matched, b"", headers={}, query={}), None)

    assert answer["statusCode"] < 500
    if path != "/live-demo/tickets":  # a stage with the demo gives tickets to guests
        assert world() == before
