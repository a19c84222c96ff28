"""What came of the channel that was tried before: whether the next one is needed. `enrich` asks for a chunk."""

from collections.abc import Mapping
from typing import NamedTuple

from chalicelib.deliveries import DeliveryStatus
from chalicelib.pipeline.jobs import EnrichJob
from chalicelib.pipeline.routing import OPENED_ON, REACHED_BY
from chalicelib.storage.dynamodb import reaching_dynamodb
from chalicelib.storage.rows.ledger import DeliveryRow, delivery_part

_UNDER_WAY = frozenset({DeliveryStatus.QUEUED, DeliveryStatus.CALLING})
_IN_VAIN = frozenset({DeliveryStatus.SKIPPED, DeliveryStatus.FAILED, DeliveryStatus.BOUNCED, DeliveryStatus.CANCELLED})


class Enough(NamedTuple):
    """For whom the next channel is not needed, with the reason, and of whom nothing is known yet; by notification."""

    skips: Mapping[str, str]
    unknown: frozenset[str] = frozenset()


class Aftermath:
    """The reader of one stage's ledger."""

    def of(self, job: EnrichJob) -> Enough:
        """One request for a chunk. Raises: UnavailableError (retryable)."""
        before = job.after or ""
        keys = [(r.notification_id, delivery_part(before)) for r in job.recipients]
        with reaching_dynamodb():
            rows = list(DeliveryRow.batch_get(keys, consistent_read=True))
        if job.letter.route is not None and job.letter.route.mode == "escalate":
            opened = {row.notification_id for row in rows if row.opened_at or row.clicked_at}
            return Enough(dict.fromkeys(opened, OPENED_ON + before))
        status = {row.notification_id: DeliveryStatus(row.status) for row in rows}
        unknown = frozenset(one for one, found in status.items() if found in _UNDER_WAY)
        reached = [one for one, found in status.items() if found not in _UNDER_WAY | _IN_VAIN]
        return Enough(dict.fromkeys(reached, REACHED_BY + before), unknown)
