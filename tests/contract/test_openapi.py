"""`/openapi.json` is valid, complete and true."""

from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from app import app  # noqa: TID251  (its routes are what is compared)
from chalicelib.accounts.api_keys import Scope
from chalicelib.api.declarations import ENDPOINTS
from chalicelib.api.openapi import document

# What no service calls: pages, links in letters, and the contract itself.
UNDOCUMENTED_PREFIXES = (
    "/healthz",
    "/openapi.json",
    "/docs",
    "/live-demo",
    "/s/",
    "/admin",
    "/unsubscribe",
    "/preferences",
    "/view/",
    "/new-link",
    "/confirm",
)


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    return document("https://notify.cinema.example")


def operations(contract: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in contract["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_the_document_is_valid_openapi(contract: dict[str, Any]) -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(contract).iter_errors()] == []


def test_every_route_of_the_api_is_documented_and_nothing_else(contract: dict[str, Any]) -> None:
    documented = {(method.upper(), path) for method, path, _ in operations(contract)}
    routed = {(method, path) for path, methods in app.routes.items() for method in methods if path.startswith("/v1/")}

    assert documented == routed


def test_every_other_route_is_one_that_no_service_calls() -> None:
    others = [path for path in app.routes if not path.startswith("/v1/")]

    assert [path for path in others if not f"{path}/".startswith(UNDOCUMENTED_PREFIXES)] == []


def test_every_operation_has_a_name_of_its_own(contract: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(contract)]

    assert len(set(names)) == len(names)


def test_every_operation_promises_its_problems(contract: dict[str, Any]) -> None:
    for method, path, operation in operations(contract):
        wanted = {"401", "403", "503"}
        if "requestBody" in operation:
            wanted |= {"413", "415", "422"}
        if "{" in path:
            wanted |= {"404", "422"}
        assert wanted <= set(operation["responses"]), f"{method} {path}"


def test_every_parameter_of_a_path_is_declared(contract: dict[str, Any]) -> None:
    for _, path, operation in operations(contract):
        named = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
        assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}


def test_every_scope_is_demanded_by_some_operation() -> None:
    assert {one.scope for one in ENDPOINTS} | {one.of_all for one in ENDPOINTS if one.of_all} == set(Scope)


def test_a_scope_for_all_services_widens_that_of_its_call() -> None:
    """Only an approval always concerns others' campaigns."""
    for one in ENDPOINTS:
        if one.of_all is not None and one.of_all is not one.scope:
            assert one.of_all.widens is one.scope, one.operation
    assert [one.operation for one in ENDPOINTS if one.of_all is one.scope] == ["approve_campaign", "send_back_campaign"]


def test_every_example_of_a_body_is_a_good_one() -> None:
    for body in [one.body for one in ENDPOINTS if one.body]:
        for example in body.model_json_schema()["examples"]:
            body.model_validate(example)
