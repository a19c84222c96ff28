"""Addresses that must not be written to (hard bounce, complaint, by hand). `enrich` asks for a whole chunk at once."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from pynamodb.exceptions import PutError

from chalicelib.clock import Clock, rfc3339
from chalicelib.storage.base import condition_failed, reaching_dynamodb
from chalicelib.storage.people import SuppressionRow


def suppression_key(channel: str, address: str) -> str:
    """One key however the address is written: letter case does not make another mailbox in practice."""
    return f"{channel}#{address.lower()}"


class SuppressionList:
    """The suppressions of one stage."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def add(self, channel: str, address: str, *, reason: str) -> None:
        """Suppresses an address; the first reason stays. Raises: UnavailableError (retryable)."""
        row = SuppressionRow(suppression_key(channel, address), reason=reason, created_at=rfc3339(self._clock()))
        with reaching_dynamodb():
            try:
                row.save(condition=SuppressionRow.address.does_not_exist())
            except PutError as error:
                if not condition_failed(error):
                    raise

    def find(self, channel: str, addresses: Iterable[str], *, at: datetime) -> Mapping[str, str]:
        """The suppressed ones of `addresses`, as given, with the reason. Raises: UnavailableError (retryable)."""
        keys = {address: suppression_key(channel, address) for address in addresses}
        with reaching_dynamodb():
            rows = {
                row.address: row for row in SuppressionRow.batch_get(list(set(keys.values())), consistent_read=True)
            }
        return {
            address: rows[key].reason for address, key in keys.items() if key in rows and not _expired(rows[key], at)
        }


def _expired(row: SuppressionRow, at: datetime) -> bool:
    return row.expires_at_epoch is not None and row.expires_at_epoch <= at.timestamp()
