"""Managers' accounts: who may sign in to the admin page, and what they may do there."""

import re
import secrets
from collections.abc import Collection, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.accounts.passwords import check_chosen, hashed
from chalicelib.accounts.second_factor import SecondFactors
from chalicelib.clock import Clock, rfc3339
from chalicelib.errors import (
    ChangedError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    Phrase,
)
from chalicelib.etags import Seen, tag_of
from chalicelib.storage.cursor import read_cursor, write_cursor
from chalicelib.storage.dynamodb import find, reaching_dynamodb, save_if, update_if
from chalicelib.storage.rows.accounts import LISTED, ManagerRow

_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
INITIAL_LASTS = timedelta(days=7)  # of a password that somebody else has made


class Role(StrEnum):
    """What a manager may do. Whoever has any of them may look."""

    VIEWER = "viewer"
    EDITOR = "editor"  # writes campaigns, templates, settings of letters; starts, holds and stops campaigns
    APPROVER = "approver"  # lets other people's campaigns go
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
    """Somebody who may sign in. `key` is who did it, in campaigns and in the audit; `must_change`: the password is not
    their own yet; `must_add_factor`: the stage asks for a second factor, and there is none; sessions of another `round`
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
        """Whether the account has to be put in order first."""
        return self.must_change or self.must_add_factor

    @property
    def tag(self) -> str:
        """Of the roles, as somebody has seen them."""
        return tag_of({"roles": sorted(self.roles)})

    @property
    def key(self) -> str:
        """Never the id of an API key: those hold no colon."""
        return f"manager:{self.name}"

    def may(self, role: Role) -> bool:
        """Whether the roles cover this one."""
        return bool(self.roles) if role is Role.VIEWER else role in self.roles

    def demand(self, role: Role) -> None:
        """Raises: ForbiddenError (permanent)."""
        if not self.may(role):
            raise ForbiddenError(Phrase("this needs the role {role}", role=_ROLES[role]))


class Managers:
    """The accounts of one stage. Who may change them is asked before: `admin/views.py`, docs/security.md."""

    def __init__(self, *, clock: Clock, factors: SecondFactors, site: str) -> None:
        self._clock = clock
        self._factors = factors
        self._site = site  # whose name no password may be made of

    def add(self, name: str, *, roles: Collection[str], by: str, password: str | None = None) -> str:
        """A new account; answers its password. One made here has to be changed at the first sign-in, within
        INITIAL_LASTS; one given is random, and its owner's already (`make run`). Raises: InvalidError, ConflictError
        (permanent: the name is taken), UnavailableError (retryable)."""
        if not _NAME.fullmatch(name):
            raise InvalidError.of("name", Phrase("expected 1 to 64 of: a–z, 0–9, dot, hyphen, underscore, @"))
        secret = password or _new_password()
        row = ManagerRow(
            name,
            listed=LISTED,
            password_hash=hashed(secret),
            roles=_checked(roles),
            initial_until=None if password else self._initial_until(),
            created_at=rfc3339(self._clock()),
            created_by=by,
        )
        if not save_if(row, ManagerRow.name.does_not_exist()):
            raise ConflictError(Phrase("there is a manager {name} already", name=name))
        return secret

    @property
    def asks_for_factors(self) -> bool:
        """Whether the stage wants everybody to have a second factor."""
        return self._factors.required

    def knows(self, name: str) -> bool:
        """Whether there is such an account. Raises: UnavailableError (retryable)."""
        return find_row(name) is not None

    def get(self, name: str) -> Manager:
        """Raises: NotFoundError (permanent), UnavailableError (retryable)."""
        row = find(ManagerRow, name)
        if row is None:
            raise NotFoundError(Phrase("there is no manager {name}", name=name))
        return manager_of(row)._replace(must_add_factor=self.asks_for_factors and row.totp_secret is None)

    def page(self, *, limit: int, cursor: str | None) -> tuple[list[Manager], str | None]:
        """Accounts by name, at most a hundred, and the cursor of the next ones; two requests. Raises: InvalidError
        (permanent: a foreign cursor), UnavailableError (retryable)."""
        start = read_cursor(cursor, scope=LISTED) if cursor else None
        with reaching_dynamodb():
            page = ManagerRow.by_name.query(LISTED, limit=limit, page_size=limit, last_evaluated_key=start)
            names = [row.name for row in page]
            found = (
                {row.name: manager_of(row) for row in ManagerRow.batch_get(names, consistent_read=True)}
                if names
                else {}
            )
        last = page.last_evaluated_key
        return [found[name] for name in names if name in found], write_cursor(last, scope=LISTED) if last else None

    def check_new(self, name: str, password: str, *, field: str) -> None:
        """Raises: InvalidError (permanent; names the field): others would guess it, or it has a wrong length."""
        check_chosen(password, field=field, about=(name, self._site))

    def change_password(self, name: str, new: str) -> None:
        """To one of the manager's own; ends every session. Raises: InvalidError (permanent), UnavailableError
        (retryable)."""
        self.check_new(name, new, field="new")
        self._update(name, [ManagerRow.password_hash.set(hashed(new)), ManagerRow.initial_until.remove()])

    def check_second_factor(self, secret: str, code: str) -> None:
        """Raises: InvalidError (permanent): the app does not have the secret."""
        self._factors.check(secret, code)

    def set_second_factor(self, name: str, secret: str, code: str) -> None:
        """From now on a code of the app is asked for; this one shows that the app has the secret. Ends every session.
        Raises: InvalidError (permanent), UnavailableError (retryable)."""
        self._update(name, self._factors.set(name, secret, step=self._factors.check(secret, code)))

    def forget_second_factor(self, name: str, *, by: str | None = None) -> None:
        """The password alone is enough; ends every session. `by` another manager: of somebody who has lost the phone.
        Raises: ConflictError, NotFoundError (permanent), UnavailableError (retryable)."""
        _not_own(name, by)
        self._update(name, [ManagerRow.totp_secret.remove(), ManagerRow.totp_step.remove()])

    def end_sessions(self, name: str) -> None:
        """Signs out everywhere. Raises: NotFoundError (permanent), UnavailableError (retryable)."""
        self._update(name, [])

    def reset_password(self, name: str, *, by: str) -> str:
        """A new password, for somebody who has lost theirs and chooses one at the next sign-in; ends every session.
        Raises: ConflictError, NotFoundError (permanent), UnavailableError (retryable)."""
        _not_own(name, by)
        secret = _new_password()
        initial = ManagerRow.initial_until.set(self._initial_until())
        self._update(name, [ManagerRow.password_hash.set(hashed(secret)), initial])
        return secret

    def set_roles(self, name: str, roles: Collection[str], *, by: str, seen: Seen | None = None) -> None:
        """Works at the next click. Raises: InvalidError, ConflictError (permanent: nobody takes away their own
        administration), ChangedError (permanent: they are not what was `seen`), NotFoundError, UnavailableError
        (retryable)."""
        if name == by and Role.ADMINISTRATOR not in roles:
            raise ConflictError(Phrase("somebody else has to take your administration away"))
        was = find(ManagerRow, name)
        if seen is not None and was is not None:
            seen.require({"roles": sorted(was.roles)}, what=Phrase("the roles of {name}", name=name))
        unchanged = ManagerRow.roles == was.roles if seen is not None and was is not None else None
        if not self._update(name, [ManagerRow.roles.set(_checked(roles))], ends_sessions=False, only_if=unchanged):
            raise ChangedError(Phrase("the roles of {name} were changed since they were read", name=name))

    def set_disabled(self, name: str, disabled: bool, *, by: str) -> None:
        """A disabled account cannot sign in, and is signed out. Raises: ConflictError, NotFoundError (permanent),
        UnavailableError (retryable)."""
        if name == by:
            raise ConflictError(Phrase("somebody else has to disable your account"))
        self._update(name, [ManagerRow.disabled.set(disabled)])

    def _initial_until(self) -> str:
        return rfc3339(self._clock() + INITIAL_LASTS)

    def _update(
        self, name: str, actions: list[Action], *, ends_sessions: bool = True, only_if: Condition | None = None
    ) -> bool:
        """Whether the condition held. Raises: NotFoundError (permanent), UnavailableError (retryable)."""
        if not _NAME.fullmatch(name):
            raise NotFoundError(Phrase("there is no manager {name}", name=name))
        since = [ManagerRow.sessions_round.add(1)] if ends_sessions else []
        listed = ManagerRow.listed.set(LISTED)
        exists = ManagerRow.name.exists()
        if update_if(ManagerRow(name), [*actions, *since, listed], exists if only_if is None else exists & only_if):
            return True
        if only_if is not None and self.knows(name):
            return False
        raise NotFoundError(Phrase("there is no manager {name}", name=name))


def find_row(name: str) -> ManagerRow | None:
    """The account as it is now. Raises: UnavailableError (retryable)."""
    return find(ManagerRow, name) if _NAME.fullmatch(name) else None


def manager_of(row: ManagerRow) -> Manager:
    """Whose row it is."""
    return Manager(
        row.name,
        frozenset(row.roles),
        int(row.sessions_round or 0),
        bool(row.disabled),
        second_factor=row.totp_secret is not None,
        must_change=row.initial_until is not None,
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
