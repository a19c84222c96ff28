"""Everything stored about one address, whoever was written to there: exported, or erased.

What stays is a keyed hash with the address's opt-outs and suppressions, so that later letters still respect them.
Letters on their way to the bare address carry it in queues; they are skipped as `erased`.
"""

from typing import Any

from chalicelib.composed import Composed
from chalicelib.errors import NotFoundError
from chalicelib.profiles.address_opt_outs import AddressOptOuts
from chalicelib.profiles.suppressions import SuppressionList
from chalicelib.security.signing import AddressHashes
from chalicelib.services.owned_data import OwnedNotifications, written_to
from chalicelib.storage.frequency_caps import FrequencyCaps
from chalicelib.storage.list_addresses import ListAddresses
from chalicelib.storage.short_links import ShortLinks, describe


class AddressData(Composed):
    """Export and erasure by address."""

    notifications: OwnedNotifications
    links: ShortLinks
    suppressions: SuppressionList
    mailboxes: AddressOptOuts
    lists: ListAddresses
    caps: FrequencyCaps
    hashes: AddressHashes

    def export(self, channel: str, address: str) -> dict[str, Any]:
        """Grouped by the part of the service that stores it; empty if nothing is stored. Raises: UnavailableError
        (retryable)."""
        owner = self.hashes.owner(channel, address)
        return {
            "notifications": self.notifications.export(owner),
            "links": [describe(row) for row in self.links.of_user(owner)],
            "suppressions": self._suppression(channel, address),
            "objections": self.mailboxes.told(channel, address),
            "caps": {**self.caps.of(self.hashes.mailbox(channel, address)), **self.caps.of(owner)},
            "lists": self.lists.rows_of(address) if channel == "email" else [],
        }

    def erase(self, channel: str, address: str, *, user_id: str | None = None) -> None:
        """Idempotent. `user_id`: the user who is erased with it; their opt-outs stay with the address. Raises:
        ConflictError (permanent: others of the same request are being erased), UnavailableError (retryable)."""
        owner = self.hashes.owner(channel, address)
        if user_id is not None:
            self.mailboxes.orphan(user_id, channel, address)
        # first: from now on nothing that is waiting is sent
        self.suppressions.erase(channel, address, with_user=user_id is not None)
        if channel == "email":
            self.lists.forget(address)
        for counted in {owner, self.hashes.mailbox(channel, address)}:
            self.caps.erase(counted)
        self.links.erase_user(owner)
        self.notifications.erase_of(owner, written_to(channel, address))

    def _suppression(self, channel: str, address: str) -> list[dict[str, Any]]:
        try:
            return [self.suppressions.get(channel, address)._asdict()]
        except NotFoundError:
            return []
