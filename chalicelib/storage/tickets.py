"""Tickets: a service requests one, and the user's browser connects with it, once and soon."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from chalicelib.clock import Clock
from chalicelib.errors import Phrase, UnauthorizedError
from chalicelib.storage.dynamodb import delete_if, reaching_dynamodb
from chalicelib.storage.rows.live import TicketRow
from chalicelib.storage.values import find

TICKET_SECONDS = 60
_BYTES = 32


class Ticket(NamedTuple):
    """A fresh ticket; only its hash is stored."""

    ticket: str
    expires_at: datetime


class Tickets:
    """Issues and redeems tickets."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def issue(self, user_id: str) -> Ticket:
        """A ticket for one connection of this user. Raises: UnavailableError (retryable)."""
        ticket = secrets.token_urlsafe(_BYTES)
        expires_at = self._clock() + timedelta(seconds=TICKET_SECONDS)
        with reaching_dynamodb():
            TicketRow(_hash(ticket), user_id=user_id, expires_at_epoch=int(expires_at.timestamp())).save()
        return Ticket(ticket, expires_at)

    def redeem(self, ticket: str) -> str:
        """The user of a ticket, which is used up by that: of two who present it one gets in. Raises: UnauthorizedError
        (permanent: wrong, used or expired), UnavailableError (retryable)."""
        row = find(TicketRow, _hash(ticket))
        if row is None or not delete_if(row, TicketRow.expires_at_epoch > int(self._clock().timestamp())):
            raise UnauthorizedError(Phrase("this ticket is wrong, used or expired"))
        return str(row.user_id)


def _hash(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()
