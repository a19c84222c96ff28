"""Recounts running campaigns from the ledger. A backup copies one table after the other, so counters may lack letters
that the ledger has, and a run whose counts lack one never ends."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from typing import Any

from chalicelib.storage.dynamodb import batch_put, reaching_dynamodb
from chalicelib.storage.ledger_transaction import Expected
from chalicelib.storage.rows.campaigns import CounterRow
from chalicelib.storage.rows.ledger import DELIVERY_PREFIX, LedgerRow
from chalicelib.storage.run_counters import ENGAGEMENTS, counted_as, counters_of, counters_of_before


def recount(run_ids: Collection[str]) -> None:
    """Raises: UnavailableError (retryable); counting again gives the same."""
    if not run_ids:
        return
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for item in _deliveries():
        run_id = item["run_id"]["S"]
        if run_id in run_ids:
            counts[run_id].update(_words(item))
    with reaching_dynamodb():
        for run_id in run_ids:
            for key in (*counters_of(run_id), *counters_of_before(run_id)):
                CounterRow(*key).delete()
            place, shard = counters_of(run_id)[0]
            numbers = {name: {"N": str(n)} for name, n in counts[run_id].items()}
            batch_put(CounterRow, [{"run_id": {"S": place}, "shard": {"S": shard}, **numbers}])


def _deliveries() -> Iterator[dict[str, Any]]:
    """Those of campaigns, as DynamoDB has them."""
    of_deliveries, more = LedgerRow.part.startswith(DELIVERY_PREFIX), dict[str, Any]()
    while True:
        with reaching_dynamodb():
            page = LedgerRow._get_connection().scan(of_deliveries, consistent_read=True, **more)
        yield from (item for item in page["Items"] if "run_id" in item)
        if "LastEvaluatedKey" not in page:
            return
        more = {"exclusive_start_key": page["LastEvaluatedKey"]}


def _words(item: dict[str, Any]) -> list[str]:
    state = Expected.of(item)
    engaged = [name for name in sorted(ENGAGEMENTS) if f"{name}_at" in item]
    return [one for one in (counted_as(state.status, state.reason), *engaged) if one]
