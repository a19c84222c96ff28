"""Sessions on the managers' pages. The cookie holds a random id and its MAC; the table holds only the id's hash:
whoever reads the table cannot sign in, and a forged cookie costs no request."""

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
from chalicelib.storage.sessions import (
    StoredSession,
    add_session,
    delete_session,
    find_session,
    note_seen,
    sessions_of,
)

LASTS = timedelta(hours=12)
IDLE = timedelta(minutes=30)  # without a request, after which it ends
PROOF_LASTS = timedelta(minutes=10)  # of password and code, for changes of other accounts
_NOTED_EVERY = timedelta(minutes=1)  # not every request is a write
_LISTED = 50
_KEY_CHARACTERS = hashlib.sha256().digest_size * 2
_ID_BYTES = 24
_COOKIE, _FORM = "admin-session", "admin-form"  # purposes of the signing key


class Session(NamedTuple):
    """One browser of one manager. `form_token` goes into each of its forms (against cross-site requests); `proven`:
    password and code were given a short while ago."""

    id: str
    manager: Manager
    began_at: str
    form_token: str
    proven: bool


class OpenSession(NamedTuple):
    """A session in a list; `key` names it and opens nothing."""

    key: str
    browser: str
    network: str
    began_at: str
    seen_at: str
    here: bool


class Sessions:
    """Each method that reads or writes raises UnavailableError (retryable)."""

    def __init__(self, *, signer: Signer, managers: Managers, clock: Clock) -> None:
        self._signer = signer
        self._managers = managers
        self._clock = clock

    def begin(self, manager: Manager, *, browser: str = "", network: str = "") -> str:
        """Returns the value of the cookie."""
        at = self._clock()
        return self._save(
            StoredSession(
                key="",
                manager=manager.name,
                round=manager.round,
                began_at=rfc3339(at),
                browser=browser,
                network=network,
                expires_at_epoch=int((at + LASTS).timestamp()),
            )
        )

    def renew(self, session: Session) -> str:
        """Moves the session to a new id, with the manager's current rights; the old id is void. Raises:
        UnauthorizedError (permanent: it has ended), NotFoundError (permanent)."""
        stored = find_session(_hash(session.id))
        if stored is None:
            raise UnauthorizedError(Phrase("this session has ended"))
        self.end(session)
        return self._save(stored._replace(round=self._managers.get(session.manager.name).round))

    def find(self, cookie: str | None, *, active: bool = True) -> Session:
        """The session of a cookie. `active`: a person acts, not a page by itself. Raises: UnauthorizedError (permanent:
        you are not signed in, or not any more)."""
        session_id, _, mac = (cookie or "").partition(".")
        if not session_id or not self._signed(_COOKIE, session_id, mac):
            raise UnauthorizedError(Phrase("you are not signed in"))
        stored = find_session(_hash(session_id))
        if stored is None:
            raise UnauthorizedError(Phrase("this session has ended"))
        try:
            manager = self._managers.visiting(stored.manager)
        except NotFoundError as error:
            raise UnauthorizedError(Phrase("this account no longer exists")) from error
        if manager.disabled or not self._is_open(stored, manager):
            raise UnauthorizedError(Phrase("this session has ended"))
        if active and self._since(stored.seen_at) > _NOTED_EVERY:
            note_seen(stored.key, at=rfc3339(self._clock()))
        proven = self._since(stored.proved_at) < PROOF_LASTS
        return Session(session_id, manager, stored.began_at, self._signer.code(_FORM, session_id), proven)

    def of(self, manager: Manager, *, here: Session | None = None) -> Sequence[OpenSession]:
        """The open sessions of an account, at most fifty, newest first."""
        ours = _hash(here.id) if here else None
        opened = [
            OpenSession(one.key, one.browser, one.network, one.began_at, one.seen_at, one.key == ours)
            for one in sessions_of(manager.name, limit=_LISTED)
            if self._is_open(one, manager)
        ]
        return sorted(opened, key=lambda one: (one.here, one.seen_at, one.key), reverse=True)

    def made(self, session: Session, token: str) -> bool:
        """Whether a form with this token was made by us for this session; after the first dot the token
        names the form."""
        return self._signed(_FORM, session.id, token.partition(".")[0])

    def end(self, session: Session) -> None:
        """Signs the browser out."""
        delete_session(_hash(session.id))

    def end_of(self, cookie: str | None) -> None:
        """Ends the session of a browser, if any."""
        with suppress(UnauthorizedError):
            self.end(self.find(cookie, active=False))

    def end_one(self, name: str, key: str) -> None:
        """Ends one of a list. Raises: NotFoundError (permanent)."""
        if len(key) != _KEY_CHARACTERS or not delete_session(key, of=name):
            raise NotFoundError(Phrase("this session has ended already"))

    def _save(self, session: StoredSession) -> str:
        """Under a new id, just proven."""
        session_id, at = encode(secrets.token_bytes(_ID_BYTES)), rfc3339(self._clock())
        add_session(session._replace(key=_hash(session_id), seen_at=at, proved_at=at))
        return f"{session_id}.{self._signer.code(_COOKIE, session_id)}"

    def _is_open(self, session: StoredSession, manager: Manager) -> bool:
        over = session.expires_at_epoch <= self._clock().timestamp() or self._since(session.seen_at) > IDLE
        return not over and session.round == manager.round

    def _since(self, moment: str) -> timedelta:
        return self._clock() - datetime.fromisoformat(moment) if moment else timedelta.max

    def _signed(self, purpose: str, session_id: str, mac: str) -> bool:
        try:
            return self._signer.verify(decode(mac), purpose, session_id)
        except ValueError:
            return False


def _hash(session_id: str) -> str:
    return hashlib.sha256(session_id.encode()).hexdigest()
