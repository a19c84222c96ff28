"""Held chunks: while their campaign is paused, until the rest of a run is released (after a canary, or once a variant
has won), or for their time."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import BaseModel
from pynamodb.expressions.condition import Condition

from chalicelib.clock import Clock, expiry_epoch
from chalicelib.deliveries import time_name
from chalicelib.schemas import kept
from chalicelib.storage.dynamodb import reaching_dynamodb
from chalicelib.storage.rows.campaign_parts import ParkedRow
from chalicelib.storage.rows.campaigns import PARKED_PLACES
from chalicelib.storage.values import raw_query

AT, PAUSED = "at#", "paused#"
REST = "canary#"  # so named since canaries were the only reason to hold a rest


class HeldItem(NamedTuple):
    """A held chunk: its key, and its stored JSON (None: it has none)."""

    place: str
    slot: str
    stored: str | None


class HeldChunks:
    """Every method raises: UnavailableError (retryable)."""

    def __init__(self, *, clock: Clock, retention_days: int) -> None:
        self._clock = clock
        self._retention_days = retention_days

    def put(self, run_id: str, slot: str, chunks: Iterable[BaseModel]) -> None:
        """Stores chunks (`campaigns.held_chunks.Chunk`) under a slot: AT with a time, REST or PAUSED; idempotent."""
        expires = expiry_epoch(self._retention_days, since=self._clock())
        with reaching_dynamodb(), ParkedRow.batch_write() as batch:
            for chunk in chunks:
                digest = hashlib.sha256(chunk.model_dump_json().encode()).hexdigest()[:24]
                place = _place(run_id, int(digest[:8], 16))
                batch.save(ParkedRow(place, f"{slot}{digest}", chunk=kept(chunk), expires_at_epoch=expires))

    def due(
        self, run_id: str, place: int, *, now: datetime, rest_released: bool, cancelled: bool, limit: int
    ) -> list[HeldItem]:
        """Those in one partition of a run whose time has come; all of a cancelled run."""
        conditions: list[Condition] = [ParkedRow.slot.startswith(PAUSED)]
        if rest_released or cancelled:
            conditions.append(ParkedRow.slot.startswith(REST))
        until = "~" if cancelled else f"{time_name(now)}~"  # after every digest of the same second
        conditions.append(ParkedRow.slot.between(AT, f"{AT}{until}"))
        found: list[dict[str, Any]] = []
        with reaching_dynamodb():
            for condition in conditions:
                found += raw_query(ParkedRow, _place(run_id, place), condition, most=limit - len(found))
        return [HeldItem(one["place"]["S"], one["slot"]["S"], one.get("chunk", {}).get("S")) for one in found]

    def remove(self, items: Iterable[HeldItem]) -> None:
        """Deletes chunks that are back in a queue."""
        with reaching_dynamodb(), ParkedRow.batch_write() as batch:
            for one in items:
                batch.delete(ParkedRow(one.place, one.slot))


def _place(run_id: str, n: int) -> str:
    return f"{run_id}#{n % PARKED_PLACES}"
