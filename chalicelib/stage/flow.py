"""Queues, breakers, limits, consumers, and the settings that managers change."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.stage.clients import Clients

if TYPE_CHECKING:
    from chalicelib.flow.event_sources import EventSources
    from chalicelib.flow.message_renewal import MessageRenewal
    from chalicelib.flow.queues import Queues
    from chalicelib.flow.throttle import Deadline, Throttle
    from chalicelib.storage.circuit_breakers import CircuitBreakers
    from chalicelib.storage.rate_limits import RateLimiter


class Flow(Clients):
    """What moves jobs, and what holds them back."""

    @cached_property
    def queues(self) -> Queues:
        from chalicelib.flow.queues import Queues

        return Queues(self, self.settings.resource(""))

    @cached_property
    def message_renewal(self) -> MessageRenewal:
        from chalicelib.flow.message_renewal import MessageRenewal

        return MessageRenewal(self.queues, off=self.consumers.off, clock=self.clock, seconds=self.monotonic)

    @cached_property
    def switches(self) -> CircuitBreakers:
        from chalicelib.storage.circuit_breakers import BreakerPolicy, CircuitBreakers

        policy = BreakerPolicy(
            failures=self.settings.switch_failures,
            window_seconds=self.settings.switch_window_seconds,
            probe_seconds=self.settings.probe_seconds,
            ramp_seconds=self.settings.ramp_seconds,
        )
        return CircuitBreakers(clock=self.clock, policy=policy)

    @cached_property
    def limiter(self) -> RateLimiter:
        from chalicelib.storage.rate_limits import RateLimiter

        return RateLimiter(clock=self.clock, default_rates=self.settings.default_rate)

    @cached_property
    def consumers(self) -> EventSources:
        from chalicelib.flow.event_sources import EventSources

        return EventSources(lambda: self.aws_lambda, self.switches, clock=self.clock, prefix=self.settings.resource(""))

    @cached_property
    def deadline(self) -> Deadline:
        """When this invocation has to end."""
        from chalicelib.flow.throttle import Deadline

        return Deadline(seconds=self.monotonic)

    def throttle(self, subsystem: str) -> Throttle:
        """What stands before the calls of a subsystem."""
        from chalicelib.flow.throttle import Throttle

        return Throttle(
            subsystem=subsystem,
            switches=self.switches,
            limiter=self.limiter,
            consumers=self.consumers,
            deadline=self.deadline,
            sleep=self.sleep,
        )
