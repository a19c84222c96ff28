"""Names an address without holding it: objections are kept under the name, and outlive the erasure of the address.

The key is the stage's own `address-key` and is never changed: what was hashed by another one is not found again. It is
secret, as addresses are few enough to be tried one by one.
"""

from chalicelib.addresses import mailbox_of, owner_of, same_address_key
from chalicelib.security.signing import Signer


class AddressHashes:
    """The names of one stage. `signer` holds its address key."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def of(self, channel: str, address: str) -> str:
        """27 URL-safe characters, the same for each spelling of an address. Raises: UnavailableError (retryable): the
        key could not be read."""
        return self._signer.code("address", channel, same_address_key(channel, address))

    def owner(self, channel: str, address: str) -> str:
        """The owner of what is kept for an address whose user nobody named. Raises: as `of`."""
        return owner_of(self.of(channel, address))

    def mailbox(self, channel: str, address: str) -> str:
        """The owner of what is counted for a mailbox, by whatever addresses its letters come. Raises: as `of`."""
        return self.owner(channel, mailbox_of(channel, address))
