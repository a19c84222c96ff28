"""Throwing a switch by hand: what the API and the failover desk of the admin page do alike."""

from chalicelib.errors import UnavailableError
from chalicelib.etags import Seen
from chalicelib.flow.breaker_state import Switch
from chalicelib.flow.circuit_breakers import Switches
from chalicelib.flow.event_sources import Consumers
from chalicelib.observability import logger


class Failover:
    """The hand on the switches of one stage."""

    def __init__(self, *, switches: Switches, consumers: Consumers) -> None:
        self._switches = switches
        self._consumers = consumers

    def throw(
        self, name: str, *, opened: bool, by: str, reason: str, ramp: bool = True, seen: Seen | None = None
    ) -> Switch:
        """Opens or closes a switch, and its consumers follow. Raises: NotFoundError, ChangedError (permanent: it is not
        what was `seen`), UnavailableError (retryable): nothing was thrown."""
        if opened:
            thrown = self._switches.open(name, by=by, reason=reason, seen=seen)
        else:
            thrown = self._switches.close(name, by=by, reason=reason, ramp=ramp, seen=seen)
        try:
            self._consumers.follow_subsystem(name)
        except UnavailableError:
            # The switch is thrown and holds; an error would say that it is not. The next tick does the rest.
            logger().warning("consumers did not follow their switch", subsystem=name)
        return thrown
