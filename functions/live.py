"""Lambda: the live side's second step: greets new connections and tells who is here. Source: queue live."""

from chalicelib.observability import batch_handler
from chalicelib.stage.workers import newer, stage

handler = batch_handler("live", lambda: stage().greet.work, newer=newer)
