"""`/openapi.json`, generated from what the endpoints declare: OpenAPI 3.1 with pydantic's own JSON schemas. Examples of
bodies are on their models, those of paths here; `tests/integration/api/test_examples.py` runs every one."""

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from inspect import getdoc
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from chalicelib.api.declarations import ENDPOINTS, Route
from chalicelib.api.idempotency_key import HEADER, KEY_CHARACTERS, MEANING, REPLAYED
from chalicelib.api.problem import CONTENT_TYPE, Problem
from chalicelib.etags import IF_MATCH, MAX_CHARACTERS

VERSION = "1.0.0"
_REF = "#/components/schemas/{model}"
_IF_MATCH = "the `ETag` of what you have read, or `*`: nothing is changed if it has changed since"
_MUST_MATCH = "the `ETag` of what you have looked at: nothing is done if it has changed since"
_ETAG = {"description": "of what is answered; send it back as `If-Match`", "schema": {"type": "string"}}
_REPLAYED = {"description": "`true`: this is the answer of the first such call", "schema": {"type": "string"}}
USED_KEY = f"the {HEADER} was used for another body; with `Retry-After`: this very call is being done"
KEY = (
    "An API key with scopes. It belongs to the service that its name says, and sees the letters, campaigns, lists and "
    "links that this service asked for, and those of others only with the scope `…-all` that widens the call's own."
)
_PROBLEMS = {
    HTTPStatus.UNAUTHORIZED: "no API key, or an unknown one",
    HTTPStatus.FORBIDDEN: "the key lacks the scope",
    HTTPStatus.SERVICE_UNAVAILABLE: "a subsystem did not answer; repeat the call",
}
_Schemas = Mapping[Any, dict[str, Any]]  # by (model, mode), as pydantic returns them

EXAMPLE_ID = "0d2b0c56-5a0b-4c3e-9a55-0c1d2e3f4a5b"
# By the path before the first parameter.
_VALUES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "/v1/campaigns/": {"id": EXAMPLE_ID, "run": f"{EXAMPLE_ID}@2026-11-27T18:00:00Z", "export": EXAMPLE_ID},
        "/v1/control/attention/": {"delivery_id": f"{EXAMPLE_ID}_email"},
        "/v1/control/consumers/": {"name": "deliver-email-bulk"},
        "/v1/control/dead-letters/": {"name": "deliver-email"},
        "/v1/control/limits/": {"name": "ses.bulk"},
        "/v1/control/switches/": {"name": "ses"},
        "/v1/links/": {"code": "kJ3mQ0sYb7vXc1LrT9hZf2WnE8A"},
        "/v1/lists/": {"id": EXAMPLE_ID},
        "/v1/media/": {"id": "3f2a9c51d07be864aa10c7e95b3d8f62"},
        "/v1/notifications/": {"id": EXAMPLE_ID},
        "/v1/segments/": {"id": EXAMPLE_ID},
        "/v1/settings/": {"name": "redirect_url"},
        "/v1/suppressions/": {"channel": "email", "address": "anna@example.com"},
        "/v1/templates/": {"key": "promo"},
        "/v1/users/": {"id": "u-1042", "endpoint_id": "webhook-5f0c1c9e2b7a4d31"},
    }
)


def path_values(path: str) -> Mapping[str, str]:
    """An example for each parameter in a route. Raises: KeyError for a route that has none yet: add one."""
    before, brace, _ = path.partition("{")
    return {name: value for name, value in _VALUES[before].items() if f"{{{name}}}" in path} if brace else {}


def example_of(body: type[BaseModel]) -> Any:
    """The first example of a body, in its author's order. Raises: KeyError for a body that has none yet: add one."""
    extra: Any = body.model_config["json_schema_extra"]
    return extra["examples"][0]


@cache
def document(server: str) -> dict[str, Any]:
    """The whole document; `server` is the API's base URL."""
    schemas, definitions = models_json_schema(_models(), ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for one in sorted(ENDPOINTS, key=lambda one: one.path):  # whatever was imported first
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Vestnik",
            "version": VERSION,
            "description": "Notifications of an online cinema. Errors are `application/problem+json` (RFC 9457).",
        },
        "servers": [{"url": server}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": KEY}},
        },
    }


