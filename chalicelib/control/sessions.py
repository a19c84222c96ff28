"""Who is signed in to the admin page. The cookie holds a random id and its MAC; the table holds only the id's hash, so
that whoever reads the table cannot sign in, and a forged cookie costs no request.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from chalicelib.clock import Clock, rfc3339
from chalicelib.control.managers import Manager, Managers
from chalicelib.control.signing import Signer, decode, encode
from chalicelib.errors import NotFoundError, UnauthorizedError
from chalicelib.storage.base import reaching_dynamodb
from chalicelib.storage.managers import SessionRow

LASTS = timedelta(hours=12)
_ID_BYTES = 24
_COOKIE, _FORM = "admin-session", "admin-form"  # purposes of the signing key


class Session(NamedTuple):
    """One browser of one manager; `form_token` goes into every form of it (against cross-site requests)."""

    id: str
    manager: Manager
    began_at: str
    form_token: str


class Sessions:
    """The sessions of one stage."""

    def __init__(self, *, signer: Signer, managers: Managers, clock: Clock) -> None:
        self._signer = signer
        self._managers = managers
        self._clock = clock

    def begin(self, manager: Manager) -> str:
        """The value of the cookie. Raises: UnavailableError (retryable)."""
        session_id, at = encode(secrets.token_bytes(_ID_BYTES)), self._clock()
        row = SessionRow(
            _hash(session_id),
            manager=manager.name,
            began_at=rfc3339(at),
            expires_at_epoch=int((at + LASTS).timestamp()),
        )
        with reaching_dynamodb():
            row.save()
        return f"{session_id}.{self._signer.code(_COOKIE, session_id)}"

    def find(self, cookie: str | None) -> Session:
        """Raises: UnauthorizedError (permanent: nobody is signed in, or not any more), UnavailableError (retryable)."""
        session_id, _, mac = (cookie or "").partition(".")
        if not session_id or not self._signed(_COOKIE, session_id, mac):
            raise UnauthorizedError("nobody is signed in")
        with reaching_dynamodb():
            try:
                row = SessionRow.get(_hash(session_id), consistent_read=True)
            except SessionRow.DoesNotExist as error:
                raise UnauthorizedError("this session has ended") from error
        try:
            manager = self._managers.get(row.manager)
        except NotFoundError as error:
            raise UnauthorizedError("this account is no more") from error
        over = row.expires_at_epoch <= self._clock().timestamp()
        if over or manager.disabled or _moment(row.began_at) < _moment(manager.sessions_since):
            raise UnauthorizedError("this session has ended")
        return Session(session_id, manager, row.began_at, self._signer.code(_FORM, session_id))

    def made(self, session: Session, token: str) -> bool:
        """Whether a form with this token was made by our page for this session; what stands behind the first dot of
        the token says which form it is."""
        return self._signed(_FORM, session.id, token.partition(".")[0])

    def end(self, session: Session) -> None:
        """Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            SessionRow(_hash(session.id)).delete()

    def _signed(self, purpose: str, session_id: str, mac: str) -> bool:
        try:
            return self._signer.verify(decode(mac), purpose, session_id)
        except ValueError:
            return False


def _hash(session_id: str) -> str:
    return hashlib.sha256(session_id.encode()).hexdigest()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
