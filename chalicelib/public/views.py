"""What wraps every public page: the visitor's language, and errors as pages for people."""

import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import parse_qs, unquote

from chalice.app import Blueprint, Request, Response

from chalicelib.errors import ConflictError, InvalidError, NotFoundError, Phrase, TooLargeError, UnavailableError
from chalicelib.locales import lookup, preferred
from chalicelib.observability import Line, log_failure, request_id, write_line
from chalicelib.public.pages import LANGUAGES, expired, page
from chalicelib.security.signing import ExpiredLinkError
from chalicelib.settings import settings
from chalicelib.text import normal_text

MAX_FORM_BYTES = 64 * 1024
MAX_FORM_FIELDS = 200
_OURS = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)?")  # every character of a code or a token
_CODE_CHARS = 27  # of a code, and of a token's signature
_SHARED = re.compile("[a-z2-7]{16}")  # a link that letters share; behind its code stands whose letter it is
_WHOSE_CHARS = 31
_PURPOSES = ("sec-purpose", "purpose", "x-purpose", "x-moz")
_FORM = "application/x-www-form-urlencoded"


class Visitor(NamedTuple):
    """One request from a person, a mail program or a scanner. `purpose`: what its headers say when nobody
    has clicked."""

    method: str
    path: Mapping[str, str]
    locale: str
    user_agent: str | None
    form: Mapping[str, str]
    purpose: str = ""


View = Callable[[Visitor], Response]
routes, sending = Blueprint(__name__), Blueprint(f"{__name__}.sending")  # what only the API's function may do
PUBLIC_ROUTES: dict[str, tuple[str, ...]] = {}  # the methods of each path that the pages' own function answers


def public_page(path: str, *, methods: Sequence[str], sends: bool = False) -> Callable[[View], View]:
    """Registers a view for people. Bodies of any content type are accepted, as RFC 8058 leaves it to the mail program.
    Errors become pages. `sends`: it sends a letter, which the pages' own function may not."""

    def register(view: View) -> View:
        name, blueprint = view.__name__, sending if sends else routes
        if not sends:
            PUBLIC_ROUTES[path] = tuple(methods)

        def handle(**path_values: str) -> Response:
            request = blueprint.current_request
            locale = choose_locale((request.query_params or {}).get("lang"), request.headers.get("accept-language"))
            response = _answer(view, name, request, path_values, locale)
            if request.method == "HEAD":
                response.body = ""
            failed = response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
            write_line("public", [Line(counts={f"{name}_{response.status_code}": 1}, failed=failed)])
            return response

        handle.__name__ = name
        blueprint.route(path, methods=list(methods), name=name, content_types=["*/*"])(handle)
        return view

    return register


def without_tail(value: str) -> str:
    """A code or token without what a mail program or a person has appended: a bracket, a full stop or a quotation mark
    from the sentence around the link, plain or percent-encoded. Case is part of a code."""
    found = _OURS.match(unquote(value))
    if found is None:
        return value
    content, dot, code = found[0].rpartition(".")
    # `_` and `-` may end a code; after a complete one they are marks of emphasis.
    whole = _WHOSE_CHARS if _SHARED.fullmatch(content) else _CODE_CHARS
    return content + dot + code[:whole] + code[whole:].strip("_-")


def choose_locale(asked: str | None, accept_language: str | None) -> str:
    """The page's own switch, then the browser's preference, then the stage's default."""
    chosen = (tag for tag in lookup(asked or "") if tag in LANGUAGES)
    return next(chosen, None) or preferred(accept_language, LANGUAGES) or settings().default_locale


def _answer(view: View, name: str, request: Request, path: Mapping[str, str], locale: str) -> Response:
    try:
        visitor = Visitor(
            method=request.method,
            path={name: without_tail(value) for name, value in path.items()},
            locale=locale,
            user_agent=request.headers.get("user-agent"),
            form=_form(request),
            purpose=" ".join(request.headers.get(name, "") for name in _PURPOSES).strip(),
        )
        try:
            return view(visitor)
        except ExpiredLinkError as error:
            return expired(error, visitor.path["token"], locale=locale)
    except TooLargeError:
        return page("too_large", locale=locale, status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    except (NotFoundError, InvalidError):
        return page("missing", locale=locale, status=HTTPStatus.NOT_FOUND)
    except Exception as error:
        # Chalice would log the message too, which may quote a token or what somebody typed.
        log_failure("public page", error, page=name)
        passing = isinstance(error, UnavailableError | ConflictError)
        status = HTTPStatus.SERVICE_UNAVAILABLE if passing else HTTPStatus.INTERNAL_SERVER_ERROR
        return page("trouble", locale=locale, status=status, request_id=request_id())


def _form(request: Request) -> Mapping[str, str]:
    """The first value of each field of a plain form; empty for anything else. Raises: TooLargeError (permanent)."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method != "POST":
        return {}
    if len(request.raw_body) > MAX_FORM_BYTES:
        raise TooLargeError.of("form", Phrase("expected at most {size} bytes", size=MAX_FORM_BYTES))
    if content_type != _FORM:
        return {}
    try:
        fields = parse_qs(request.raw_body.decode(), keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS)
    except ValueError:
        return {}
    return {field: normal_text(values[0]) for field, values in fields.items()}
