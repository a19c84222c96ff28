"""Lambda: the enricher. Sources: queues enrich-instant and enrich-bulk."""

from chalicelib.observability import batch_handler
from chalicelib.pipeline.enrich import enrich_work
from chalicelib.stage.workers import begin, count, newer, stage

handler = batch_handler("enrich", lambda: enrich_work(stage().enrich), newer=newer, begin=begin, count=count)
