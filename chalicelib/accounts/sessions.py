"""Who is signed in to the admin page. The cookie holds a random id and its MAC; the table holds only the id's hash, so
that whoever reads the table cannot sign in, and a forged cookie costs no request.
"""

import hashlib
import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from chalicelib.accounts.managers import Manager, Managers
from chalicelib.clock import Clock, rfc3339
from chalicelib.errors import NotFoundError, Phrase, UnauthorizedError
from chalicelib.security.signing import Signer, decode, encode
from chalicelib.storage.dynamodb import delete_if, find, reaching_dynamodb, save_if, update_if
from chalicelib.storage.rows.accounts import SessionRow

LASTS = timedelta(hours=12)
IDLE = timedelta(minutes=30)  # without a request, after which it is over
PROOF_LASTS = timedelta(minutes=10)  # of password and code, for what an administrator does to others
_NOTED_EVERY = timedelta(minutes=1)  # that it was seen: not each request is a write
_LISTED = 50
_KEY_CHARACTERS = hashlib.sha256().digest_size * 2
_ID_BYTES = 24
_COOKIE, _FORM = "admin-session", "admin-form"  # purposes of the signing key


class Session(NamedTuple):
    """One browser of one manager; `form_token` goes into every form of it (against cross-site requests). `proven`:
    password and code were given a short while ago."""

    id: str
    manager: Manager
    began_at: str
    form_token: str
    proven: bool


class Opened(NamedTuple):
    """A session as a list shows it; `key` names it, and opens nothing."""

    key: str
    browser: str
    network: str
    began_at: str
    seen_at: str
    here: bool


class Sessions:
    """The sessions of one stage."""

    def __init__(self, *, signer: Signer, managers: Managers, clock: Clock) -> None:
        self._signer = signer
        self._managers = managers
        self._clock = clock

    def begin(self, manager: Manager, *, browser: str = "", network: str = "") -> str:
        """The value of the cookie. Raises: UnavailableError (retryable)."""
        at = self._clock()
        return self._save(
            SessionRow(
                manager=manager.name,
                round=manager.round,
                began_at=rfc3339(at),
                browser=browser,
                network=network,
                expires_at_epoch=int((at + LASTS).timestamp()),
            )
        )

    def renew(self, session: Session) -> str:
        """The same session under a new id, with what its manager may do now: the old id is void. Raises:
        UnauthorizedError (permanent: it has ended), NotFoundError (permanent), UnavailableError (retryable)."""
        row = find(SessionRow, _hash(session.id))
        if row is None:
            raise UnauthorizedError(Phrase("this session has ended"))
        self.end(session)
        row.round = self._managers.get(session.manager.name).round
        return self._save(row)

    def find(self, cookie: str | None, *, active: bool = True) -> Session:
        """Whose it is. `active`: a person asks, and not a page by itself. Raises: UnauthorizedError (permanent: nobody
        is signed in, or not any more), UnavailableError (retryable)."""
        session_id, _, mac = (cookie or "").partition(".")
        if not session_id or not self._signed(_COOKIE, session_id, mac):
            raise UnauthorizedError(Phrase("nobody is signed in"))
        row = find(SessionRow, _hash(session_id))
        if row is None:
            raise UnauthorizedError(Phrase("this session has ended"))
        try:
            manager = self._managers.get(row.manager)
        except NotFoundError as error:
            raise UnauthorizedError(Phrase("this account is no more")) from error
        if manager.disabled or not self._is_open(row, manager):
            raise UnauthorizedError(Phrase("this session has ended"))
        if active and self._since(row.seen_at) > _NOTED_EVERY:
            update_if(row, [SessionRow.seen_at.set(rfc3339(self._clock()))], SessionRow.id_hash.exists())
        proven = self._since(row.proved_at) < PROOF_LASTS
        return Session(session_id, manager, row.began_at, self._signer.code(_FORM, session_id), proven)

    def of(self, manager: Manager, *, here: Session | None = None) -> Sequence[Opened]:
        """The open sessions of an account, at most fifty, the newest first; two requests. Raises: UnavailableError
        (retryable)."""
        with reaching_dynamodb():
            found = SessionRow.by_manager.query(manager.name, limit=_LISTED, scan_index_forward=False)
            keys = [row.id_hash for row in found]
            rows = list(SessionRow.batch_get(keys, consistent_read=True)) if keys else []
        ours = _hash(here.id) if here else None
        opened = [
            Opened(row.id_hash, row.browser, row.network, row.began_at, row.seen_at, row.id_hash == ours)
            for row in rows
            if self._is_open(row, manager)
        ]
        return sorted(opened, key=lambda one: (one.here, one.seen_at, one.key), reverse=True)

    def made(self, session: Session, token: str) -> bool:
        """Whether a form with this token was made by our page for this session; what stands behind the first dot of
        the token says which form it is."""
        return self._signed(_FORM, session.id, token.partition(".")[0])

    def end(self, session: Session) -> None:
        """Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            SessionRow(_hash(session.id)).delete()

    def end_of(self, cookie: str | None) -> None:
        """Whatever session a browser had. Raises: UnavailableError (retryable)."""
        with suppress(UnauthorizedError):
            self.end(self.find(cookie, active=False))

    def end_one(self, name: str, key: str) -> None:
        """One of a list. Raises: NotFoundError (permanent), UnavailableError (retryable)."""
        if len(key) != _KEY_CHARACTERS or not delete_if(SessionRow(key), SessionRow.manager == name):
            raise NotFoundError(Phrase("this session has ended already"))

    def _save(self, row: SessionRow) -> str:
        """Under a new id, just proven."""
        session_id, at = encode(secrets.token_bytes(_ID_BYTES)), rfc3339(self._clock())
        row.id_hash, row.seen_at, row.proved_at = _hash(session_id), at, at
        save_if(row, SessionRow.id_hash.does_not_exist())
        return f"{session_id}.{self._signer.code(_COOKIE, session_id)}"

    def _is_open(self, row: SessionRow, manager: Manager) -> bool:
        over = row.expires_at_epoch <= self._clock().timestamp() or self._since(row.seen_at) > IDLE
        return not over and row.round == manager.round

    def _since(self, moment: str) -> timedelta:
        return self._clock() - datetime.fromisoformat(moment) if moment else timedelta.max

    def _signed(self, purpose: str, session_id: str, mac: str) -> bool:
        try:
            return self._signer.verify(decode(mac), purpose, session_id)
        except ValueError:
            return False


def _hash(session_id: str) -> str:
    return hashlib.sha256(session_id.encode()).hexdigest()
