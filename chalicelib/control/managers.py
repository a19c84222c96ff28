"""Managers' accounts: who may sign in to the admin page, and what they may do there. Called by `admin/` and by
`infra/managers.py`, which makes the first one.
"""

import re
import secrets
from collections.abc import Collection
from enum import StrEnum
from typing import NamedTuple

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.clock import Clock, rfc3339
from chalicelib.control.allowance import Allowances
from chalicelib.control.passwords import check_chosen, fits, hashed, nobodys_hash
from chalicelib.control.sealing import Sealer, SealError
from chalicelib.control.second_factor import check_secret, step_of
from chalicelib.errors import (
    ChangedError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnauthorizedError,
)
from chalicelib.observability import logger
from chalicelib.seen import Seen, tag_of
from chalicelib.storage.base import find, reaching_dynamodb, save_if, update_if
from chalicelib.storage.cursor import read_cursor, write_cursor
from chalicelib.storage.managers import LISTED, ManagerRow

_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
_TRIES, _TRIES_OF_AN_IP, _MINUTES = 10, 30, 15


class Role(StrEnum):
    """What a manager may do. Whoever has any of them may look."""

    VIEWER = "viewer"
    EDITOR = "editor"  # writes campaigns, templates, settings of letters; starts, holds and stops campaigns
    APPROVER = "approver"  # lets other people's campaigns go
    OPERATOR = "operator"  # switches, pace, dead letters, suppressions, links
    ADMINISTRATOR = "administrator"  # managers, keys, the audit


class Manager(NamedTuple):
    """Somebody who may sign in. `key` is who did it, in campaigns and in the audit."""

    name: str
    roles: frozenset[str]
    sessions_since: str
    disabled: bool
    second_factor: bool = False

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
            raise ForbiddenError(f"this needs the role {role.value}")


