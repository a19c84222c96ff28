"""What is stored for an owner: a user, or an address that belongs to no known user (`addresses.owner_of`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.addresses import same_address_key
from chalicelib.services.history import MAX_PAGE_SIZE, History
from chalicelib.storage.notifications import forget_recipient, requests_of
from chalicelib.storage.requests import forget_recipients

Theirs = Callable[[Mapping[str, Any]], bool]  # whether a recipient of a request is the one who is meant


@dataclass(frozen=True)
class OwnedNotifications:
    """The ledger: recipients are erased, and the context of letters to a single person; statuses and counts stay."""

    history: History

    def export(self, owner: str) -> list[dict[str, Any]]:
        found, cursor = self.history.of_user(owner, limit=MAX_PAGE_SIZE)
        while cursor:
            page, cursor = self.history.of_user(owner, limit=MAX_PAGE_SIZE, cursor=cursor)
            found += page
        return found

    def erase(self, owner: str) -> None:
        """Of a user."""
        self.erase_of(owner, lambda recipient: recipient.get("user_id") == owner)

    def erase_of(self, owner: str, theirs: Theirs) -> None:
        """Raises: ConflictError (permanent: others of the same request are being erased), UnavailableError
        (retryable)."""
        found = requests_of(owner)
        for request_id in {one for one in found.values() if one}:
            forget_recipients(request_id, theirs)
        # The notifications last: they are what finds the requests.
        for notification_id in found:
            forget_recipient(notification_id)


def written_to(channel: str, address: str) -> Theirs:
    """Whether a recipient was given by this address."""
    key = same_address_key(channel, address)

    def theirs(recipient: Mapping[str, Any]) -> bool:
        return channel == "email" and same_address_key(channel, recipient.get("email") or "") == key

    return theirs
