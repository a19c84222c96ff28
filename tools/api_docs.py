"""docs/api.md out of the OpenAPI document: one section a call, each with its example. Run by `make docs`.

python -m tools.api_docs            # writes the page
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import app  # noqa: F401, TID251 - its import registers the routes
from chalicelib.api.idempotency_key import HEADER
from chalicelib.api.openapi import USED_KEY, document
from infra.paths import ROOT

PAGE = ROOT / "docs" / "api.md"
_METHODS = ("post", "get", "put", "patch", "delete")
_COMMON = {"401", "403", "404", "413", "415", "422", "503"}  # said once, on top
_LONG = 200  # characters of a shape that is shown only once
_DEPTH = 3  # of an answer's shape; deeper is in /openapi.json
_HEAD = """# The API, call by call

Written by `make docs` from what the routes declare, as are `/openapi.json` and `/docs`: change it there. Each example
is run as it stands by `tests/integration/api/test_examples.py`, on a stage that has what it names.

```sh
api=https://notify.cinema.example; auth="Authorization: Bearer $VESTNIK_KEY"
```

Bodies are JSON in UTF-8, at most 256 KiB; times are RFC 3339. Errors are `application/problem+json` (RFC 9457) with a
field path for each mistake: 401 no key or an unknown one, 403 the key lacks the scope, 404 no such thing, 413 and 415
the body is too large or not JSON, 422 names each bad field, 429 with `Retry-After`, 503 a subsystem did not answer:
repeat the call. Each problem carries a `request_id` for whoever reads the logs. Lists are paged: pass a page's `cursor`
to get the next one. Python has a [client](../clients/python/README.md).

**A key sees what its own service asked for.** It belongs to the service that its name says: keys of one name see the
same letters, campaigns, lists and links, so that a new key continues where the old one stopped. What other services or
managers asked for does not exist for it: 404, and left out of lists. Calls with a scope *for all services* reach those
too, if the key has both. Users, templates, settings and the controls belong to no service.

**Every POST may be repeated** with an `Idempotency-Key` (1–255 printable ASCII characters, such as a UUID). The same
key, path and body from the same API key get the same status and answer, with the header `Idempotent-Replayed: true`,
and no second effect, for 24 hours (`/v1/notifications`: as long as the notifications are kept). With another body it is
409; while the first call is still running it is 409 with `Retry-After`. A refusal (4xx) did nothing and is not
remembered: the same key may be used for the corrected call. A call that failed (5xx) or died may be repeated and then
completes, since whatever a call creates has an id derived from its key. PUT, PATCH and DELETE may be repeated without a
key.
"""


def page() -> str:
    """The whole page."""
    contract = document("")
    sections: dict[str, list[str]] = {}
    told: dict[str, str] = {}
    for path, methods in sorted(contract["paths"].items()):
        for method in _METHODS:
            if operation := methods.get(method):
                lines = _call(method, path, operation, contract["components"]["schemas"], told)
                sections.setdefault(operation["tags"][0], []).append("\n".join(lines))
    parts = [f"## {name}\n\n" + "\n".join(calls) for name, calls in sorted(sections.items())]
    return "\n".join([_HEAD, *parts])


def example_path(path: str, operation: Mapping[str, Any], given: Mapping[str, str] | None = None) -> str:
    """The route with a value for each parameter, the example's where `given` has none."""
    values = {one["name"]: one["example"] for one in operation["parameters"] if one["in"] == "path"}
    return path.format(**values | dict(given or {}))


def example_query(operation: Mapping[str, Any]) -> dict[str, str]:
    """The query parameters of the example: all that have an example."""
    asked = [one for one in operation["parameters"] if one["in"] == "query"]
    return {one["name"]: one["schema"]["examples"][0] for one in asked if "examples" in one["schema"]}


def needed_headers(operation: Mapping[str, Any]) -> list[str]:
    """The headers without which the call is refused: an `ETag` that was read before."""
    return [one["name"] for one in operation["parameters"] if one["in"] == "header" and one["required"]]


