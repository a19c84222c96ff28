"""Chunks that wait: while their campaign is paused, until a canary is released, or for a recipient's local hour. They
hold ids, and addresses only of those who are in no directory."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pynamodb.expressions.condition import Condition

from chalicelib.campaigns.jobs import parked_place, time_name
from chalicelib.clock import Clock
from chalicelib.errors import Phrase
from chalicelib.isolation import each
from chalicelib.observability import log_failure
from chalicelib.pipeline.jobs import CHUNK_SIZE, EnrichRecipient, chunks, nobody, sendable
from chalicelib.schemas import StrictModel, kept, passed, recalled
from chalicelib.storage.dynamodb import expiry_epoch, raw_query, reaching_dynamodb
from chalicelib.storage.rows.campaigns import ParkedRow

AT, CANARY, PAUSED = "at#", "canary#", "paused#"


class Chunk(StrictModel):
    """What is kept of a job; the letter is the run's."""

    channels: tuple[str, ...]
    recipients: tuple[EnrichRecipient, ...]
    attempt: int = 1
    again: bool = False


class Parked(NamedTuple):
    """A waiting chunk with its row. Of a damaged one those who can be read, and the others by the notification alone;
    None: nothing can be read of it."""

    row: ParkedRow
    chunk: Chunk | None


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
                batch.save(ParkedRow(place, f"{slot}{digest}", chunk=kept(chunk), expires_at_epoch=expires))

    def put_recipients(
        self, run_id: str, slot: str, recipients: Sequence[EnrichRecipient], channels: Sequence[str]
    ) -> None:
        """Keeps recipients in chunks. Raises: UnavailableError (retryable)."""
        parts = chunks(recipients, size=CHUNK_SIZE)
        self.put(run_id, slot, (Chunk(channels=tuple(channels), recipients=part) for part in parts))

    def due(self, place: str, *, now: datetime, canary_released: bool, cancelled: bool, limit: int) -> list[Parked]:
        """Whose time has come. Raises: UnavailableError (retryable)."""
        conditions: list[Condition] = [ParkedRow.slot.startswith(PAUSED)]
        if canary_released or cancelled:
            conditions.append(ParkedRow.slot.startswith(CANARY))
        until = "~" if cancelled else f"{time_name(now)}~"  # after every digest of the same second
        conditions.append(ParkedRow.slot.between(AT, f"{AT}{until}"))
        found: list[dict[str, Any]] = []
        with reaching_dynamodb():
            for condition in conditions:
                found += raw_query(ParkedRow, place, condition, most=limit - len(found))
        return [_parked(item) for item in found]

    def remove(self, rows: Iterable[ParkedRow]) -> None:
        """Forgets chunks that are in a queue again. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb(), ParkedRow.batch_write() as batch:
            for row in rows:
                batch.delete(row)


def _parked(item: Mapping[str, Any]) -> Parked:
    row, failed = ParkedRow(item["place"]["S"], item["slot"]["S"]), list[Exception]()
    found = each(_whole, [item], alone=lambda _, error: failed.append(error))
    for error in failed:
        log_failure("parked chunk", error, place=row.place, slot=row.slot)
        found = each(_salvaged, [item], alone=_nothing)
    return Parked(row, found[0] if found else None)


def _whole(item: Mapping[str, Any]) -> Chunk:
    chunk = recalled(Chunk, json.loads(item["chunk"]["S"]))
    passed(chunk)  # as it is to travel
    return chunk


def _salvaged(item: Mapping[str, Any]) -> Chunk:
    stored = json.loads(item["chunk"]["S"])
    people = each(_person, stored["recipients"], alone=_nothing)
    if not people:
        raise ValueError(Phrase("nobody is named"))
    return Chunk(channels=stored["channels"], recipients=tuple(people), again=stored.get("again") is True)


def _person(stored: Mapping[str, Any]) -> EnrichRecipient:
    whole = each(sendable, each(lambda one: recalled(EnrichRecipient, one), [stored], alone=_nothing), alone=_nothing)
    return whole[0] if whole else nobody(stored["notification_id"])


def _nothing(_: object, _error: Exception) -> None:
    pass  # the chunk was logged
