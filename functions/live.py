"""Lambda: the live side's second step: greets new connections and tells who is here. Source: queue live."""

from chalicelib.observability import batch_handler
from chalicelib.wiring.greet import greet
from chalicelib.wiring.ledger import newer

handler = batch_handler("live", lambda: greet().work, newer=newer)
