"""What is open to everybody: signing in, the theme of the pages, their files."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

from chalice.app import Response

from chalicelib.accounts.authentication import Step
from chalicelib.admin.browser import LANGUAGE_COOKIE, THEME_COOKIE, cookie, language_of, read_form
from chalicelib.admin.forms import Values
from chalicelib.admin.page_requests import routes
from chalicelib.admin.responses import redirect, trouble
from chalicelib.admin.sign_in_steps import begin, door, let_in, name_in, refusal
from chalicelib.admin.templating import LANGUAGES, STATIC, Go, static_file, words
from chalicelib.errors import VestnikError

_YEAR_SECONDS = 365 * 24 * 3600
_THEMES = ("auto", "light", "dark")
_View = TypeVar("_View", bound=Callable[..., Response])


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
        if not isinstance(found, Step):
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
