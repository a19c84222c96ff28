"""What is open to everybody: signing in, the look of the pages, their files; and the account of whoever is in."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar

from chalice.app import Blueprint, Response

from chalicelib.admin.answering import redirect, shown, trouble
from chalicelib.admin.browser import (
    LANGUAGE_COOKIE,
    SESSION_COOKIE,
    THEME_COOKIE,
    cookie,
    ip_of,
    language_of,
    read_form,
    refuse_other_sites,
)
from chalicelib.admin.frame import Visit, action, page
from chalicelib.admin.look import LANGUAGES, STATIC, Go, Page, static_file
from chalicelib.admin.signing_in import let_in, name_in, refusal
from chalicelib.control.managers import Role
from chalicelib.control.second_factor import check_secret, new_secret, picture
from chalicelib.errors import InvalidError, VestnikError
from chalicelib.settings import settings
from chalicelib.wiring.admin import managers, sessions

routes = Blueprint(__name__)
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
    return shown(Page("sign_in", {"name": ""}), routes.current_request, session=None)


@_open("/admin/sign-in", "POST", name="admin_sign_in", content_types=["*/*"])
def sign_in() -> Response:
    """A new session for whoever knows the password; nothing says which of name and password was wrong."""
    request = routes.current_request
    name = ""
    try:
        refuse_other_sites(request)
        form, _ = read_form(request)
        name = name_in(form)
        value = sessions().begin(let_in(form, ip=ip_of(request)))
        return redirect(Go("/admin"), cookies=[cookie(SESSION_COOKIE, value)])
    except VestnikError as error:
        problem, status = refusal(error, locale=language_of(request))
        return shown(Page("sign_in", {"name": name, "mistakes": {"form": problem}}, status), request, session=None)


@_open("/admin/look", "GET", name="admin_look")
def look() -> Response:
    """Language and theme are the browser's own affair: cookies, no account."""
    query = routes.current_request.query_params or {}
    cookies = []
    if query.get("language") in LANGUAGES:
        cookies.append(cookie(LANGUAGE_COOKIE, str(query["language"]), seconds=_YEAR_SECONDS))
    if query.get("theme") in _THEMES:
        cookies.append(cookie(THEME_COOKIE, str(query["theme"]), seconds=_YEAR_SECONDS))
    back = str(query.get("back") or "/admin")
    inside = back == "/admin" or back.startswith("/admin/")
    return redirect(Go(back if inside and "//" not in back and "\\" not in back else "/admin"), cookies=cookies)


@_open("/admin/static/{version}/{name}", "GET", name="admin_static")
def static(version: str, name: str) -> Response:  # noqa: ARG001 - the version only makes the address new
    """Styles and scripts; their addresses change with their content."""
    if name not in STATIC:
        return Response("", status_code=HTTPStatus.NOT_FOUND.value)
    headers = {
        "Content-Type": STATIC[name],
        "Cache-Control": f"public, max-age={_YEAR_SECONDS}, immutable",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(static_file(name).decode(), headers=headers)


@action(routes, "/admin/sign-out", role=Role.VIEWER, does="sign-out")
def sign_out(visit: Visit) -> Go:
    """Ends this session on the server, whatever the browser keeps."""
    sessions().end(visit.session)
    return Go("/admin/sign-in")


@page(routes, "/admin/account")
def account(visit: Visit) -> Page:
    """One's own password and second factor."""
    if visit.manager.second_factor:
        return Page("account", {"secret": None})
    secret = visit.typed("secret") or new_secret()
    try:
        check_secret(secret)
    except InvalidError:
        secret = new_secret()
    return Page(
        "account", {"secret": secret, "qr": picture(secret, name=visit.manager.name, site=settings().site_name)}
    )


@action(routes, "/admin/account", role=Role.VIEWER, does="password.change", again=account)
def change_password(visit: Visit) -> Go:
    """Signs out everywhere."""
    managers().change_password(visit.manager.name, old=visit.secret("old"), new=visit.secret("new"))
    return Go("/admin/sign-in")


@action(routes, "/admin/account/second-factor", role=Role.VIEWER, does="second_factor.set", again=account)
def set_second_factor(visit: Visit) -> Go:
    """A code of the app is asked for at the next sign-in."""
    managers().set_second_factor(visit.manager.name, visit.typed("secret"), visit.typed("code"))
    return Go("/admin/account", done="saved")


@action(routes, "/admin/account/second-factor/drop", role=Role.VIEWER, does="second_factor.drop", again=account)
def drop_second_factor(visit: Visit) -> Go:
    """The password alone is enough again; it is asked for once more."""
    managers().drop_second_factor(visit.manager.name, password=visit.secret("password"))
    return Go("/admin/account", done="saved")


@action(routes, "/admin/account/sign-out", role=Role.VIEWER, does="sign-out.everywhere")
def sign_out_everywhere(visit: Visit) -> Go:
    """Ends every session of this manager, in every browser."""
    managers().end_sessions(visit.manager.name)
    return Go("/admin/sign-in")
