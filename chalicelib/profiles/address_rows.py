"""The rows that say what stands against an address, found by its keyed hash. `suppressions.py` and
`address_opt_outs.py` write them, `objections.py` reads them for a whole chunk.
"""

from collections.abc import Callable

from chalicelib.addresses import same_address_key
from chalicelib.errors import UnavailableError
from chalicelib.storage.dynamodb import find, save_if
from chalicelib.storage.rows.people import SuppressionRow

_TRIES = 8


class AddressRows:
    """Of one stage. `hash_of` names (channel, address) by its keyed hash: `control.address_hash.AddressHashes.of`."""

    def __init__(self, hash_of: Callable[[str, str], str]) -> None:
        self.hash_of = hash_of

    def key(self, channel: str, address: str) -> str:
        """The same for every spelling. Raises: UnavailableError (retryable)."""
        return f"{channel}#{self.hash_of(channel, address)}"

    def read(self, channel: str, address: str) -> SuppressionRow | None:
        """As it is now. Raises: UnavailableError (retryable)."""
        return find(SuppressionRow, self.key(channel, address))

    def change(self, channel: str, address: str, change: Callable[[SuppressionRow], bool]) -> bool:
        """Applies `change` to the row as it is at that moment, or to a new one, so that two changes at once are both
        kept; where `change` answers False nothing is written, and so says the answer. Raises: UnavailableError
        (retryable)."""
        return self.change_row(self.key(channel, address), change)

    def change_row(self, key: str, change: Callable[[SuppressionRow], bool]) -> bool:
        """The same of an address that is known by its key alone."""
        for _ in range(_TRIES):
            before = find(SuppressionRow, key)
            row = before or SuppressionRow(key)
            version = int(row.version)
            if not change(row):
                return False
            row.version = version + 1
            unchanged = SuppressionRow.version == version if before else SuppressionRow.address.does_not_exist()
            if save_if(row, unchanged):
                return True
        raise UnavailableError("others kept changing what is known of this address")


def show(row: SuppressionRow, channel: str, address: str) -> None:
    """Lists the row with its address, unless that was erased: then the hash alone."""
    row.listed_channel = channel
    if row.erased_at is None:
        row.shown = same_address_key(channel, address)
