"""The OpenAPI document, which needs no key, and as a page for people, rendered on the server, without scripts."""

import json
from functools import cache
from typing import Any

from chalice.app import Response
from jinja2 import DictLoader, Environment, StrictUndefined, Template

from chalicelib.api.declarations import routes
from chalicelib.api.openapi import document
from chalicelib.api.problem import answered
from chalicelib.observability import Line, write_line
from chalicelib.rendering.shipped import shipped_folder
from chalicelib.settings import settings

_ORDER = ("get", "post", "put", "patch", "delete")

_CACHE = "public, max-age=60"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@routes.route("/openapi.json", methods=["GET"])
@answered
def openapi() -> Response:
    """The OpenAPI document, generated from the routes."""
    write_line("api", [Line(counts={"openapi_200": 1})])
    headers = {"Content-Type": "application/json", "Cache-Control": _CACHE}
    return Response(json.dumps(document(settings().public_url), ensure_ascii=False), headers=headers)


@routes.route("/docs", methods=["GET"])
@answered
def docs() -> Response:
    """The OpenAPI document for people."""
    write_line("api", [Line(counts={"docs_200": 1})])
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": _CACHE,
        "Content-Security-Policy": _POLICY,
    }
    return Response(docs_page(document(settings().public_url)), headers=headers)


def docs_page(document: dict[str, Any]) -> str:
    """The page for a document from `openapi.document`."""
    schemas = document["components"]["schemas"]
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in document["paths"].items():
        for method in _ORDER:
            if method in methods:
                one = _described(path, method, methods[method], schemas)
                groups.setdefault(methods[method]["tags"][0], []).append(one)
    return _template().render(info=document["info"], server=document["servers"][0]["url"], groups=groups)


def _described(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation["summary"],
        "description": operation["description"].partition("\n\nScope:")[0],
        "scope": operation["x-scope"],
        "of_all": operation.get("x-scope-of-all"),
        "parameters": operation["parameters"],
        "fields": _fields(body, schemas) if body else [],
        "example": _example(body, schemas) if body else None,
        "responses": [
            {"status": status, "meaning": response["description"], "fields": _answer_fields(response, schemas)}
            for status, response in operation["responses"].items()
        ],
    }


def _answer_fields(response: dict[str, Any], schemas: dict[str, Any]) -> list[dict[str, Any]]:
    schema = response.get("content", {}).get("application/json", {}).get("schema")
    return _fields(schema, schemas) if schema else []


def _resolve(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    return schemas[name] if name else schema


def _fields(schema: dict[str, Any], schemas: dict[str, Any]) -> list[dict[str, Any]]:
    whole = _resolve(schema, schemas)
    required = whole.get("required", [])
    return [
        {
            "name": name,
            "type": _type(one, schemas),
            "required": name in required,
            "description": one.get("description", ""),
        }
        for name, one in whole.get("properties", {}).items()
    ]


def _type(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_type(one, schemas) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}), schemas)}"
    return str(schema.get("format") or schema.get("type", "any"))


def _example(schema: dict[str, Any], schemas: dict[str, Any]) -> str | None:
    examples = _resolve(schema, schemas).get("examples")
    return json.dumps(examples[0], ensure_ascii=False, indent=2) if examples else None


@cache
def _template() -> Template:
    source = (shipped_folder() / "pages" / "docs.html").read_text(encoding="utf-8")
    environment = Environment(loader=DictLoader({"docs.html": source}), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("docs.html")
