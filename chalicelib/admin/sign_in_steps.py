"""Signing in: on its page, in the middle of a form, and again before sensitive actions; first the password, then the
code. The audit names who was let in, and failed attempts under existing names; other names are left out, because people
type passwords there by mistake."""

from collections.abc import Mapping
from http import HTTPStatus
from math import ceil
from typing import Any

from chalice.app import Request, Response

from chalicelib.accounts.audit import NOBODY, Deed, Door
from chalicelib.accounts.authentication import Step, network_of
from chalicelib.accounts.managers import Manager
from chalicelib.admin.browser import (
    DOOR_COOKIE,
    SESSION_COOKIE,
    at_of,
    browser_of,
    cookie,
    cookies_of,
    door_of,
    known_cookie,
    refuse_other_sites,
)
from chalicelib.admin.forms import Values
from chalicelib.admin.responses import shown
from chalicelib.admin.templating import Page, words
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

SIGN_IN = "sign-in"  # the word of the audit


def name_in(form: Values) -> str:
    """The name in the form that accounts have."""
    return _typed(form, "name").strip().lower()


def let_in(form: Values, request: Request) -> Manager | Step:
    """The manager in the form, or the step that is still missing. Raises: ForbiddenError (permanent: not one of our
    forms), UnauthorizedError (permanent), TooManyRequestsError (later), UnavailableError (retryable)."""
    at, name, state = at_of(request), name_in(form), _typed(form, "step")
    try:
        refuse_other_sites(request)
        if not stage().authentication.made(at.door, _typed(form, "token").partition(".")[0]):
            raise ForbiddenError(Phrase("this form is not of this browser: open the page again"))
        if state:
            found: Manager | Step = stage().authentication.by_code(state, _typed(form, "code"), at=at)
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
