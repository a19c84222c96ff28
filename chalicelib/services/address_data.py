"""Everything stored about one address, whoever was written to there: exported, or erased.

What stays is a keyed hash with the address's opt-outs and suppressions, so that later letters still respect them.
Letters on their way to the bare address carry it in queues; they are skipped as `erased`.
"""

from typing import Any

from chalicelib.errors import NotFoundError
from chalicelib.pipeline.caps import Caps
from chalicelib.profiles.address_opt_outs import Mailboxes
from chalicelib.profiles.suppressions import SuppressionList
from chalicelib.security.address_hash import AddressHashes
from chalicelib.services.owned_data import LinksPart, NotificationsPart, written_to
from chalicelib.storage.list_addresses import ListAddresses


class AddressData:
    """Export and erasure by address."""

    def __init__(
        self,
        *,
        notifications: NotificationsPart,
        links: LinksPart,
        suppressions: SuppressionList,
        mailboxes: Mailboxes,
        lists: ListAddresses,
        caps: Caps,
        hashes: AddressHashes,
    ) -> None:
        self._notifications = notifications
        self._links = links
        self._suppressions = suppressions
        self._mailboxes = mailboxes
        self._lists = lists
        self._caps = caps
        self._hashes = hashes

    def export(self, channel: str, address: str) -> dict[str, Any]:
        """Grouped by the part of the service that stores it; empty if nothing is stored. Raises: UnavailableError
        (retryable)."""
        owner = self._hashes.owner(channel, address)
        return {
            "notifications": self._notifications.export(owner),
            "links": self._links.export(owner),
            "suppressions": self._suppression(channel, address),
            "objections": self._mailboxes.told(channel, address),
            "caps": {**self._caps.of(self._hashes.mailbox(channel, address)), **self._caps.of(owner)},
            "lists": self._lists.rows_of(address) if channel == "email" else [],
        }

    def erase(self, channel: str, address: str, *, user_id: str | None = None) -> None:
        """Idempotent. `user_id`: the user who is erased with it; their opt-outs stay with the address. Raises:
        ConflictError (permanent: others of the same request are being erased), UnavailableError (retryable)."""
        owner = self._hashes.owner(channel, address)
        if user_id is not None:
            self._mailboxes.orphan(user_id, channel, address)
        self._suppressions.erase(
            channel, address, with_user=user_id is not None
        )  # first: from now on nothing that is waiting is sent
        if channel == "email":
            self._lists.forget(address)
        for counted in {owner, self._hashes.mailbox(channel, address)}:
            self._caps.erase(counted)
        self._links.erase(owner)
        self._notifications.erase_of(owner, written_to(channel, address))

    def _suppression(self, channel: str, address: str) -> list[dict[str, Any]]:
        try:
            return [self._suppressions.get(channel, address)._asdict()]
        except NotFoundError:
            return []
