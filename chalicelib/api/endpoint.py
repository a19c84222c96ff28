"""The frame of every endpoint: key → scope → size → parse → one function → answer. What a route declares here is also
what `/openapi.json` says of it, so that the two cannot differ.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from inspect import getdoc
from typing import Any, Generic, NamedTuple, TypeVar

from chalice.app import Blueprint, Request, Response
from pydantic import BaseModel, ValidationError

from chalicelib.api.once import REPLAYED, asked_of, digest_of, idempotency_key, once
from chalicelib.api.problem import answering, plain_json
from chalicelib.api.projection import projected
from chalicelib.api.watched import admitted, watched
from chalicelib.clock import derived_id, new_id
from chalicelib.control.answers import invalid
from chalicelib.control.keys import Caller, Scope, secret_of
from chalicelib.control.services import NOTHING, Sight
from chalicelib.errors import InvalidError, TooLargeError
from chalicelib.observability import Line, aside, write_line
from chalicelib.seen import IF_MATCH, Seen, etag

MAX_BODY_BYTES = 256 * 1024
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
_REPLACING = ("PUT", "PATCH")  # a body that was lost on its way must not empty anything
MAX_PATH_VALUE_CHARACTERS = 256  # every id is shorter, and DynamoDB refuses a key of 2 KB
_B = TypeVar("_B", bound=BaseModel | None)
_Q = TypeVar("_Q", bound=BaseModel | None)


@dataclass(frozen=True)
class Call(Generic[_B, _Q]):
    """One checked request; `seen` is what the caller says to have seen of the thing to be changed (`If-Match`), `key`
    the Idempotency-Key of a POST, `asked` a digest of its body, query and `seen`, `sight` what the caller sees of what
    services asked for, `told` headers of the answer."""

    caller: Caller
    path: Mapping[str, str]
    body: _B
    query: _Q
    headers: Mapping[str, str]
    seen: Seen | None = None
    key: str | None = None
    asked: str = ""
    sight: Sight = NOTHING
    told: dict[str, str] = field(default_factory=dict)

    def own_id(self, kind: str) -> str:
        """The id of what this call makes: the same whenever the same call is made again with its key, so that a call
        which died half way finds what it made."""
        if self.key is None:
            return new_id()
        return derived_id(kind, self.caller.key_id, self.key, digest_of(self.path), self.asked)

    def was_made_before(self) -> None:
        """Marks the answer as a replay."""
        self.told[REPLAYED] = "true"


class Endpoint(NamedTuple):
    """What a route promises; `openapi.py` writes it down."""

    method: str
    path: str
    summary: str
    scope: Scope
    of_all: Scope | None
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    answer: type[BaseModel] | None
    status: HTTPStatus
    operation: str
    description: str
    problems: Mapping[HTTPStatus, str]
    tag: Callable[[Any], str] | None
    if_match: bool
    must_match: bool
    replays: bool

    @property
    def content_types(self) -> tuple[str, ...]:
        """What a body may be called: a merge patch has a name of its own (RFC 7396)."""
        return (JSON, MERGE_PATCH) if self.method == "PATCH" else (JSON,)

    @property
    def needs_body(self) -> bool:
        """Whether there must be one; an action's may be all defaults."""
        if self.body is None:
            return False
        return self.method in _REPLACING or any(field.is_required() for field in self.body.model_fields.values())


ENDPOINTS: list[Endpoint] = []


def endpoint(
    blueprint: Blueprint,
    method: str,
    path: str,
    *,
    summary: str,
    scope: Scope,
    of_all: Scope | None = None,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    answer: type[BaseModel] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
    problems: Mapping[HTTPStatus, str] | None = None,
    tag: Callable[[Any], str] | None = None,
    if_match: bool = False,
    must_match: bool = False,
    replays: bool = False,
) -> Callable[[Callable[[Call[Any, Any]], Any]], Callable[..., Response]]:
    """Registers a route of the API; the view's docstring is its description. The view gets a `Call` and returns what
    `answer` describes (a dict or the model), or None with 204. Of a route with `of_all` the view keeps to `call.sight`:
    with `scope` alone, what the caller's service asked for. `problems` are refusals of its own. `tag` makes the
    `ETag` of what the view returned; with `if_match` the view writes only where `call.seen` is still so, and whoever
    sends none is not asked, except with `must_match`: what nobody has seen is not done. Of a POST that `replays` the
    view itself keeps what its Idempotency-Key promises; for every other one this frame does."""

    def register(view: Callable[[Call[Any, Any]], Any]) -> Callable[..., Response]:
        declared = Endpoint(
            method=method,
            path=path,
            summary=summary,
            scope=scope,
            of_all=of_all,
            body=body,
            query=query,
            answer=answer,
            status=status,
            operation=str(view.__name__),
            description=getdoc(view) or "",
            problems=problems or {},
            tag=tag,
            if_match=if_match,
            must_match=must_match,
            replays=replays,
        )
        ENDPOINTS.append(declared)

        def handle(**path_values: str) -> Response:
            return _answer(declared, view, blueprint.current_request, path_values)

        handle.__name__ = view.__name__
        kinds = list(declared.content_types)
        blueprint.route(path, methods=[method], name=view.__name__, content_types=kinds)(handle)
        return handle

    return register


