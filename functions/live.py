"""Lambda: the live side's second step: greets those who have come in, tells who is here. Source: queue live."""

from chalicelib.observability import batch_handler
from chalicelib.wiring.live import door

handler = batch_handler("live", lambda: door().work)