def _models() -> list[tuple[type[BaseModel], JsonSchemaMode]]:
    models: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(Problem, "serialization"): None}
    for one in ENDPOINTS:
        if one.body:
            models[(one.body, "validation")] = None
        if one.answer:
            models[(one.answer, "serialization")] = None
    return list(models)


def _operation(one: Route, schemas: _Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": one.operation,
        "summary": one.summary,
        "description": f"{getdoc(one.view)}\n\nScope: `{one.scope}`{_reach(one)}.",
        "x-scope": one.scope.value,
        **({"x-scope-of-all": one.of_all.value} if one.of_all else {}),
        "tags": [one.path.split("/")[2]],
        "parameters": _parameters(one),
        "responses": _responses(one, schemas),
    }
    if one.body:
        content = {"schema": schemas[(one.body, "validation")]}
        content["example"] = example_of(one.body)
        operation["requestBody"] = {"required": one.needs_body, "content": dict.fromkeys(one.content_types, content)}
    return operation


def _reach(one: Route) -> str:
    """How far the scope reaches."""
    if one.of_all is None:
        return ""
    if one.of_all is one.scope:
        return "; it reaches what all services asked for"
    return f"; what others than the caller's service asked for is not there without `{one.of_all}`"


def _parameters(one: Route) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, "example": value}
        for name, value in path_values(one.path).items()
    ]
    if one.method == "POST":
        parameters.append(_header(HEADER, MEANING, longest=KEY_CHARACTERS))
    if one.if_match:
        meaning = _MUST_MATCH if one.must_match else _IF_MATCH
        parameters.append(_header(IF_MATCH, meaning, longest=MAX_CHARACTERS, required=one.must_match))
    if one.query:
        query = one.query.model_json_schema()
        for name, schema in query["properties"].items():
            required = name in query.get("required", [])
            parameters.append({"name": name, "in": "query", "required": required, "schema": schema})
    return parameters


def _header(name: str, meaning: str, *, longest: int, required: bool = False) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": longest}
    return {"name": name, "in": "header", "required": required, "description": meaning, "schema": schema}


def _responses(one: Route, schemas: _Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {str(one.status.value): {"description": one.status.phrase}}
    if one.answer:
        content = {"application/json": {"schema": schemas[(one.answer, "serialization")]}}
        described[str(one.status.value)]["content"] = content
    else:
        described = {str(HTTPStatus.NO_CONTENT.value): {"description": HTTPStatus.NO_CONTENT.phrase}}
    headers = {"ETag": _ETAG} if one.answer and one.tag is not None else {}
    if one.method == "POST":
        headers |= {REPLAYED: _REPLAYED}
    for success in described.values():
        if headers:
            success["headers"] = headers
    for status, meaning in _problems(one).items():
        schema = schemas[(Problem, "serialization")]
        described[str(status.value)] = {"description": meaning, "content": {CONTENT_TYPE: {"schema": schema}}}
    return described


def _problems(one: Route) -> dict[HTTPStatus, str]:
    problems = dict(_PROBLEMS)
    if "{" in one.path:
        problems[HTTPStatus.NOT_FOUND] = "there is no such thing"
    if one.body or one.query or "{" in one.path or one.method == "POST":
        problems[HTTPStatus.UNPROCESSABLE_ENTITY] = "each bad field is named"
    if one.body:
        problems[HTTPStatus.REQUEST_ENTITY_TOO_LARGE] = "the body is over 256 KiB"
        problems[HTTPStatus.UNSUPPORTED_MEDIA_TYPE] = "the body is not application/json"
    if one.if_match:
        problems[HTTPStatus.CONFLICT] = "the state of the thing forbids this"
    if one.method == "POST":
        problems[HTTPStatus.CONFLICT] = USED_KEY
    if one.if_match:
        problems[HTTPStatus.PRECONDITION_FAILED] = (
            "it was changed since you read it: `errors` names what, `etag` is new"
        )
    return {**problems, **one.problems}