def example_body(operation: Mapping[str, Any]) -> Any:
    """The body of the example, or None."""
    return operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")


def _call(
    method: str, path: str, operation: Mapping[str, Any], schemas: Mapping[str, Any], told: dict[str, str]
) -> Iterator[str]:
    """`told`: long shapes that the page has already shown, with the summary under which it did."""
    yield f"### {operation['summary']}\n"
    wider = operation.get("x-scope-of-all", operation["x-scope"])
    reach = f", for all services `{wider}` too" if wider != operation["x-scope"] else ""
    yield f"`{method.upper()} {path}` · scope `{operation['x-scope']}`{reach}\n"
    yield operation["description"].partition("\n\nScope:")[0] + "\n"
    yield "```sh"
    query = urlencode(example_query(operation))
    address = quote(example_path(path, operation)) + (f"?{query}" if query else "")
    yield from _curl(method, address, example_body(operation), headers=needed_headers(operation))
    yield "```\n"
    yield from _parameters(operation)
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            yield f"→ {status}{_said_once(_shape_of_answer(answer, schemas), operation['summary'], told)}\n"
        elif status not in _COMMON and answer["description"] != USED_KEY:
            yield f"- {status}: {answer['description']}"
    yield ""


def _said_once(shape: str, summary: str, told: dict[str, str]) -> str:
    """The shape; a long one that the page has already shown becomes a link to it (with GitHub's anchor)."""
    first = told.setdefault(shape, summary) if len(shape) > _LONG else summary
    if first == summary:
        return shape
    anchor = re.sub(r"[^\w -]", "", first.lower()).replace(" ", "-")
    return f", as [{first}](#{anchor}) answers"


def _curl(method: str, path: str, body: Any, *, headers: Iterable[str]) -> Iterator[str]:
    verb = "" if method == "get" else f" -X {method.upper()}"
    if body is None:
        more = "".join(f' -H "{name}: $etag"' for name in headers)
        yield f'curl -sS{verb} -H "$auth"{more} "$api{path}"'
        return
    yield f"""curl -sS{verb} -H "$auth" -H 'Content-Type: application/json' "$api{path}" \\"""
    yield f"  -d '{json.dumps(body, ensure_ascii=False)}'"


def _parameters(operation: Mapping[str, Any]) -> Iterator[str]:
    others = [one for one in operation["parameters"] if one["in"] != "path" and one["name"] != HEADER]
    for one in others:
        meaning = one.get("description") or one["schema"].get("description", "")
        yield f"- {one['in']} `{one['name']}`" + (f": {meaning}" if meaning else "")
    if others:
        yield ""


def _shape_of_answer(answer: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    content = answer.get("content", {}).get("application/json")
    return f" `{_shape(content['schema'], schemas, _DEPTH)}`" if content else ""


def _shape(schema: Mapping[str, Any], schemas: Mapping[str, Any], depth: int) -> str:
    """`{id, deliveries: [{channel, status}]}`: only names; what is too deep is `…`."""
    if "$ref" in schema:
        return _shape(schemas[schema["$ref"].rpartition("/")[2]], schemas, depth)
    if "anyOf" in schema:
        return next(filter(None, (_shape(one, schemas, depth) for one in schema["anyOf"])), "")
    if schema.get("type") == "array":
        inner = _shape(schema.get("items", {}), schemas, depth)
        return f"[{inner}]" if inner else "[…]"
    if properties := schema.get("properties"):
        if depth == 0:
            return "{…}"
        return "{" + ", ".join(_field(name, one, schemas, depth - 1) for name, one in properties.items()) + "}"
    return "{…}" if schema.get("type") == "object" else ""


def _field(name: str, schema: Mapping[str, Any], schemas: Mapping[str, Any], depth: int) -> str:
    shape = _shape(schema, schemas, depth)
    return f"{name}: {shape}" if shape else name


def main() -> None:
    """Writes docs/api.md."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
