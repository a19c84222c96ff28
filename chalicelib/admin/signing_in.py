"""Signing in, at the door and in the middle of a form: who was let in is in the audit, and so is whoever tried a name
that exists; other names are not, because people type a password there by mistake."""

from http import HTTPStatus
from math import ceil

from chalicelib.admin.forms import Values
from chalicelib.admin.look import words
from chalicelib.control.audit import NOBODY, Deed, Door
from chalicelib.control.managers import Manager
from chalicelib.errors import TooManyRequestsError, UnauthorizedError, UnavailableError, VestnikError
from chalicelib.observability import aside
from chalicelib.wiring.admin import managers
from chalicelib.wiring.audit import audit

SIGN_IN = "sign-in"  # the word of the audit


def name_in(form: Values) -> str:
    """The name as accounts are written."""
    return _typed(form, "name").strip().lower()


def let_in(form: Values, *, ip: str) -> Manager:
    """Whoever the form says, with the right password and code. Raises: UnauthorizedError (permanent),
    TooManyRequestsError (later), UnavailableError (retryable)."""
    name = name_in(form)
    try:
        manager = managers().sign_in(name, _typed(form, "password"), ip=ip, code=_typed(form, "code"))
    except UnauthorizedError as error:
        with aside("audit"):
            audit().refuse(_deed(name if managers().knows(name) else NOBODY, ip), error)
        raise
    audit().let_in(_deed(manager.name, ip))
    return manager


def refusal(error: VestnikError, *, locale: str) -> tuple[str, HTTPStatus]:
    """What is said to whoever was not let in; nothing says which of name and password was wrong."""
    said = words(locale)["sign_in"]
    if isinstance(error, TooManyRequestsError):
        minutes = ceil(error.retry_after_seconds / 60)
        return said["too_often"].format(minutes=minutes), HTTPStatus.TOO_MANY_REQUESTS
    if isinstance(error, UnavailableError):
        return said["unavailable"], HTTPStatus.SERVICE_UNAVAILABLE
    return said["wrong"], HTTPStatus.UNPROCESSABLE_ENTITY


def _deed(by: str, ip: str) -> Deed:
    return Deed(door=Door.PAGE, by=by, did=SIGN_IN, thing=None, ip=ip)


def _typed(form: Values, name: str) -> str:
    return next(iter(form.get(name, ())), "")
