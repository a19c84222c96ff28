"""Lambda: the sender. Sources: queues deliver-<channel> and deliver-<channel>-bulk."""

from chalicelib.observability import batch_handler
from chalicelib.pipeline.deliver import deliver_work
from chalicelib.settings import is_for_a_snapshot
from chalicelib.stage.workers import WorkerStage, begin, count, newer, stage

handler = batch_handler("deliver", lambda: deliver_work(stage().deliver), newer=newer, begin=begin, count=count)

if is_for_a_snapshot():
    from chalicelib.stage import snapshot

    snapshot.register(WorkerStage)
