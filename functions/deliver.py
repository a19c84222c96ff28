"""Lambda: the sender. Sources: queues deliver-<channel> and deliver-<channel>-bulk."""

from chalicelib.observability import batch_handler
from chalicelib.pipeline.workers import deliver_work
from chalicelib.settings import is_for_a_snapshot
from chalicelib.wiring.control import deadline
from chalicelib.wiring.deliver import deliver
from chalicelib.wiring.ledger import hours, newer

handler = batch_handler(
    "deliver",
    lambda: deliver_work(deliver()),
    newer=newer,
    begin=lambda seconds: deadline().begin(seconds),
    count=lambda counts, waited: hours().add(counts, waited),
)

if is_for_a_snapshot():
    from chalicelib.wiring import snapshot

    snapshot.register()
