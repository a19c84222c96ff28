"""The parts of a run's fan-out and their progress. The audience is spread over some of them; the others put held chunks
back to work."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from chalicelib.clock import Clock, expiry_epoch
from chalicelib.isolation import each
from chalicelib.observability import log_failure
from chalicelib.storage.dynamodb import reaching_dynamodb, save_if, update_if
from chalicelib.storage.rows.campaign_parts import ShardRow
from chalicelib.storage.rows.campaigns import PARKED_PLACES as PARKED_PLACES
from chalicelib.storage.values import find, raw_query, value_of

AUDIENCE = "audience#"
PARKED = "parked#"
_KEPT_EXTRA_DAYS = 30  # a run's bookkeeping outlives its letters' rows


class Shard(NamedTuple):
    """`pending` is the page that `cursor` has already passed and that may not be published yet; `step` counts the pages
    and guards every write. The next letter leaves at `letters_at`, the fan-out continues at `resume_at` (epoch
    seconds)."""

    run_id: str
    shard: str
    step: int
    exhausted: bool
    done: bool
    targeted: int
    canary: int
    letters_at: float
    resume_at: float
    cursor: dict[str, Any] | None = None
    pending: bytes | None = None

    @property
    def number(self) -> int:
        """Its number within its kind, from 0."""
        return int(self.shard.partition("#")[2])

    @property
    def is_of_audience(self) -> bool:
        """Whether it plans recipients."""
        return self.shard.startswith(AUDIENCE)


def audience_shard(number: int) -> str:
    """The name of a part of the audience."""
    return f"{AUDIENCE}{number:02}"


def parked_shard(number: int) -> str:
    """The name of the part that releases the held chunks of one partition."""
    return f"{PARKED}{number:02}"


class Shards:
    """Every method raises: UnavailableError (retryable)."""

    def __init__(self, *, clock: Clock, retention_days: int) -> None:
        self._clock = clock
        self._retention_days = retention_days

    def add(self, run_id: str, *, audience: int) -> None:
        """Creates the missing shards of a run: `audience` of them for its audience, and idle ones for held chunks."""
        at = self._clock()
        expires = expiry_epoch(self._retention_days + _KEPT_EXTRA_DAYS, since=at)
        names = [*map(audience_shard, range(audience)), *map(parked_shard, range(PARKED_PLACES))]
        for name in names:
            idle = name.startswith(PARKED)
            row = ShardRow(run_id, name, done=idle, resume_at=at.timestamp(), expires_at_epoch=expires)
            save_if(row, ShardRow.run_id.does_not_exist())

    def get(self, run_id: str, shard: str) -> Shard | None:
        """One as of now."""
        row = find(ShardRow, run_id, shard)
        return None if row is None else value_of(Shard, row)

    def of(self, run_id: str) -> list[Shard]:
        """All shards of a run. A damaged one is returned as one that makes no progress: the fan-out reads it and
        reports the damage."""
        found: list[Shard] = []

        def strange(item: dict[str, Any], error: Exception) -> None:
            log_failure("shard", error, run=run_id, shard=item["shard"]["S"])
            done = item.get("done") == {"BOOL": True}
            found.append(Shard(run_id, item["shard"]["S"], 0, False, done, 0, 0, 0, 0))

        with reaching_dynamodb():
            each(
                lambda item: found.append(value_of(Shard, ShardRow.from_raw_data(item))),
                raw_query(ShardRow, run_id),
                alone=strange,
            )
        return found

    def save(self, shard: Shard, changes: Mapping[str, Any], *, wait_seconds: float) -> Shard | None:
        """Makes the next step, with these fields (None removes one); None, with nothing done, if another
        has taken it."""
        row, resume_at = ShardRow(shard.run_id, shard.shard), self._clock().timestamp() + wait_seconds
        actions = [ShardRow.step.set(shard.step + 1), ShardRow.resume_at.set(resume_at)]
        for name, value in changes.items():
            attribute = getattr(ShardRow, name)
            actions.append(attribute.remove() if value is None else attribute.set(value))
        same = (ShardRow.step == shard.step) & (ShardRow.done == False)  # noqa: E712 (a condition of DynamoDB's)
        return value_of(Shard, row) if update_if(row, actions, same) else None

    def wake(self, run_id: str, shard: str) -> Shard | None:
        """Restarts a shard that was done; None, with nothing done, if it is not."""
        row, now = ShardRow(run_id, shard), self._clock().timestamp()
        actions = [ShardRow.done.set(False), ShardRow.step.set(ShardRow.step + 1), ShardRow.resume_at.set(now)]
        woken = update_if(row, actions, ShardRow.done == True)  # noqa: E712 (a condition of DynamoDB's)
        return value_of(Shard, row) if woken else None

    def end(self, run_id: str, shard: str) -> None:
        """Ends a shard, whatever it holds."""
        with reaching_dynamodb():  # PynamoDB's `update` would read what it has changed
            ShardRow._get_connection().update_item(run_id, shard, actions=[ShardRow.done.set(True)])
