"""Lambda: turns the audience of a run into chunks. Source: queue fanout."""

from chalicelib.campaigns.workers import fanout_work
from chalicelib.observability import batch_handler
from chalicelib.wiring.campaigns import fanout
from chalicelib.wiring.ledger import newer
from chalicelib.wiring.running import halt

handler = batch_handler("fanout", lambda: fanout_work(fanout(), halt()), newer=newer)
