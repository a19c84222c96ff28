"""Lambda: the clock of the service. Source: EventBridge Scheduler, every minute."""

from chalicelib.observability import periodic_handler
from chalicelib.wiring.campaigns import generator
from chalicelib.wiring.control import consumers, renewal, switches
from chalicelib.wiring.digests import collected
from chalicelib.wiring.intake import tick

handler = periodic_handler(
    "tick",
    lambda: (
        tick().tick,
        generator().tick,
        collected().release,
        consumers().follow_all,
        switches().watch,
        renewal().renew,
    ),
)
