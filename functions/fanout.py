"""Lambda: turns the audience of a run into chunks. Source: queue fanout."""

from chalicelib.campaigns.fanout import fanout_work
from chalicelib.observability import batch_handler
from chalicelib.stage.workers import newer, stage

handler = batch_handler("fanout", lambda: fanout_work(stage().fanout, stage().halt), newer=newer)
