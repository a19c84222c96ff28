"""What is open to everybody: signing in, the theme of the pages, their files.

One signs in on the page, in the middle of a form, and again before sensitive actions: first the password, then the
code. The audit names who was let in, and failed attempts under existing names; other names are left out, because people
type passwords there by mistake.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from math import ceil
from typing import Any, TypeVar

from chalice.app import Request, Response

from chalicelib.accounts.audit import NOBODY, Deed, Door
from chalicelib.accounts.authentication import SignInStep, network_of
from chalicelib.accounts.managers import Manager
from chalicelib.admin.browser import (
    DOOR_COOKIE,
    LANGUAGE_COOKIE,
    SESSION_COOKIE,
    THEME_COOKIE,
    at_of,
    browser_of,
    cookie,
    cookies_of,
    door_of,
    known_cookie,
    language_of,
    read_form,
    refuse_other_sites,
)
from chalicelib.admin.forms import Values
from chalicelib.admin.page_requests import routes
from chalicelib.admin.responses import redirect, shown, trouble
from chalicelib.admin.templating import LANGUAGES, STATIC, Go, Page, static_file, words
from chalicelib.errors import (
    ForbiddenError,
    Phrase,
    TooManyRequestsError,
    UnauthorizedError,
    UnavailableError,
    VestnikError,
)
from chalicelib.observability import aside
from chalicelib.stage.app import stage

_YEAR_SECONDS = 365 * 24 * 3600
_THEMES = ("auto", "light", "dark")
_View = TypeVar("_View", bound=Callable[..., Response])

SIGN_IN = "sign-in"  # the word of the audit


def name_in(form: Values) -> str:
    """The name in the form that accounts have."""
    return _typed(form, "name").strip().lower()


def let_in(form: Values, request: Request) -> Manager | SignInStep:
    """The manager in the form, or the step that is still missing. Raises: ForbiddenError (permanent: not one of our
    forms), UnauthorizedError (permanent), TooManyRequestsError (later), UnavailableError (retryable)."""
    at, name, state = at_of(request), name_in(form), _typed(form, "step")
    try:
        refuse_other_sites(request)
        if not stage().authentication.made(at.door, _typed(form, "token").partition(".")[0]):
            raise ForbiddenError(Phrase("this form is not of this browser: open the page again"))
        if state:
            found: Manager | SignInStep = stage().authentication.by_code(state, _typed(form, "code"), at=at)
        else:
            found = stage().authentication.by_password(name, _typed(form, "password"), at=at)
    except ForbiddenError as error:  # the sender is not necessarily the person it names
        stage().audit.refuse(_deed(NOBODY, at.ip), error)
        raise
    except (UnauthorizedError, TooManyRequestsError) as error:
        _refused(name, at.ip, error)
        raise
    if isinstance(found, Manager):
        stage().audit.let_in(_deed(found.name, at.ip))
    elif found.tired:  # whatever the password was: the time taken would reveal it
        _refused(name, at.ip, TooManyRequestsError(Phrase("too many passwords were tried"), retry_after_seconds=0))
    return found


def begin(manager: Manager, request: Request) -> tuple[str, tuple[str, ...]]:
    """A new session in place of the browser's old one: its value and the Set-Cookie lines. Raises: UnavailableError
    (retryable)."""
    stage().sessions.end_of(cookies_of(request).get(SESSION_COOKIE))
    value = stage().sessions.begin(manager, browser=browser_of(request), network=network_of(at_of(request).ip))
    known = known_cookie(stage().authentication.browser_token(manager.name))
    return value, (cookie(SESSION_COOKIE, value), known)


def door(template: str, values: Mapping[str, Any], request: Request, *, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """A page with the sign-in form, tied to this browser."""
    given = door_of(request)
    page = Page(template, {"step": None, **values, "token": stage().authentication.door_token(given)}, status)
    response = shown(page, request, session=None)
    response.headers["Set-Cookie"] = [cookie(DOOR_COOKIE, given)]
    return response


def refusal(error: VestnikError, form: Values, *, locale: str) -> tuple[str, HTTPStatus, str | None]:
    """The message for a failed attempt, and its step; it does not say whether name or password was wrong."""
    said, step = words(locale)["sign_in"], _typed(form, "step") or None
    if isinstance(error, TooManyRequestsError):
        minutes = ceil(error.retry_after_seconds / 60)
        return said["too_often"].format(minutes=minutes), HTTPStatus.TOO_MANY_REQUESTS, None
    if isinstance(error, UnavailableError):
        return said["unavailable"], HTTPStatus.SERVICE_UNAVAILABLE, step
    if isinstance(error, ForbiddenError):
        return said["not_this_browser"], HTTPStatus.FORBIDDEN, None
    return said["wrong_code" if step else "wrong"], HTTPStatus.UNPROCESSABLE_ENTITY, step


def _refused(name: str, ip: str, error: VestnikError) -> None:
    with aside("audit"):
        stage().audit.refuse(_deed(name if stage().managers.knows(name) else NOBODY, ip), error)


def _deed(by: str, ip: str) -> Deed:
    return Deed(door=Door.PAGE, by=by, did=SIGN_IN, thing=None, ip=ip)


def _typed(form: Values, name: str) -> str:
    return next(iter(form.get(name, ())), "")


def _open(path: str, method: str, *, name: str, **options: Any) -> Callable[[_View], _View]:
    """Registers a view that needs no session."""

    def register(view: _View) -> _View:
        def handle(**path_values: str) -> Response:
            try:
                return view(**path_values)
            except Exception as error:
                return trouble(error, routes.current_request, declared=None, session=None)

        handle.__name__ = name
        routes.route(path, methods=[method], name=name, **options)(handle)
        return view

    return register


@_open("/admin/sign-in", "GET", name="admin_sign_in_page")
def sign_in_page() -> Response:
    """The one page that needs no session."""
    return door("sign_in", {"name": ""}, routes.current_request)


@_open("/admin/sign-in", "POST", name="admin_sign_in", content_types=["*/*"])
def sign_in() -> Response:
    """A new session for the right password and, in a second step, the right code."""
    request = routes.current_request
    form: Values = {}
    name, locale = "", language_of(request)
    try:
        form, _ = read_form(request)
        name = name_in(form)
        found = let_in(form, request)
        if not isinstance(found, SignInStep):
            _, cookies = begin(found, request)
            return redirect(Go("/admin", cookies=cookies))
        step: str | None = found.state
        problem, status = "", HTTPStatus.OK
        if found.tired:
            problem, status = words(locale)["sign_in"]["tired"], HTTPStatus.TOO_MANY_REQUESTS
    except VestnikError as error:
        problem, status, step = refusal(error, form, locale=locale)
    mistakes = {"mistakes": {"form": problem}} if problem else {}
    return door("sign_in", {"name": name, "step": step, **mistakes}, request, status=status)


@_open("/admin/look", "GET", name="admin_look")
def look() -> Response:
    """Language and theme belong to the browser: cookies, no account."""
    query = routes.current_request.query_params or {}
    cookies = []
    if query.get("language") in LANGUAGES:
        cookies.append(cookie(LANGUAGE_COOKIE, str(query["language"]), seconds=_YEAR_SECONDS))
    if query.get("theme") in _THEMES:
        cookies.append(cookie(THEME_COOKIE, str(query["theme"]), seconds=_YEAR_SECONDS))
    back = str(query.get("back") or "/admin")
    inside = (back == "/admin" or back.startswith("/admin/")) and "//" not in back and "\\" not in back
    return redirect(Go(back if inside else "/admin", cookies=tuple(cookies)))


@_open("/admin/static/{version}/{name}", "GET", name="admin_static")
def static(version: str, name: str) -> Response:  # noqa: ARG001 - the version only makes the address new
    """Styles and scripts; their addresses change with their content."""
    if name not in STATIC:
        return Response("", status_code=HTTPStatus.NOT_FOUND.value)
    headers = {
        "Content-Type": STATIC[name],
        "Cache-Control": f"public, max-age={_YEAR_SECONDS}, immutable",
    }
    return Response(static_file(name).decode(), headers=headers)
