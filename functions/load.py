"""Lambda: reads an uploaded list. Source: queue load."""

from chalicelib.campaigns.workers import load_work
from chalicelib.observability import batch_handler
from chalicelib.wiring.campaigns import list_loader
from chalicelib.wiring.ledger import newer

handler = batch_handler("load", lambda: load_work(list_loader()), newer=newer)
