"""What a browser gets: a page with its common parts, a redirect, or the page of a form again with what was typed into
it."""

from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from secrets import token_hex
from typing import Any
from urllib.parse import parse_qs, quote

from chalice.app import Request, Response

from chalicelib.accounts.sessions import IDLE, Session
from chalicelib.admin.browser import THEME_COOKIE, cookies_of, from_us, language_of, read_form
from chalicelib.admin.edit_conflict import SEEN, differing, digests, has_units, is_written, with_bases
from chalicelib.admin.field_mistakes import at_their_fields
from chalicelib.admin.form_reader import Form
from chalicelib.admin.forms import Kept, filled, form_to, keep
from chalicelib.admin.page_requests import REGISTERED, Registered, View, Visit
from chalicelib.admin.templating import Go, Page, render, said_plainly, url
from chalicelib.errors import ChangedError, FieldError, InvalidError, VestnikError, WouldBreakError
from chalicelib.http_errors import status_of
from chalicelib.observability import log_failure, request_id

_IN_A_PATH = "/%:@!$&'()*+,;=~-._"  # RFC 3986; what is already escaped stays so


def shown(page: Page, request: Request, *, session: Session | None) -> Response:
    """A page with its common parts. The value `mistakes` holds those of the form that is shown again, by field."""
    cookies, query = cookies_of(request), dict(request.query_params or {})
    locale = language_of(request)
    mistakes = {
        field: said_plainly(message, locale=locale) for field, message in page.values.get("mistakes", {}).items()
    }
    common = {
        "manager": session.manager if session else None,
        # The second part says which form it is: sent twice, it is done once.
        "token": f"{session.form_token}.{token_hex(8)}" if session else None,
        "theme": cookies.get(THEME_COOKIE) if cookies.get(THEME_COOKIE) in ("light", "dark") else "auto",
        "here": back_of(request) if session else address_of(request),
        "done": query.get("done") if request.method == "GET" else None,
        "kept": False,
        "idle_seconds": int(IDLE.total_seconds()),
        "request_id": request_id(),
    }
    values = {**common, **page.values, "mistakes": mistakes}
    response = render(page._replace(values=values), locale=locale)
    if f'name="{SEEN}"' in response.body:
        response.body = with_bases(response.body)
    return response


def address_of(request: Request) -> str:
    """The path of a page or an action, as its address is written."""
    return str(request.context["resourcePath"]).format(**(request.uri_params or {}))


def redirect(to: Go) -> Response:
    """303: the browser GETs the next page, and going back repeats nothing."""
    path, _, query = to.path.partition("?")
    asked = {name: values[0] for name, values in parse_qs(query).items()}
    path = quote(path, safe=_IN_A_PATH)  # a header holds no line break, and no letter that is not ASCII
    headers: dict[str, Any] = {"Location": url(path, **asked, done=to.done), "Cache-Control": "no-store"}
    if to.cookies:
        headers["Set-Cookie"] = list(to.cookies)
    if to.leaves:  # "cookies" would delete the theme, and the mark of a known browser (accounts/authentication.py)
        headers["Clear-Site-Data"] = '"cache", "storage"'
    return Response("", headers=headers, status_code=HTTPStatus.SEE_OTHER.value)


def mistakes_of(error: VestnikError) -> dict[str, str]:
    """What is wrong, by field; under `form` if it is no field's fault."""
    errors: Sequence[FieldError] = error.errors if isinstance(error, InvalidError | WouldBreakError) else ()
    errors = error.differs if isinstance(error, ChangedError) else errors
    return {one.field: one.message for one in errors} or {"form": error.detail}


def once_more(
    view: View, visit: Visit, request: Request, *, status: HTTPStatus = HTTPStatus.OK, **values: Any
) -> Response:
    """The page of a form with what was typed into it, to be sent again. Raises: whatever the view raises."""
    page = view(visit)
    if isinstance(page, Response):
        return page
    page = page._replace(
        values={**page.values, **values}, status=status if page.status is HTTPStatus.OK else page.status
    )
    response = shown(page, request, session=visit.session)
    target, mistakes = url(address_of(request)), page.values.get("mistakes", {})
    form = form_to(response.body, target, visit.form)
    if form is not None and visit.form:
        response.body = filled(response.body, form, visit.form)
        form = form_to(response.body, target, visit.form)
    if mistakes:
        said = {field: said_plainly(message, locale=visit.locale) for field, message in mistakes.items()}
        response.body = at_their_fields(response.body, form, said)
    return response


def conflict(view: View, visit: Visit, request: Request, error: ChangedError) -> Response | None:
    """What was typed next to what is stored now; for a form that only confirms, the current page with what has changed.
    None if the page has no such form to compare with."""
    theirs = view(visit.untyped())
    if isinstance(theirs, Response):
        return None
    target = url(address_of(request))
    form = form_to(shown(theirs, request, session=visit.session).body, target, visit.form)
    seen = next((one for one in form.controls if one.name == SEEN), None) if form else None
    if form is None or seen is None:
        return None
    if not is_written(form):
        values = {**theirs.values, "mistakes": mistakes_of(error)}
        return shown(theirs._replace(values=values, status=status_of(error)), request, session=visit.session)
    values = {
        "fields": differing(form, visit.form, _typed_form(view, visit, request) if has_units(form) else None),
        "to": target,
        "back": url(back_of(request)),
        "seen": seen.sent()[0],
        "base": digests(form.values()),
        "mine": Kept({name: list(found) for name, found in visit.form.items()}, files=False, secret=False).packed,
        "theirs": Kept(form.values(), files=False, secret=False).packed,
        "error": error,
    }
    return shown(Page("conflict", values, status_of(error)), request, session=visit.session)


def _typed_form(view: View, visit: Visit, request: Request) -> Form | None:
    """The form as the page shows what was typed."""
    page = view(visit)
    assert isinstance(page, Page)  # noqa: S101 - it was one a moment ago
    return form_to(shown(page, request, session=visit.session).body, url(address_of(request)), visit.form)


def trouble(error: Exception, request: Request, *, declared: Registered | None, session: Session | None) -> Response:
    """A page that says what is wrong, with what was typed, to be sent again. Faults that are not the caller's are
    logged here, since Chalice would log the message too, which may quote what somebody typed."""
    ours = error if isinstance(error, VestnikError) else None
    status = status_of(ours) if ours else HTTPStatus.INTERNAL_SERVER_ERROR
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log_failure("admin", error, page=str(request.context["resourcePath"]))
    values: dict[str, Any] = {"error": ours, "status": status, "typed": None}
    with suppress(InvalidError):
        form, files = read_form(request, largest_file=declared.largest_file if declared else 0)
        kept = keep(form, files)
        if kept and declared and declared.does and from_us(request):
            values |= {
                "typed": kept,
                "to": url(address_of(request)),
                "sent_token": next(iter(form.get("token", ())), ""),
            }
    return shown(Page("trouble", values, status), request, session=session)


def back_of(request: Request) -> str:
    """The page of a form: its own address if that is a page, otherwise the one above it."""
    path, known = address_of(request), {route.path for route in REGISTERED if route.method == "GET"}
    pattern = str(request.context["resourcePath"])
    while pattern not in known and pattern != "/admin":
        pattern, path = pattern.rpartition("/")[0], path.rpartition("/")[0]
    return path
