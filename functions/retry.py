"""Lambda: returns what was put aside. Source: queue retry."""

from chalicelib.observability import batch_handler
from chalicelib.pipeline.workers import retry_work
from chalicelib.wiring.ledger import newer, reconcile

handler = batch_handler("retry", lambda: retry_work(reconcile()), newer=newer)
