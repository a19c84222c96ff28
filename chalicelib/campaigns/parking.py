"""Chunks that wait: while their campaign is paused, until a canary is released, or for a recipient's local hour. They
hold ids, and addresses only of those who are in no directory. Called by the fan-out and by the workers' admission."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from pynamodb.expressions.condition import Condition

from chalicelib.campaigns.jobs import parked_place, time_name
from chalicelib.clock import Clock
from chalicelib.pipeline.jobs import CHUNK_SIZE, EnrichRecipient, chunks
from chalicelib.storage.base import expiry_epoch, reaching_dynamodb
from chalicelib.storage.campaigns import ParkedRow
from chalicelib.strict import StrictModel

AT, CANARY, PAUSED = "at#", "canary#", "paused#"


class Chunk(StrictModel):
    """What is kept of a job; the letter is the run's."""

    channels: tuple[str, ...]
    recipients: tuple[EnrichRecipient, ...]
    attempt: int = 1
    again: bool = False


class Parking:
    """The waiting chunks of one stage."""

    def __init__(self, *, clock: Clock, retention_days: int) -> None:
        self._clock = clock
        self._retention_days = retention_days

    def put(self, run_id: str, slot: str, waiting: Iterable[Chunk]) -> None:
        """Keeps chunks under `slot` (AT with a time, CANARY or PAUSED); the same one twice is one. Raises:
        UnavailableError (retryable)."""
        expires = expiry_epoch(self._retention_days, since=self._clock())
        with reaching_dynamodb(), ParkedRow.batch_write() as batch:
            for chunk in waiting:
                digest = hashlib.sha256(chunk.model_dump_json().encode()).hexdigest()[:24]
                place = parked_place(run_id, int(digest[:8], 16))
                kept = chunk.model_dump(mode="json", exclude_none=True)
                batch.save(ParkedRow(place, f"{slot}{digest}", chunk=kept, expires_at_epoch=expires))

    def put_recipients(
        self, run_id: str, slot: str, recipients: Sequence[EnrichRecipient], channels: Sequence[str]
    ) -> None:
        """Keeps recipients in chunks. Raises: UnavailableError (retryable)."""
        parts = chunks(recipients, size=CHUNK_SIZE)
        self.put(run_id, slot, (Chunk(channels=tuple(channels), recipients=part) for part in parts))

    def due(self, place: str, *, now: datetime, canary_released: bool, cancelled: bool, limit: int) -> list[ParkedRow]:
        """Whose time has come. Raises: UnavailableError (retryable)."""
        conditions: list[Condition] = [ParkedRow.slot.startswith(PAUSED)]
        if canary_released or cancelled:
            conditions.append(ParkedRow.slot.startswith(CANARY))
        until = "~" if cancelled else f"{time_name(now)}~"  # after every digest of the same second
        conditions.append(ParkedRow.slot.between(AT, f"{AT}{until}"))
        found: list[ParkedRow] = []
        with reaching_dynamodb():
            for condition in conditions:
                if len(found) < limit:
                    found += ParkedRow.query(place, condition, limit=limit - len(found), consistent_read=True)
        return found

    def remove(self, rows: Iterable[ParkedRow]) -> None:
        """Forgets chunks that are in a queue again. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb(), ParkedRow.batch_write() as batch:
            for row in rows:
                batch.delete(row)
