"""Lambda: the enricher. Sources: queues enrich-instant and enrich-bulk."""

from chalicelib.observability import batch_handler
from chalicelib.pipeline.workers import enrich_work
from chalicelib.wiring.control import deadline
from chalicelib.wiring.enrich import enrich
from chalicelib.wiring.ledger import hours, newer

handler = batch_handler(
    "enrich",
    lambda: enrich_work(enrich()),
    newer=newer,
    begin=lambda seconds: deadline().begin(seconds),
    count=lambda counts, waited: hours().add(counts, waited),
)
