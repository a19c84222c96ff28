"""Lambda: sends a user's collected letters as one. Source: queue digest."""

from chalicelib.observability import batch_handler
from chalicelib.pipeline.workers import digest_work
from chalicelib.wiring.digests import digest
from chalicelib.wiring.ledger import newer

handler = batch_handler("digest", lambda: digest_work(digest()), newer=newer)
