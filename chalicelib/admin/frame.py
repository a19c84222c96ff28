"""The frame of every page of the managers: session → role → form token → view → answer. What is asked of a route is
said where it is registered, so that a test can walk over all of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from inspect import getdoc
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import parse_qs

from chalice.app import Blueprint, Request, Response

from chalicelib.admin.browser import (
    SESSION_COOKIE,
    THEME_COOKIE,
    cookies_of,
    ip_of,
    language_of,
    read_form,
    refuse_other_sites,
)
from chalicelib.admin.look import Go, Page, render, url
from chalicelib.admin.mistakes import told
from chalicelib.control.answers import status_of
from chalicelib.control.managers import Manager, Role
from chalicelib.control.sessions import Session
from chalicelib.errors import (
    ConflictError,
    FieldError,
    InvalidError,
    UnauthorizedError,
    VestnikError,
)
from chalicelib.observability import Line, aside, log_failure, request_id, write_line
from chalicelib.wiring.admin import audit, sessions


class Visit(NamedTuple):
    """One request of a manager."""

    session: Session
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, Sequence[str]]
    files: Mapping[str, bytes]
    locale: str
    ip: str

    @property
    def manager(self) -> Manager:
        """Who it is."""
        return self.session.manager

    def typed(self, name: str) -> str:
        """The first value of a field, without the spaces around it; empty where there is none."""
        return next(iter(self.form.get(name, ())), "").strip()


Went: TypeAlias = Go | Page | Response
View = Callable[[Visit], Page | Response]
Act = Callable[[Visit], Go | Page]


class Registered(NamedTuple):
    """What a route asks of its caller; `does` is the audit's word of an action."""

    method: str
    path: str
    role: Role
    does: str | None
    largest_file: int = 0  # bytes; 0: the form carries none


REGISTERED: list[Registered] = []


def page(blueprint: Blueprint, path: str, *, role: Role = Role.VIEWER) -> Callable[[View], View]:
    """Registers a page; looking changes nothing."""

    def register(view: View) -> View:
        _register(blueprint, Registered("GET", path, role, None), view, lambda visit: view(visit))
        return view

    return register


def action(
    blueprint: Blueprint, path: str, *, role: Role, does: str, again: View | None = None, largest_file: int = 0
) -> Callable[[Act], Act]:
    """Registers what a form does. It is written into the audit, whatever came of it. A mistake shows the page `again`
    with what was typed and what is wrong, or, without one, a page that says what is wrong."""

    def register(act: Act) -> Act:
        def run(visit: Visit) -> Went:
            thing = next(iter(visit.path.values()), None) or visit.typed("name") or None

            def note(outcome: str) -> None:
                with aside("audit"):  # what is done is done, and a mistake is to be shown
                    audit().write(by=visit.manager.name, did=does, thing=thing, outcome=outcome, ip=visit.ip)

            try:
                sessions().check_form(visit.session, visit.typed("token"))
                went = act(visit)
            except VestnikError as error:
                note(type(error).__name__.removesuffix("Error").lower())
                if again is None or not isinstance(error, InvalidError | ConflictError):
                    raise
                before = again(visit)
                if not isinstance(before, Page):
                    raise
                values = {**before.values, "mistakes": mistakes_of(error)}
                return replace(before, values=values, status=status_of(error))
            note("done")
            return went

        _register(blueprint, Registered("POST", path, role, does, largest_file), act, run)
        return act

    return register


def preview(blueprint: Blueprint, path: str, *, role: Role) -> Callable[[View], View]:
    """Registers a look at what a form holds: it changes nothing, and is no line of the audit."""

    def register(view: View) -> View:
        def run(visit: Visit) -> Went:
            sessions().check_form(visit.session, visit.typed("token"))
            return view(visit)

        _register(blueprint, Registered("POST", path, role, None), view, run)
        return view

    return register


def _register(
    blueprint: Blueprint, declared: Registered, view: Callable[..., Any], run: Callable[[Visit], Went]
) -> None:
    REGISTERED.append(declared)
    name = f"admin_{view.__name__}"
    assert getdoc(view), f"{name}: the view's docstring says what it shows or does"  # noqa: S101 - at import, for us

    def handle(**path_values: str) -> Response:
        request = blueprint.current_request
        response = _answer(declared, run, request, path_values)
        ours = response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
        write_line("admin", [Line(counts={f"{view.__name__}_{response.status_code}": 1}, failed=ours)])
        return response

    handle.__name__ = name
    kinds = ["*/*"] if declared.method == "POST" else ["application/json"]
    blueprint.route(declared.path, methods=[declared.method], name=name, content_types=kinds)(handle)


def _answer(declared: Registered, run: Callable[[Visit], Went], request: Request, path: Mapping[str, str]) -> Response:
    locale = language_of(request)
    session: Session | None = None
    try:
        session = sessions().find(cookies_of(request).get(SESSION_COOKIE))
        refuse_other_sites(request)
        session.manager.demand(declared.role)
        form, files = read_form(request, largest_file=declared.largest_file)
        visit = Visit(session, path, dict(request.query_params or {}), form, files, locale, ip_of(request))
        went = run(visit)
        if isinstance(went, Response):
            return went
        if isinstance(went, Go):
            return redirect(went)
        return shown(went, request, session=session)
    except UnauthorizedError:
        return redirect(Go("/admin/sign-in"))
    except VestnikError as error:
        if status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log_failure("admin", error, page=declared.path)
        trouble = Page("trouble", {"error": error, "status": status_of(error)}, status_of(error))
        return shown(trouble, request, session=session)
    except Exception as error:
        return failed(error, request, path=declared.path, session=session)


def failed(error: Exception, request: Request, *, path: str, session: Session | None) -> Response:
    """The page for what nobody expected. It is logged here: Chalice would log its message too, and that may quote what
    somebody typed."""
    log_failure("admin", error, page=path)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return shown(Page("trouble", {"error": None, "status": status}, status), request, session=session)


def shown(page: Page, request: Request, *, session: Session | None) -> Response:
    """A page with what all pages share. Its value `mistakes` are those of the form that is shown again, by field."""
    cookies, query = cookies_of(request), dict(request.query_params or {})
    locale = language_of(request)
    mistakes = {field: told(message, locale=locale) for field, message in page.values.get("mistakes", {}).items()}
    return render(
        Page(page.template, {**page.values, "mistakes": mistakes}, page.status),
        locale=locale,
        manager=session.manager if session else None,
        token=session.form_token if session else None,
        theme=cookies.get(THEME_COOKIE) if cookies.get(THEME_COOKIE) in ("light", "dark") else "auto",
        here=str(request.context["resourcePath"]).format(**(request.uri_params or {})),
        done=query.get("done"),
        request_id=request_id(),
    )


def redirect(to: Go, *, cookies: Sequence[str] = ()) -> Response:
    """303: the browser asks for the next page by GET, and going back repeats nothing."""
    path, _, query = to.path.partition("?")
    asked = {name: values[0] for name, values in parse_qs(query).items()}
    headers: dict[str, Any] = {"Location": url(path, **asked, done=to.done), "Cache-Control": "no-store"}
    if cookies:
        headers["Set-Cookie"] = list(cookies)
    return Response("", headers=headers, status_code=HTTPStatus.SEE_OTHER.value)


def mistakes_of(error: VestnikError) -> dict[str, str]:
    """What is wrong, by field; by `form` where it is no field's fault."""
    errors: Sequence[FieldError] = error.errors if isinstance(error, InvalidError) else ()
    return {one.field: one.message for one in errors} or {"form": error.detail}
