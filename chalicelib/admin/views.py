"""What wraps every managers' page: session → role → form token → view → answer. A route's requirements are declared
where it is registered, so that a test can check all of them."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from inspect import getdoc
from typing import Any

from chalice.app import Request, Response

from chalicelib.accounts.managers import Role
from chalicelib.accounts.sessions import Session
from chalicelib.admin.audit_entries import deed_of, demand_form, demand_proof, demand_role, fields_of, refuse_strangers
from chalicelib.admin.browser import (
    SESSION_COOKIE,
    asks_for_a_part,
    at_of,
    cookies_of,
    from_us,
    language_of,
    read_form,
)
from chalicelib.admin.edit_conflict import LOOK, MINE, WHOLE, settled
from chalicelib.admin.forms import TYPED
from chalicelib.admin.page_requests import REGISTERED, Act, Proof, Registered, View, Visit, Went, routes
from chalicelib.admin.responses import conflict, mistakes_of, once_more, redirect, shown, trouble
from chalicelib.admin.resumed_forms import go_on, once, proof_over, session_over
from chalicelib.admin.templating import Go, Page
from chalicelib.errors import (
    ChangedError,
    ConflictError,
    InvalidError,
    ProofError,
    TooManyRequestsError,
    UnauthorizedError,
    VestnikError,
)
from chalicelib.http_errors import status_of
from chalicelib.observability import Line, write_line
from chalicelib.stage.app import stage

__all__ = ["REGISTERED", "Proof", "Registered", "Visit", "action", "page", "preview"]


def page(
    path: str, *, role: Role = Role.VIEWER, shows: str | None = None, first: bool = False
) -> Callable[[View], View]:
    """Registers a page; viewing changes nothing. `shows` and `first`: as in `Registered`."""

    def register(view: View) -> View:
        declared = Registered("GET", path, role, None, shows=shows, first=first)

        def run(visit: Visit) -> Went:
            if shows:
                stage().audit.look(deed_of(declared, visit))
            return view(visit)

        _register(declared, view, run)
        return view

    return register


def action(
    path: str,
    *,
    role: Role,
    does: str,
    again: View | None = None,
    largest_file: int = 0,
    proof: Proof = Proof.NONE,
    check: Callable[[Visit], object] | None = None,
    first: bool = False,
) -> Callable[[Act], Act]:
    """Registers what a form does. The audit has it before it happens, and its outcome after; the same form sent again
    does nothing. `again` is the page with the form, shown with what was typed and what is wrong or, if somebody has
    changed the same thing, with both versions; without it, a page says what is wrong. `check` finds mistakes before the
    `proof` is asked for, since a code works once; `first`: as in `Registered`."""

    def register(act: Act) -> Act:
        declared = Registered("POST", path, role, does, largest_file, again, proof=proof, check=check, first=first)

        def run(visit: Visit) -> Went:
            demand_form(declared, visit)
            demand_proof(declared, visit)
            with stage().audit.act(deed_of(declared, visit), **fields_of(visit)):
                return act(visit)

        _register(declared, act, run)
        return act

    return register


def preview(path: str, *, shows: str | None = None) -> Callable[[View], View]:
    """Registers a preview of what a form holds. It changes nothing, and is in the audit if the form names a `user` as
    whom it is shown. Only those who could store it may see it; the view itself limits how often, by `drafts()`, since
    only it can say so in place."""

    def register(view: View) -> View:
        declared = Registered("POST", path, Role.EDITOR, None, again=view, shows=shows)

        def run(visit: Visit) -> Went:
            demand_form(declared, visit)
            if shows and visit.typed("user"):
                stage().audit.look(deed_of(declared, visit))
            return view(visit)

        _register(declared, view, run)
        return view

    return register


def _register(declared: Registered, view: Callable[..., Any], run: Callable[[Visit], Went]) -> None:
    REGISTERED.append(declared)
    name = f"admin_{view.__name__}"
    assert getdoc(view), f"{name}: the view's docstring says what it shows or does"  # noqa: S101 - at import, for us

    def handle(**path_values: str) -> Response:
        request = routes.current_request
        response = _answer(declared, run, request, path_values)
        ours = response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
        write_line("admin", [Line(counts={f"{view.__name__}_{response.status_code}": 1}, failed=ours)])
        return response

    handle.__name__ = name
    kinds = ["*/*"] if declared.method == "POST" else ["application/json"]
    routes.route(declared.path, methods=[declared.method], name=name, content_types=kinds)(handle)


def _answer(declared: Registered, run: Callable[[Visit], Went], request: Request, path: Mapping[str, str]) -> Response:
    session: Session | None = None
    visit: Visit | None = None
    try:
        refuse_strangers(declared, request)
        by_itself = request.method == "GET" and asks_for_a_part(request)
        session = stage().sessions.find(cookies_of(request).get(SESSION_COOKIE), active=not by_itself)
        if declared.is_shut_to(session.manager):
            return redirect(Go("/admin/account"))
        form, files = read_form(request, largest_file=declared.largest_file)
        if TYPED in form and from_us(request):
            return go_on(declared, request, path, form, session=session)
        demand_role(declared, session, request, path)
        fresh = request.method == "POST" and stage().sessions.made(session, next(iter(form.get("token", ())), ""))
        query = dict(request.query_params or {})
        asked = {name: request.query_params.getlist(name) for name in query}
        visit = Visit(session, path, query, form, files, language_of(request), at_of(request), fresh, asked)
        if MINE in form:
            visit = visit._replace(form=settled(form))
            if visit.fresh and WHOLE in form and form[WHOLE][0] == LOOK and declared.again is not None:
                return once_more(declared.again, visit, request, kept="merged")
        sent = visit
        if declared.does is None:
            went = run(visit)
            if isinstance(went, Page) and request.method == "POST":
                now = visit if went.form is None else visit._replace(form=went.form)
                return once_more(lambda _: went, now, request)  # a preview of unsaved work
            return _shown(went, request, visit)
        return once(sent, declared.path, lambda: _shown(run(sent), request, sent))
    except UnauthorizedError:
        return _or_trouble(partial(session_over, declared, request, path), declared, request, session)
    except VestnikError as error:
        return _or_trouble(partial(_refused, declared, visit, request, session, error), declared, request, session)
    except Exception as error:
        return trouble(error, request, declared=declared, session=session)


def _or_trouble(
    answer: Callable[[], Response], declared: Registered, request: Request, session: Session | None
) -> Response:
    """An error page is a page, too, and may fail like any other."""
    try:
        return answer()
    except Exception as error:
        return trouble(error, request, declared=declared, session=session)


def _shown(went: Went, request: Request, visit: Visit) -> Response:
    if isinstance(went, Response):
        return went
    if isinstance(went, Go):
        return redirect(went)
    return shown(went, request, session=visit.session)


def _refused(
    declared: Registered, visit: Visit | None, request: Request, session: Session | None, error: VestnikError
) -> Response:
    response: Response | None = None
    if visit is not None and isinstance(error, ProofError):
        return proof_over(request, visit)
    if visit is not None and declared.again is not None:
        with suppress(VestnikError):  # the page cannot be shown: only the refusal is
            response = _once_more(declared, declared.again, visit, request, error)
    response = response or trouble(error, request, declared=declared, session=session)
    if isinstance(error, TooManyRequestsError):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response


def _once_more(
    declared: Registered, view: View, visit: Visit, request: Request, error: VestnikError
) -> Response | None:
    status = status_of(error)
    if isinstance(error, ChangedError):
        compared = conflict(view, visit, request, error)
        if compared is not None:
            return compared
        visit = visit.untyped()  # a mere button: the current state is shown first
    if isinstance(error, InvalidError | ConflictError | TooManyRequestsError):
        return once_more(view, visit, request, status=status, mistakes=mistakes_of(error))
    if not visit.fresh and declared.does and from_us(request):
        return once_more(view, visit, request, status=status, kept="old_form")
    return None
