"""Lambda: turns the audience of a run into chunks, and counts what a large run led to. Source: queue fanout."""

from chalicelib.campaigns.fanout import fanout_work
from chalicelib.observability import batch_handler
from chalicelib.stage.workers import newer, stage

handler = batch_handler("fanout", lambda: fanout_work(stage().fanout, stage().halt, stage().report_counts), newer=newer)
