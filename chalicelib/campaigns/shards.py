"""The parts of a run's fan-out as they are stored, whatever is stored of them."""

from typing import Any

from chalicelib.isolation import each
from chalicelib.observability import log_failure
from chalicelib.storage.dynamodb import raw_query, reaching_dynamodb
from chalicelib.storage.rows.campaigns import ShardRow


def shards_of(run_id: str) -> list[ShardRow]:
    """All of them. One that cannot be read counts as one that stands still: the fan-out is asked, and says what becomes
    of it. Raises: UnavailableError (retryable)."""
    found: list[ShardRow] = []

    def read(item: dict[str, Any]) -> None:
        row = ShardRow.from_raw_data(item)
        _ = int(row.step), int(row.resume_at)
        found.append(row)

    def strange(item: dict[str, Any], error: Exception) -> None:
        log_failure("shard", error, run=run_id, shard=item["shard"]["S"])
        found.append(ShardRow(run_id, item["shard"]["S"], done=item.get("done") == {"BOOL": True}))

    with reaching_dynamodb():
        each(read, raw_query(ShardRow, run_id), alone=strange)
    return found


def end_shard(run_id: str, shard: str) -> None:
    """It goes on no more. Raises: UnavailableError (retryable)."""
    with reaching_dynamodb():  # PynamoDB's `update` would read what it has changed
        ShardRow._get_connection().update_item(run_id, shard, actions=[ShardRow.done.set(True)])
