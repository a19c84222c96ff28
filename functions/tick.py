"""Lambda: the clock of the service. Source: EventBridge Scheduler, every minute."""

from chalicelib.observability import periodic_handler
from chalicelib.wiring import consumers, generator, tick

handler = periodic_handler("tick", lambda: (tick().tick, generator().tick, consumers().follow_all))