class Managers:
    """The accounts of one stage."""

    def __init__(self, *, clock: Clock, allowances: Allowances, sealer: Sealer, site: str) -> None:
        self._clock = clock
        self._allowances = allowances
        self._site = site  # whose name no password may be made of
        self._sealer = sealer

    def add(self, name: str, *, roles: Collection[str], by: str, password: str | None = None) -> str:
        """A new account; answers its password, made here unless one is given. Raises: InvalidError, ConflictError
        (permanent: the name is taken), UnavailableError (retryable)."""
        if not _NAME.fullmatch(name):
            raise InvalidError.of("name", "expected 1 to 64 of: a–z, 0–9, dot, hyphen, underscore, @")
        if password is not None:
            check_chosen(password, field="password", about=(name, self._site))
        secret = password or secrets.token_urlsafe(15)
        at = rfc3339(self._clock())
        row = ManagerRow(
            name,
            listed=LISTED,
            password_hash=hashed(secret),
            roles=_checked(roles),
            sessions_since=at,
            created_at=at,
            created_by=by,
        )
        if not save_if(row, ManagerRow.name.does_not_exist()):
            raise ConflictError(f"there is a manager {name} already")
        return secret

    def sign_in(self, name: str, password: str, *, ip: str, code: str = "") -> Manager:
        """`code` is asked of whoever has a second factor. Raises: UnauthorizedError (permanent; the same for a wrong
        name, password and code, after the same work), TooManyRequestsError (later), UnavailableError (retryable)."""
        taken = [self._allowances.take(f"sign-in-ip#{ip}", times=_TRIES_OF_AN_IP, minutes=_MINUTES)]
        taken.append(self._allowances.take(f"sign-in#{name[:64]}", times=_TRIES, minutes=_MINUTES))
        row = find(ManagerRow, name) if _NAME.fullmatch(name) else None
        right = fits(row.password_hash if row else nobodys_hash(), password)
        if row is None or not right or row.disabled or not self._use_code(row, code):
            raise UnauthorizedError("the name, the password or the code is wrong")
        # Taken before the work, so that tries at the same moment count too; only those that fail stay counted.
        for window in taken:
            self._allowances.give_back(window)
        return _read(row)

    def knows(self, name: str) -> bool:
        """Whether there is such an account. Raises: UnavailableError (retryable)."""
        return bool(_NAME.fullmatch(name)) and find(ManagerRow, name) is not None

    def get(self, name: str) -> Manager:
        """Raises: NotFoundError (permanent), UnavailableError (retryable)."""
        row = find(ManagerRow, name)
        if row is None:
            raise NotFoundError(f"there is no manager {name}")
        return _read(row)

    def page(self, *, limit: int, cursor: str | None) -> tuple[list[Manager], str | None]:
        """Accounts by name, at most a hundred, and the cursor of the next ones; two requests. Raises: InvalidError
        (permanent: a foreign cursor), UnavailableError (retryable)."""
        start = read_cursor(cursor, scope=LISTED) if cursor else None
        with reaching_dynamodb():
            page = ManagerRow.by_name.query(LISTED, limit=limit, page_size=limit, last_evaluated_key=start)
            names = [row.name for row in page]
            found = {row.name: _read(row) for row in ManagerRow.batch_get(names, consistent_read=True)} if names else {}
        last = page.last_evaluated_key
        return [found[name] for name in names if name in found], write_cursor(last, scope=LISTED) if last else None

    def change_password(self, name: str, *, old: str, new: str) -> None:
        """Ends every session of the account. Raises: InvalidError (permanent), UnavailableError (retryable)."""
        row = find(ManagerRow, name)
        if row is None or not fits(row.password_hash, old):
            raise InvalidError.of("old", "this is not the present password")
        check_chosen(new, field="new", about=(name, self._site))
        self._update(name, [ManagerRow.password_hash.set(hashed(new))])

    def set_second_factor(self, name: str, secret: str, code: str) -> None:
        """From now on a code of the app is asked for; this one shows that the app has the secret. Raises: InvalidError
        (permanent), UnavailableError (retryable)."""
        check_secret(secret)
        step = step_of(secret, code, at=self._clock())
        if step is None:
            raise InvalidError.of("code", "this is not what the app should show now: is the phone's clock right?")
        sealed = self._sealer.seal(secret, about=_about(name))
        factor: list[Action] = [ManagerRow.totp_secret.set(sealed), ManagerRow.totp_step.set(step)]
        self._update(name, factor, ends_sessions=False)

    def drop_second_factor(self, name: str, *, password: str) -> None:
        """By whoever has it. Raises: InvalidError (permanent), UnavailableError (retryable)."""
        row = find(ManagerRow, name)
        if row is None or not fits(row.password_hash, password):
            raise InvalidError.of("password", "this is not the present password")
        self.forget_second_factor(name)

    def forget_second_factor(self, name: str) -> None:
        """For somebody who has lost the phone. Raises: NotFoundError (permanent), UnavailableError (retryable)."""
        nothing: list[Action] = [ManagerRow.totp_secret.remove(), ManagerRow.totp_step.remove()]
        self._update(name, nothing, ends_sessions=False)

    def end_sessions(self, name: str) -> None:
        """Signs out everywhere. Raises: NotFoundError (permanent), UnavailableError (retryable)."""
        self._update(name, [])

    def reset_password(self, name: str) -> str:
        """A new password, for somebody who has lost theirs; ends every session. Raises: NotFoundError (permanent),
        UnavailableError (retryable)."""
        secret = secrets.token_urlsafe(15)
        self._update(name, [ManagerRow.password_hash.set(hashed(secret))])
        return secret

    def set_roles(self, name: str, roles: Collection[str], *, by: str, seen: Seen | None = None) -> None:
        """Works at the next click. Raises: InvalidError, ConflictError (permanent: nobody takes away their own
        administration), ChangedError (permanent: they are not what was `seen`), NotFoundError, UnavailableError
        (retryable)."""
        if name == by and Role.ADMINISTRATOR not in roles:
            raise ConflictError("somebody else has to take your administration away")
        was = find(ManagerRow, name)
        if seen is not None and was is not None:
            seen.require({"roles": sorted(was.roles)}, what=f"the roles of {name}")
        unchanged = ManagerRow.roles == was.roles if seen is not None and was is not None else None
        if not self._update(name, [ManagerRow.roles.set(_checked(roles))], ends_sessions=False, only_if=unchanged):
            raise ChangedError(f"the roles of {name} were changed since they were read")

    def set_disabled(self, name: str, disabled: bool, *, by: str) -> None:
        """A disabled account cannot sign in, and is signed out. Raises: ConflictError, NotFoundError (permanent),
        UnavailableError (retryable)."""
        if name == by:
            raise ConflictError("somebody else has to disable your account")
        self._update(name, [ManagerRow.disabled.set(disabled)])

    def _use_code(self, row: ManagerRow, code: str) -> bool:
        """Whether the code is right and was never used; without a second factor none is asked for."""
        if row.totp_secret is None:
            return True
        try:
            secret = self._sealer.unseal(row.totp_secret, about=_about(row.name))
        except SealError:
            logger().error("a second factor cannot be read: an administrator has to take it away", manager=row.name)
            return False
        step = step_of(secret, code, at=self._clock())
        if step is None:
            return False
        # Sealed anew, with the newest key: that of an old account stands there as it is.
        sealed = ManagerRow.totp_secret.set(self._sealer.seal(secret, about=_about(row.name)))
        unused = (ManagerRow.totp_step < step) & (ManagerRow.totp_secret == row.totp_secret)
        return update_if(row, [ManagerRow.totp_step.set(step), sealed], unused)

    def _update(
        self, name: str, actions: list[Action], *, ends_sessions: bool = True, only_if: Condition | None = None
    ) -> bool:
        """Whether the condition held. Raises: NotFoundError (permanent), UnavailableError (retryable)."""
        since = [ManagerRow.sessions_since.set(rfc3339(self._clock()))] if ends_sessions else []
        listed = ManagerRow.listed.set(LISTED)
        exists = ManagerRow.name.exists()
        if update_if(ManagerRow(name), [*actions, *since, listed], exists if only_if is None else exists & only_if):
            return True
        if only_if is not None and self.knows(name):
            return False
        raise NotFoundError(f"there is no manager {name}")


def _about(name: str) -> str:
    return f"totp#{name}"


def _read(row: ManagerRow) -> Manager:
    return Manager(row.name, frozenset(row.roles), row.sessions_since, bool(row.disabled), row.totp_secret is not None)


def _checked(roles: Collection[str]) -> list[str]:
    unknown = set(roles) - set(Role)
    if unknown or not roles:
        raise InvalidError.of("roles", f"expected some of: {', '.join(Role)}")
    return sorted(roles)
