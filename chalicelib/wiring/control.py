"""What steers the workers: queues, switches, limits, consumers, keys, settings that people change."""

import time
from functools import cache
from typing import TYPE_CHECKING

from chalicelib.clock import now
from chalicelib.settings import settings
from chalicelib.wiring.clients import aws_lambda, sqs

if TYPE_CHECKING:
    from chalicelib.configuration.site_settings import SiteSettings
    from chalicelib.flow.event_sources import Consumers
    from chalicelib.flow.message_renewal import Renewal
    from chalicelib.flow.queues import Queues
    from chalicelib.flow.throttle import Deadline, Gate
    from chalicelib.storage.circuit_breakers import Switches
    from chalicelib.storage.rate_limits import Limiter


@cache
def queues() -> "Queues":
    """The stage's queues."""
    from chalicelib.flow.queues import Queues

    return Queues(sqs, settings().resource(""))


@cache
def renewal() -> "Renewal":
    """What keeps waiting messages from expiring."""
    from chalicelib.flow.message_renewal import Renewal

    prefix = settings().resource("")
    return Renewal(sqs, prefix, queues=queues(), off=consumers().off, clock=now, seconds=time.monotonic)


@cache
def switches() -> "Switches":
    """The switches of subsystems."""
    from chalicelib.storage.circuit_breakers import Switches, SwitchPolicy

    policy = SwitchPolicy(
        failures=settings().switch_failures,
        window_seconds=settings().switch_window_seconds,
        probe_seconds=settings().probe_seconds,
        ramp_seconds=settings().ramp_seconds,
    )
    return Switches(clock=now, policy=policy)


@cache
def limiter() -> "Limiter":
    """The shared limits."""
    from chalicelib.storage.rate_limits import Limiter

    return Limiter(clock=now, default_rates=settings().default_rate)


@cache
def consumers() -> "Consumers":
    """The consumers of the queues."""
    from chalicelib.flow.event_sources import Consumers

    return Consumers(aws_lambda, switches(), clock=now, prefix=settings().resource(""))


@cache
def deadline() -> "Deadline":
    """When this invocation has to come to its end."""
    from chalicelib.flow.throttle import Deadline

    return Deadline(seconds=time.monotonic)


@cache
def gate(subsystem: str) -> "Gate":
    """What stands before the calls of a subsystem."""
    from chalicelib.flow.throttle import Gate

    return Gate(
        subsystem,
        switches=switches(),
        limiter=limiter(),
        consumers=consumers(),
        deadline=deadline(),
        sleep=time.sleep,
    )


@cache
def site_settings() -> "SiteSettings":
    """The settings that managers change."""
    from chalicelib.configuration.site_settings import SiteSettings

    return SiteSettings(site_url=settings().site_url, mail_from=settings().mail_from, clock=now)
