"""Keyed hashes of addresses: opt-outs are stored under them and outlive the erasure of the address.

The key is the stage's own `address-key` and never changes, since nothing hashed with another one would be found. It is
secret because addresses are few enough to be tried one by one.
"""

from chalicelib.addresses import mailbox_of, owner_of, same_address_key
from chalicelib.security.signing import Signer


class AddressHashes:
    """`signer` holds the stage's address key."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def of(self, channel: str, address: str) -> str:
        """27 URL-safe characters, the same for each spelling of an address. Raises: UnavailableError (retryable): the
        key could not be read."""
        return self._signer.code("address", channel, same_address_key(channel, address))

    def key(self, channel: str, address: str) -> str:
        """The key of what is kept of an address. Raises: as `of`."""
        return f"{channel}#{self.of(channel, address)}"

    def owner(self, channel: str, address: str) -> str:
        """The owner of rows for an address that belongs to no known user. Raises: as `of`."""
        return owner_of(self.of(channel, address))

    def mailbox(self, channel: str, address: str) -> str:
        """The owner of counts for a mailbox, whatever address its letters use. Raises: as `of`."""
        return self.owner(channel, mailbox_of(channel, address))
