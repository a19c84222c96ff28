"""Lambda: sends a user's collected letters as one. Source: queue digest."""

from chalicelib.observability import batch_handler
from chalicelib.pipeline.digest import digest_work
from chalicelib.stage.workers import newer, stage

handler = batch_handler("digest", lambda: digest_work(stage().digest), newer=newer)
