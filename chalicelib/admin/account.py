"""The manager's own account: password, second factor and sessions. Sensitive changes need the current password and code
(`views.py`) and end the account's other sessions."""

from functools import partial

from chalicelib.accounts.managers import Role
from chalicelib.accounts.second_factor import check_secret, new_secret, picture
from chalicelib.admin.browser import SESSION_COOKIE, cookie, forgotten, known_cookie
from chalicelib.admin.templating import Go, Page
from chalicelib.admin.views import Proof, Visit, action, page
from chalicelib.errors import InvalidError
from chalicelib.settings import settings
from chalicelib.stage.app import stage


@action("/admin/sign-out", role=Role.VIEWER, does="sign-out", first=True)
def sign_out(visit: Visit) -> Go:
    """Ends this session on the server, whatever the browser keeps."""
    stage().sessions.end(visit.session)
    return Go("/admin/sign-in", cookies=(forgotten(SESSION_COOKIE),), leaves=True)


@page("/admin/account", first=True)
def account(visit: Visit) -> Page:
    """Password, second factor and sessions; only the password for somebody whose password another person made."""
    manager = visit.manager
    if manager.must_change:
        return Page("account", {"opened": (), "secret": None, "qr": None, "required": None})
    secret = visit.typed("secret") or new_secret()
    try:
        check_secret(secret)
    except InvalidError:
        secret = new_secret()
    qr = picture(secret, name=manager.name, site=settings().site_name)
    opened, required = stage().sessions.of(manager, here=visit.session), stage().managers.asks_for_factors
    return Page("account", {"opened": opened, "secret": secret, "qr": qr, "required": required})


_of_the_account = partial(action, role=Role.VIEWER, again=account)


def _check_new(visit: Visit) -> None:
    stage().managers.check_new(visit.manager.name, visit.secret("new"), field="new")


@_of_the_account("/admin/account", does="password.change", proof=Proof.PRESENT, check=_check_new, first=True)
def change_password(visit: Visit) -> Go:
    """Signs out everywhere else."""
    stage().managers.change_password(visit.manager.name, visit.secret("new"))
    return _renewed(visit)


def _check_code(visit: Visit) -> None:
    stage().managers.check_second_factor(visit.typed("secret"), visit.typed("code"))


@_of_the_account("/admin/account/second-factor", does="second_factor.set", proof=Proof.PRESENT, check=_check_code)
def set_second_factor(visit: Visit) -> Go:
    """The next sign-in asks for a code of the app."""
    stage().managers.set_second_factor(visit.manager.name, visit.typed("secret"), visit.typed("code"))
    return _renewed(visit)


@_of_the_account("/admin/account/second-factor/drop", does="second_factor.drop", proof=Proof.PRESENT)
def drop_second_factor(visit: Visit) -> Go:
    """The password alone is enough again."""
    stage().managers.forget_second_factor(visit.manager.name)
    return _renewed(visit)


@_of_the_account("/admin/account/sign-out", does="sign-out.everywhere", proof=Proof.RECENT)
def sign_out_everywhere(visit: Visit) -> Go:
    """Ends every other session of this manager, in every browser."""
    stage().managers.end_sessions(visit.manager.name)
    return _renewed(visit)


@_of_the_account("/admin/account/sessions/{key}/end", does="session.end", proof=Proof.RECENT)
def end_session(visit: Visit) -> Go:
    """Ends one of the manager's own sessions."""
    stage().sessions.end_one(visit.manager.name, visit.path["key"])
    return Go("/admin/account", done="saved")


def _renewed(visit: Visit) -> Go:
    """The new session of this browser, after all sessions of the account have ended."""
    renewed = cookie(SESSION_COOKIE, stage().sessions.renew(visit.session))
    known = known_cookie(stage().authentication.browser_token(visit.manager.name))
    return Go("/admin/account", done="saved", cookies=(renewed, known))
