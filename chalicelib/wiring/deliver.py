"""The channels and the sender."""

from collections.abc import Mapping
from functools import cache

from chalicelib.channels.base import Channel
from chalicelib.channels.email import EmailChannel, Sender
from chalicelib.channels.live import LiveChannel
from chalicelib.channels.registry import CHANNELS
from chalicelib.clock import now
from chalicelib.pipeline.deliver import Deliver
from chalicelib.settings import settings
from chalicelib.wiring.clients import ses
from chalicelib.wiring.connections import announce
from chalicelib.wiring.control import gate, site_settings
from chalicelib.wiring.ledger import ledger, retries
from chalicelib.wiring.letters import renderer, templates
from chalicelib.wiring.links import link_maker, links
from chalicelib.wiring.people import consent
from chalicelib.wiring.running import admission


@cache
def channels() -> Mapping[str, Channel]:
    """The channels by name; the contract tests compare them with the registry."""
    email = EmailChannel(ses(), sender=_sender, configuration_set=settings().configuration_set)
    return {channel.name: channel for channel in (email, LiveChannel(announce()))}


def _sender() -> Sender:
    return Sender(**site_settings().current().sender.model_dump())


@cache
def deliver() -> Deliver:
    """The sender."""
    return Deliver(
        templates=templates(),
        renderer=renderer(),
        channels=channels(),
        gates={name: gate(spec.subsystem) for name, spec in CHANNELS.items()},
        consent=consent(),
        link_maker=link_maker(),
        links=links(),
        ledger=ledger(),
        retries=retries(),
        campaigns=admission(),
        clock=now,
        lease_seconds=settings().lease_seconds,
        reconcile_seconds=settings().reconcile_seconds,
        max_attempts=settings().max_attempts,
    )
