"""Lambda: makes uploaded pictures ready for letters. Source: queue media."""

from chalicelib.media.library import media_work
from chalicelib.observability import batch_handler
from chalicelib.stage.workers import newer, stage

handler = batch_handler("media", lambda: media_work(stage().media_maker), newer=newer)
