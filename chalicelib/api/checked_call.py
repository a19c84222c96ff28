"""One API request, read and checked: key → scope → size → parse."""

from collections.abc import Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from chalice.app import Request
from pydantic import BaseModel, ValidationError

from chalicelib.accounts.api_keys import Caller
from chalicelib.api.audit_policy import admitted
from chalicelib.api.declarations import REPLACING, Route
from chalicelib.api.idempotency_key import REPLAYED, asked_of, digest_of, idempotency_key
from chalicelib.api.problem import plain_json
from chalicelib.clock import derived_id, new_id
from chalicelib.errors import InvalidError, Phrase, TooLargeError
from chalicelib.etags import IF_MATCH, Seen
from chalicelib.service_scope import NOTHING, Sight
from chalicelib.validation import invalid

MAX_BODY_BYTES = 256 * 1024
MAX_PATH_VALUE_CHARACTERS = 256  # all ids are shorter, and DynamoDB refuses a key of 2 KB
_B = TypeVar("_B", bound=BaseModel | None)
_Q = TypeVar("_Q", bound=BaseModel | None)


class Call(NamedTuple, Generic[_B, _Q]):
    """A checked request. `seen` is the `If-Match` of the caller, `key` the Idempotency-Key of a POST, `asked` a digest
    of body, query and `seen`, `sight` what the caller sees of what services asked for, `told` headers for the answer.
    """

    caller: Caller
    path: Mapping[str, str]
    body: _B
    query: _Q
    headers: Mapping[str, str]
    told: dict[str, str]
    seen: Seen | None = None
    key: str | None = None
    asked: str = ""
    sight: Sight = NOTHING

    def own_id(self, kind: str) -> str:
        """The id of what this call creates. A repeated call with the same key has the same one, so that it finds what a
        call that died half-way has made."""
        if self.key is None:
            return new_id()
        return derived_id(kind, self.caller.key_id, self.key, digest_of(self.path), self.asked)

    def was_made_before(self) -> None:
        """Marks the answer as a replay."""
        self.told[REPLAYED] = "true"


def call_of(declared: Route, request: Request, path: Mapping[str, str]) -> Call[Any, Any]:
    """Raises: UnauthorizedError, ForbiddenError, InvalidError, TooLargeError (permanent), UnavailableError
    (retryable)."""
    caller, sight = admitted(declared, request, path)
    for name, value in path.items():
        if len(value) > MAX_PATH_VALUE_CHARACTERS:
            raise InvalidError.of(name, Phrase("expected at most {most} characters", most=MAX_PATH_VALUE_CHARACTERS))
    body = _parse_body(declared.body, request, most=declared.largest_body) if declared.body else None
    query = _parse(declared.query, _once(request)) if declared.query else None
    key = idempotency_key(request.headers) if declared.method == "POST" else None
    seen = _seen(declared, request)
    return Call(
        caller=caller,
        path=path,
        body=body,
        query=query,
        headers=request.headers,
        told={},
        seen=seen,
        key=key,
        asked=asked_of(body, query, seen) if key else "",
        sight=sight,
    )


def _seen(declared: Route, request: Request) -> Seen | None:
    """What the caller has seen. Raises: InvalidError: malformed, or sent to a call that would ignore it and change what
    the caller has not seen."""
    header = request.headers.get(IF_MATCH)
    if declared.method == "GET" or (header is None and not declared.must_match):
        return None
    if not declared.if_match:
        raise InvalidError.of(IF_MATCH, Phrase("this call does not take it"))
    seen = Seen.of(header or "")
    if declared.must_match and seen.any_state:
        raise InvalidError.of(IF_MATCH, Phrase("expected the ETag of what was read, not *"))
    return seen


def _once(request: Request) -> dict[str, str]:
    """The query's parameters. Raises: InvalidError for one that occurs twice, since either could be meant."""
    given = request.query_params
    if given is None:
        return {}
    for name in given:
        if len(given.getlist(name)) > 1:
            raise InvalidError.of(name, Phrase("expected once"))
    return dict(given)


def _parse_body(model: type[BaseModel], request: Request, *, most: int) -> BaseModel:
    raw = request.raw_body
    if len(raw) > most:
        raise TooLargeError.of("body", Phrase("expected at most {most} bytes, got {found}", most=most, found=len(raw)))
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidError.of("body", Phrase("expected JSON in UTF-8")) from error
    return _parse(model, plain_json(text) if text.strip() or request.method in REPLACING else {})


def _parse(model: type[BaseModel], content: Any) -> BaseModel:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise invalid(error) from error
