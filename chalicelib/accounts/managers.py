"""Managers' accounts: who may sign in to the managers' pages, and what they may do there."""

import re
import secrets
from collections.abc import Collection, Mapping
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple

from chalicelib.accounts.passwords import check_chosen, hashed
from chalicelib.accounts.second_factor import SecondFactors
from chalicelib.clock import Clock, rfc3339
from chalicelib.configuration.site_settings import SiteSettings
from chalicelib.errors import (
    ChangedError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    Phrase,
)
from chalicelib.etags import Seen, tag_of
from chalicelib.storage.managers import (
    Account,
    add_account,
    change_account,
    find_account,
    find_account_and_settings,
    page_of_accounts,
)

_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
INITIAL_LASTS = timedelta(days=7)  # of a password made by somebody else


class Role(StrEnum):
    """What a manager may do. Any role may view."""

    VIEWER = "viewer"
    EDITOR = "editor"  # writes campaigns, templates, settings of letters; starts, pauses and stops campaigns
    APPROVER = "approver"  # approves other people's campaigns
    OPERATOR = "operator"  # switches, pace, dead letters, suppressions, links
    ADMINISTRATOR = "administrator"  # managers, keys, the audit


_ROLES: Mapping[Role, Phrase] = {
    Role.VIEWER: Phrase("viewer"),
    Role.EDITOR: Phrase("editor"),
    Role.APPROVER: Phrase("approver"),
    Role.OPERATOR: Phrase("operator"),
    Role.ADMINISTRATOR: Phrase("administrator"),
}


class Manager(NamedTuple):
    """Somebody who may sign in. `key` names them in campaigns and in the audit. `must_change`: the password is not
    their own yet; `must_add_factor`: the stage requires a second factor, and there is none. Sessions of another `round`
    are void."""

    name: str
    roles: frozenset[str]
    round: int
    disabled: bool
    second_factor: bool = False
    must_change: bool = False
    must_add_factor: bool = False

    @property
    def held(self) -> bool:
        """Whether the account has to be completed first."""
        return self.must_change or self.must_add_factor

    @property
    def tag(self) -> str:
        """Of the roles; `seen` is compared with it."""
        return tag_of({"roles": sorted(self.roles)})

    @property
    def key(self) -> str:
        """Never the id of an API key, which holds no colon."""
        return f"manager:{self.name}"

    def may(self, role: Role) -> bool:
        """Whether the roles cover this one."""
        return bool(self.roles) if role is Role.VIEWER else role in self.roles

    def demand(self, role: Role) -> None:
        """Raises: ForbiddenError (permanent)."""
        if not self.may(role):
            raise ForbiddenError(Phrase("this needs the role {role}", role=_ROLES[role]))


