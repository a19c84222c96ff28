"""What steers the workers: queues, switches, limits, consumers, keys, settings that people change."""

import time
from functools import cache

from chalicelib.clock import now
from chalicelib.control.consumers import Consumers
from chalicelib.control.dead_letters import DeadLetters
from chalicelib.control.depths import QueueDepths
from chalicelib.control.failover import Failover
from chalicelib.control.gate import Deadline, Gate
from chalicelib.control.keys import KeyRing
from chalicelib.control.limits import Limiter
from chalicelib.control.queues import Queues
from chalicelib.control.site_settings import SiteSettings
from chalicelib.control.switch import SwitchPolicy
from chalicelib.control.switches import Switches
from chalicelib.settings import settings
from chalicelib.wiring.clients import aws_lambda, sqs


@cache
def queues() -> Queues:
    """The stage's queues."""
    return Queues(sqs(), settings().resource(""))


@cache
def switches() -> Switches:
    """The switches of subsystems."""
    policy = SwitchPolicy(
        failures=settings().switch_failures,
        window_seconds=settings().switch_window_seconds,
        probe_seconds=settings().probe_seconds,
        ramp_seconds=settings().ramp_seconds,
    )
    return Switches(clock=now, policy=policy)


@cache
def limiter() -> Limiter:
    """The shared limits."""
    return Limiter(clock=now, default_rates=settings().default_rate)


@cache
def consumers() -> Consumers:
    """The consumers of the queues."""
    return Consumers(aws_lambda(), switches(), clock=now, prefix=settings().resource(""))


@cache
def failover() -> Failover:
    """The hand on the switches."""
    return Failover(switches=switches(), consumers=consumers())


@cache
def deadline() -> Deadline:
    """When this invocation has to come to its end."""
    return Deadline(seconds=time.monotonic)


@cache
def gate(subsystem: str) -> Gate:
    """What stands before the calls of a subsystem."""
    return Gate(
        subsystem,
        switches=switches(),
        limiter=limiter(),
        consumers=consumers(),
        deadline=deadline(),
        sleep=time.sleep,
    )


@cache
def site_settings() -> SiteSettings:
    """The settings that managers change."""
    return SiteSettings(site_url=settings().site_url, mail_from=settings().mail_from, clock=now)


@cache
def dead_letters() -> DeadLetters:
    """The dead-letter queues."""
    return DeadLetters(sqs(), settings().resource(""))


@cache
def queue_depths() -> QueueDepths:
    """How much lies in the queues."""
    return QueueDepths(sqs(), settings().resource(""))


@cache
def key_ring() -> KeyRing:
    """The checker of API keys."""
    return KeyRing()
