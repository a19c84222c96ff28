"""Lambda: the clock of the service. Source: EventBridge Scheduler, every minute."""

from chalicelib.observability import periodic_handler
from chalicelib.wiring import consumers, tick

handler = periodic_handler("tick", lambda: (tick().tick, consumers().follow_all))