class Managers:
    """The accounts. The caller has checked who may change them (docs/security.md). Each method raises UnavailableError
    (retryable)."""

    def __init__(self, *, clock: Clock, factors: SecondFactors, site_name: str, site: SiteSettings) -> None:
        self._clock = clock
        self._factors = factors
        self._site = site
        self._site_name = site_name  # no password may be made of its name

    def add(self, name: str, *, roles: Collection[str], by: str, password: str | None = None) -> str:
        """Makes an account and returns its password. One made here has to be changed at the first sign-in, within
        INITIAL_LASTS; one that is given is random and its owner's already (`make run`). Raises: InvalidError,
        ConflictError (permanent: the name is taken)."""
        if not _NAME.fullmatch(name):
            raise InvalidError.of("name", Phrase("expected 1 to 64 of: a–z, 0–9, dot, hyphen, underscore, @"))
        secret = password or _new_password()
        initial_until = None if password else self._initial_until()
        account = Account(name, hashed(secret), _checked(roles), initial_until=initial_until)
        if not add_account(account, by=by, at=self._clock()):
            raise ConflictError(Phrase("there is a manager {name} already", name=name))
        return secret

    @property
    def asks_for_factors(self) -> bool:
        return self._factors.required

    def knows(self, name: str) -> bool:
        return named_account(name) is not None

    def get(self, name: str) -> Manager:
        """Raises: NotFoundError (permanent)."""
        return self._found(name, find_account(name))

    def visiting(self, name: str) -> Manager:
        """As `get`, where a page begins. The site's settings are read along: the page shows what a page of another
        process has just saved. Raises: NotFoundError (permanent)."""
        account, _ = self._site.read_along(partial(find_account_and_settings, name))
        return self._found(name, account)

    def _found(self, name: str, account: Account | None) -> Manager:
        if account is None:
            raise NotFoundError(Phrase("there is no manager {name}", name=name))
        return manager_of(account)._replace(must_add_factor=self.asks_for_factors and account.totp_secret is None)

    def page(self, *, limit: int, cursor: str | None) -> tuple[list[Manager], str | None]:
        """Accounts by name, at most a hundred, and the next cursor. Raises: InvalidError (permanent: a foreign
        cursor)."""
        accounts, following = page_of_accounts(limit=limit, cursor=cursor)
        return [manager_of(one) for one in accounts], following

    def check_new(self, name: str, password: str, *, field: str) -> None:
        """Raises: InvalidError (permanent; names the field): it is easy to guess, or has a wrong length."""
        check_chosen(password, field=field, about=(name, self._site_name))

    def change_password(self, name: str, new: str) -> None:
        """To one that its owner chose; ends every session. Raises: InvalidError (permanent)."""
        self.check_new(name, new, field="new")
        self._update(name, {"password_hash": hashed(new), "initial_until": None})

    def check_second_factor(self, secret: str, code: str) -> None:
        """Raises: InvalidError (permanent): the app does not have the secret."""
        self._factors.check(secret, code)

    def set_second_factor(self, name: str, secret: str, code: str) -> None:
        """From now on a code of the app is required; `code` proves that the app has the secret. Ends every session.
        Raises: InvalidError (permanent)."""
        step = self._factors.check(secret, code)
        self._update(name, {"totp_secret": self._factors.sealed(name, secret), "totp_step": step})

    def forget_second_factor(self, name: str, *, by: str | None = None) -> None:
        """The password alone is enough; ends every session. `by` another manager: the owner has lost the phone. Raises:
        ConflictError, NotFoundError (permanent)."""
        _not_own(name, by)
        self._update(name, {"totp_secret": None, "totp_step": None})

    def end_sessions(self, name: str) -> None:
        """Signs out everywhere. Raises: NotFoundError (permanent)."""
        self._update(name, {})

    def reset_password(self, name: str, *, by: str) -> str:
        """A new password for somebody who has lost theirs; they choose one at the next sign-in. Ends every session.
        Raises: ConflictError, NotFoundError (permanent)."""
        _not_own(name, by)
        secret = _new_password()
        self._update(name, {"password_hash": hashed(secret), "initial_until": self._initial_until()})
        return secret

    def set_roles(self, name: str, roles: Collection[str], *, by: str, seen: Seen | None = None) -> None:
        """Takes effect at the next click. Raises: InvalidError, ConflictError (permanent: nobody can remove their own
        administration), ChangedError (permanent: they are not what was `seen`), NotFoundError (permanent)."""
        if name == by and Role.ADMINISTRATOR not in roles:
            raise ConflictError(Phrase("only another administrator can take this role from you"))
        was = find_account(name)
        if seen is None or was is None:
            self._update(name, {"roles": _checked(roles)}, ends_sessions=False)
            return
        seen.require({"roles": sorted(was.roles)}, what=Phrase("the roles of {name}", name=name))
        changes = {"roles": _checked(roles)}
        if not change_account(name, changes, ends_sessions=False, roles_were=was.roles):
            self.get(name)
            raise ChangedError(Phrase("the roles of {name} were changed since they were read", name=name))

    def set_disabled(self, name: str, disabled: bool, *, by: str) -> None:
        """A disabled account is signed out and cannot sign in. Raises: ConflictError, NotFoundError (permanent)."""
        if name == by:
            raise ConflictError(Phrase("only another administrator can disable your account"))
        self._update(name, {"disabled": disabled})

    def _initial_until(self) -> str:
        return rfc3339(self._clock() + INITIAL_LASTS)

    def _update(self, name: str, changes: Mapping[str, Any], *, ends_sessions: bool = True) -> None:
        if not _NAME.fullmatch(name) or not change_account(name, changes, ends_sessions=ends_sessions):
            raise NotFoundError(Phrase("there is no manager {name}", name=name))


def named_account(name: str) -> Account | None:
    """The account of a name as somebody typed it. Raises: UnavailableError (retryable)."""
    return find_account(name) if _NAME.fullmatch(name) else None


def manager_of(account: Account) -> Manager:
    """Without the secrets."""
    return Manager(
        account.name,
        frozenset(account.roles),
        account.sessions_round,
        account.disabled,
        second_factor=account.totp_secret is not None,
        must_change=account.initial_until is not None,
    )


def _new_password() -> str:
    return secrets.token_urlsafe(15)


def _not_own(name: str, by: str | None) -> None:
    if name == by:
        raise ConflictError(Phrase("your own password and second factor are changed on the page of your account"))


def _checked(roles: Collection[str]) -> list[str]:
    unknown = set(roles) - set(Role)
    if unknown or not roles:
        raise InvalidError.of("roles", Phrase("expected some of: {known}", known=", ".join(Role)))
    return sorted(roles)
