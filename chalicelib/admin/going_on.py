"""A form that comes after its session has ended: signing in in place, and the same form again with what was typed, to
be sent once more. Nothing is done before that: who signs in may be somebody else, and sees what they are about to save.
"""

from collections.abc import Mapping
from http import HTTPStatus

from chalice.app import Request, Response

from chalicelib.admin.answering import address_of, once_more, redirect, shown
from chalicelib.admin.browser import (
    SESSION_COOKIE,
    asks_for_a_part,
    cookie,
    from_us,
    ip_of,
    language_of,
    read_form,
)
from chalicelib.admin.conflict import MINE, settled
from chalicelib.admin.forms import Values
from chalicelib.admin.kept import TYPED, Kept, keep, unpacked
from chalicelib.admin.look import Go, Page, url, words
from chalicelib.admin.signing_in import let_in, name_in, refusal
from chalicelib.admin.visits import Registered, Visit
from chalicelib.control.answers import status_of
from chalicelib.control.sessions import Session
from chalicelib.errors import ForbiddenError, InvalidError, VestnikError
from chalicelib.wiring.admin import sessions

_AGAIN = Go("/admin/sign-in")


def session_over(declared: Registered, request: Request, path: Mapping[str, str]) -> Response:
    """What a browser gets whose session has ended: the door, or, with a form, the door in place."""
    if asks_for_a_part(request):  # of a page that stays as it is, with what is typed there
        headers = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
        text = words(language_of(request))["kept"]["ended"]
        return Response(text, headers=headers, status_code=HTTPStatus.UNAUTHORIZED.value)
    if request.method != "POST" or declared.again is None or not from_us(request):
        return redirect(_AGAIN)
    try:
        form, files = read_form(request, largest_file=declared.largest_file)
        form = settled(form) if MINE in form else form
    except InvalidError:
        return redirect(_AGAIN)
    if TYPED in form:
        return go_on(declared, request, path, form, session=None)
    kept = keep(form, files)
    return _door(request, kept, name="", status=HTTPStatus.UNAUTHORIZED) if kept else redirect(_AGAIN)


def go_on(
    declared: Registered, request: Request, path: Mapping[str, str], form: Values, *, session: Session | None
) -> Response:
    """Signs in and shows the form as it was typed. Raises: InvalidError (permanent): what was kept is no form."""
    typed, name, locale = unpacked(form, TYPED), name_in(form), language_of(request)
    kept = Kept(typed, files=bool(form.get("files")), secret=bool(form.get("secret")))
    cookies = []
    try:
        if session is None or session.manager.name != name:  # else the same form came twice: a code works once
            manager = let_in(form, ip=ip_of(request))
            manager.demand(declared.role)
            value = sessions().begin(manager)
            cookies, session = [cookie(SESSION_COOKIE, value)], sessions().find(value)
        session.manager.demand(declared.role)
    except ForbiddenError as error:
        problem = words(locale)["sign_in"]["not_yours"].format(name=name)
        return _door(request, kept, name=name, status=status_of(error), problem=problem)
    except VestnikError as error:
        problem, status = refusal(error, locale=locale)
        return _door(request, kept, name=name, status=status, problem=problem)
    query = dict(request.query_params or {})
    visit = Visit(session, path, query, typed, {}, locale, ip_of(request), fresh=True)
    note = "signed_in_file" if kept.files else "signed_in_secret" if kept.secret else "signed_in"
    response = once_more(declared.again, visit, request, kept=note) if declared.again else redirect(Go("/admin"))
    if cookies:
        response.headers["Set-Cookie"] = cookies
    return response


def _door(request: Request, kept: Kept, *, name: str, status: HTTPStatus, problem: str | None = None) -> Response:
    values = {"typed": kept, "to": url(address_of(request)), "name": name}
    mistakes = {"mistakes": {"form": problem}} if problem else {}
    return shown(Page("signing_in", {**values, **mistakes}, status), request, session=None)
