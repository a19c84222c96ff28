"""What is kept for an owner: a user, or an address whose user nobody named (`addresses.owner_of`)."""

from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.addresses import same_address_key
from chalicelib.errors import ConflictError, Phrase
from chalicelib.services.history import MAX_PAGE_SIZE, History
from chalicelib.storage.dynamodb import find, reaching_dynamodb, update_if
from chalicelib.storage.rows.ledger import NOTIFICATION_PART, REQUEST_PART, LedgerRow, NotificationRow, RequestRow
from chalicelib.storage.short_links import LinkBook, describe

_TRIES = 5
Theirs = Callable[[Mapping[str, Any]], bool]  # whether a recipient of a request is the one who is meant


class NotificationsPart:
    """The ledger: who a letter was for goes, and of a letter to one person its context; statuses and counts stay."""

    name = "notifications"

    def __init__(self, history: History) -> None:
        self._history = history

    def export(self, owner: str) -> list[dict[str, Any]]:
        found, cursor = self._history.of_user(owner, limit=MAX_PAGE_SIZE)
        while cursor:
            page, cursor = self._history.of_user(owner, limit=MAX_PAGE_SIZE, cursor=cursor)
            found += page
        return found

    def erase(self, owner: str) -> None:
        """Of a user."""
        self.erase_of(owner, lambda recipient: recipient.get("user_id") == owner)

    def erase_of(self, owner: str, theirs: Theirs) -> None:
        """Raises: ConflictError (permanent: others of the same request are being erased), UnavailableError
        (retryable)."""
        with reaching_dynamodb():
            heads = list(LedgerRow.by_user.query(owner))
        for request_id in {head.request_id for head in heads if head.request_id}:
            _forget_recipient(request_id, theirs)
        # The heads last: they are what finds the requests.
        for head in heads:
            row = NotificationRow(head.notification_id, NOTIFICATION_PART)
            with reaching_dynamodb():
                row.update(
                    actions=[NotificationRow.recipient.set({}), NotificationRow.user_id.remove()],
                    condition=LedgerRow.notification_id.exists(),
                )


class LinksPart:
    """Short links: confirmations go, of the others the counts stay."""

    name = "links"

    def __init__(self, links: LinkBook) -> None:
        self._links = links

    def export(self, owner: str) -> list[dict[str, Any]]:
        return [describe(row) for row in self._links.of_user(owner)]

    def erase(self, owner: str) -> None:
        self._links.erase_user(owner)


def written_to(channel: str, address: str) -> Theirs:
    """Whether a recipient was given by this address."""
    key = same_address_key(channel, address)

    def theirs(recipient: Mapping[str, Any]) -> bool:
        return channel == "email" and same_address_key(channel, recipient.get("email") or "") == key

    return theirs


def _forget_recipient(request_id: str, theirs: Theirs) -> None:
    """An empty recipient keeps the places of the others, whose ids follow from them; it has no address."""
    for _ in range(_TRIES):
        row = find(RequestRow, request_id, REQUEST_PART)
        if row is None:
            return
        recipients = [{} if theirs(one) else one for one in row.recipients]
        letter = row.letter if any(recipients) else {**row.letter, "context": {}}
        without = [RequestRow.recipients.set(recipients), RequestRow.letter.set(letter)]
        if update_if(row, without, RequestRow.recipients == row.recipients):
            return
    raise ConflictError(Phrase("others of the same request are being erased; try again"))