def _answer(
    declared: Endpoint, view: Callable[[Call[Any, Any]], Any], request: Request, path: Mapping[str, str]
) -> Response:
    ids: list[str] = []

    def answer() -> Response:
        call = _call(declared, request, path)
        act = watched(declared, request, path, caller=call.caller, body=call.body)

        def make() -> Response:
            with act():
                result = view(call)
            return _response(declared, call, result, ids)

        if call.key is None or declared.replays:
            return make()
        name = digest_of(call.caller.key_id, declared.path, dict(path), call.key)
        return once(name, make, body=call.asked, secret=secret_of(request.headers.get("authorization")))

    response = answering(declared.operation, answer)()
    counts = {f"{declared.operation}_{response.status_code}": 1}
    write_line("api", [Line(ids=ids, counts=counts, failed=response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR)])
    return response


def _call(declared: Endpoint, request: Request, path: Mapping[str, str]) -> Call[Any, Any]:
    caller, sight = admitted(declared, request, path)
    for name, value in path.items():
        if len(value) > MAX_PATH_VALUE_CHARACTERS:
            raise InvalidError.of(name, f"expected at most {MAX_PATH_VALUE_CHARACTERS} characters")
    body = _parse_body(declared.body, request) if declared.body else None
    query = _parse(declared.query, _once(request)) if declared.query else None
    key = idempotency_key(request.headers) if declared.method == "POST" else None
    seen = _seen(declared, request)
    return Call(
        caller=caller,
        path=path,
        body=body,
        query=query,
        headers=request.headers,
        seen=seen,
        key=key,
        asked=asked_of(body, query, seen) if key else "",
        sight=sight,
    )


def _seen(declared: Endpoint, request: Request) -> Seen | None:
    """What the caller has seen. Raises: InvalidError: it is not said as it should be, or to a call that would not look
    at it and change what the caller has not seen."""
    header = request.headers.get(IF_MATCH)
    if declared.method == "GET" or (header is None and not declared.must_match):
        return None
    if not declared.if_match:
        raise InvalidError.of(IF_MATCH, "this call does not take it")
    seen = Seen.of(header or "")
    if declared.must_match and seen.any_state:
        raise InvalidError.of(IF_MATCH, "expected the ETag of what was read, not *")
    return seen


def _once(request: Request) -> dict[str, str]:
    """The parameters of the query. Raises: InvalidError for one that is there twice, of which either may be meant."""
    given = request.query_params
    if given is None:
        return {}
    for name in given:
        if len(given.getlist(name)) > 1:
            raise InvalidError.of(name, "expected once")
    return dict(given)


def _parse_body(model: type[BaseModel], request: Request) -> BaseModel:
    raw = request.raw_body
    if len(raw) > MAX_BODY_BYTES:
        raise TooLargeError.of("body", f"expected at most {MAX_BODY_BYTES} bytes, got {len(raw)}")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidError.of("body", "expected JSON in UTF-8") from error
    return _parse(model, plain_json(text) if text.strip() or request.method in _REPLACING else {})


def _parse(model: type[BaseModel], content: Any) -> BaseModel:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise invalid(error) from error


def _response(declared: Endpoint, call: Call[Any, Any], result: Any, ids: list[str]) -> Response:
    if declared.answer is None:
        return Response("", headers=dict(call.told), status_code=HTTPStatus.NO_CONTENT.value)
    answer = projected(result, declared.answer, lenient=declared.method != "GET")
    with aside("log line"):
        ids.extend(getattr(answer, "log_ids", list)())
    headers = {"Content-Type": JSON, "Cache-Control": "no-store", **call.told}
    if declared.tag is not None:
        with aside("etag"):
            headers["ETag"] = etag(declared.tag(result))
    return Response(answer.model_dump_json(warnings="none"), headers=headers, status_code=declared.status.value)
