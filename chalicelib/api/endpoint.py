"""What wraps every endpoint: a checked call → one function → an answer in the declared shape. An answer follows an
effect, so a surplus or missing field must not turn success into failure: it is left out and logged."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar

from chalice.app import Request, Response
from pydantic import BaseModel, TypeAdapter, ValidationError

from chalicelib.accounts.api_keys import Scope, secret_of
from chalicelib.api.audit_policy import watched
from chalicelib.api.checked_call import MAX_BODY_BYTES, Call, call_of
from chalicelib.api.declarations import ENDPOINTS, JSON, Route, routes
from chalicelib.api.idempotency_key import digest_of, once
from chalicelib.api.problem import answering
from chalicelib.etags import etag
from chalicelib.observability import Line, aside, log_failure, write_line

_A = TypeVar("_A", bound=BaseModel)
_FORBIDDEN = False


def endpoint(
    method: str,
    path: str,
    *,
    summary: str,
    scope: Scope,
    of_all: Scope | None = None,
    answer: type[BaseModel] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
    problems: Mapping[HTTPStatus, str] | None = None,
    tag: Callable[[Any], str] | None = None,
    if_match: bool = False,
    must_match: bool = False,
    replays: bool = False,
    largest_body: int = MAX_BODY_BYTES,
) -> Callable[[Callable[[Call[Any, Any]], Any]], Callable[..., Response]]:
    """Registers an API route; the view's docstring is its published description.

    The view gets a `Call` of the two models that its body and query are checked against, and returns what `answer`
    describes (a dict or the model), or None with 204. With `of_all` the view respects `call.sight`: holders of `scope`
    alone see what their own service asked for. `problems` are the view's own refusals. `tag` computes the `ETag` of the
    result; with `if_match` the view writes only if `call.seen` still matches, where a caller may send none unless
    `must_match` is set. A POST that `replays` implements Idempotency-Key itself; every other one gets it from here.
    `largest_body` is in bytes.
    """

    def register(view: Callable[[Call[Any, Any]], Any]) -> Callable[..., Response]:
        declared = Route(
            method=method,
            path=path,
            summary=summary,
            scope=scope,
            of_all=of_all,
            answer=answer,
            status=status,
            view=view,
            problems=problems or {},
            tag=tag,
            if_match=if_match,
            must_match=must_match,
            replays=replays,
            largest_body=largest_body,
        )
        ENDPOINTS.append(declared)

        def handle(**path_values: str) -> Response:
            return _answer(declared, routes.current_request, path_values)

        handle.__name__ = view.__name__
        kinds = list(declared.content_types)
        routes.route(path, methods=[method], name=view.__name__, content_types=kinds)(handle)
        return handle

    return register


def _answer(declared: Route, request: Request, path: Mapping[str, str]) -> Response:
    ids: list[str] = []

    def answer() -> Response:
        call = call_of(declared, request, path)
        act = watched(declared, request, path, caller=call.caller, sight=call.sight, body=call.body)

        def make() -> Response:
            with act():
                result = declared.view(call)
            return _response(declared, call, result, ids)

        if call.key is None or declared.replays:
            return make()
        name = digest_of(call.caller.key_id, declared.path, dict(path), call.key)
        return once(name, make, body=call.asked, secret=secret_of(request.headers.get("authorization")))

    response = answering(declared.operation, answer)()
    counts = {f"{declared.operation}_{response.status_code}": 1}
    write_line("api", [Line(ids=ids, counts=counts, failed=response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR)])
    return response


def _response(declared: Route, call: Call[Any, Any], result: Any, ids: list[str]) -> Response:
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


def forbid_drift(*, forbidden: bool = True) -> None:
    """From now on an answer that differs from its declaration raises, as tests want it."""
    global _FORBIDDEN
    _FORBIDDEN = forbidden


def projected(result: Any, answer: type[_A], *, lenient: bool) -> _A:
    """The declared fields of `result`, a dict or an object. `lenient`: there was an effect, so a missing or wrongly
    typed field becomes null. Raises: ValidationError (permanent): the domain and the declaration differ."""
    try:
        return answer.model_validate(result, from_attributes=True, extra="forbid" if _FORBIDDEN else "ignore")
    except ValidationError as error:
        if _FORBIDDEN or not lenient:
            raise
        log_failure("answer", error, answer=answer.__name__)
        return _what_fits(result, answer)


def _what_fits(result: Any, answer: type[_A]) -> _A:
    given = (
        result if isinstance(result, Mapping) else {name: getattr(result, name, None) for name in answer.model_fields}
    )
    fitting: dict[str, Any] = {}
    for name, field in answer.model_fields.items():
        try:
            fitting[name] = TypeAdapter[Any](field.rebuild_annotation()).validate_python(
                given.get(name, field.default), from_attributes=True, extra="ignore"
            )
        except ValidationError:
            fitting[name] = None
    return answer.model_construct(**fitting)
