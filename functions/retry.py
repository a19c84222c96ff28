"""Lambda: returns what was put aside. Source: queue retry."""

from chalicelib.observability import batch_handler
from chalicelib.pipeline.reconcile import retry_work
from chalicelib.stage.workers import newer, stage

handler = batch_handler("retry", lambda: retry_work(stage().reconcile), newer=newer)
