"""The channels and the sender."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING

from chalicelib.channels.port import Channel
from chalicelib.clock import now
from chalicelib.manifest import CHANNELS
from chalicelib.pipeline.claims import Claims
from chalicelib.pipeline.compose import Composer
from chalicelib.pipeline.deliver import Deliver
from chalicelib.pipeline.fallback import Fallback
from chalicelib.pipeline.pre_send_check import LastLook
from chalicelib.pipeline.refusal_streak import Doubts
from chalicelib.settings import settings
from chalicelib.wiring.clients import ses, sns
from chalicelib.wiring.control import gate, site_settings
from chalicelib.wiring.ledger import ledger, retries
from chalicelib.wiring.letters import renderer, templates
from chalicelib.wiring.links import link_maker, links
from chalicelib.wiring.people import caps, consent, endpoints
from chalicelib.wiring.running import admission

if TYPE_CHECKING:
    from chalicelib.live.announce import Announce


class _Channels(Mapping[str, Channel]):
    """Channels by name, each imported and made when it is asked for: who sends letters starts without the others."""

    def __init__(self, makers: Mapping[str, Callable[[], Channel]]) -> None:
        self._makers = makers
        self._made: dict[str, Channel] = {}

    def __getitem__(self, name: str) -> Channel:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


class _Parts:
    """What the channels are made of."""

    clock = staticmethod(now)
    settings = property(lambda _: settings())
    site_settings = property(lambda _: site_settings())
    ses = property(lambda _: ses())
    sns = property(lambda _: sns())
    endpoints = property(lambda _: endpoints())

    @property
    def announce(self) -> "Announce":
        from chalicelib.wiring.connections import announce

        return announce()


@cache
def channels() -> Mapping[str, Channel]:
    """The channels by name; the contract tests compare them with the manifest."""
    return _Channels({name: partial(_make, name) for name in CHANNELS})


def _make(name: str) -> Channel:
    made: Channel = import_module(f"chalicelib.channels.{name}").make(_Parts())
    return made


@cache
def deliver() -> Deliver:
    """The sender."""
    fallback = Fallback(ledger=ledger(), retries=retries(), clock=now)
    gates = {name: gate(spec.subsystem) for name, spec in CHANNELS.items()}
    return Deliver(
        composer=Composer(templates=templates(), renderer=renderer(), link_maker=link_maker()),
        last_look=LastLook(
            consent=consent(), caps=caps(), ledger=ledger(), retries=retries(), fallback=fallback, clock=now
        ),
        claims=Claims(
            ledger=ledger(),
            retries=retries(),
            fallback=fallback,
            clock=now,
            lease=timedelta(seconds=settings().lease_seconds),
            grace=timedelta(seconds=settings().reconcile_seconds),
            max_attempts=settings().max_attempts,
        ),
        fallback=fallback,
        links=links(),
        channels=channels(),
        gates=gates,
        doubts=Doubts(gates=gates, campaigns=admission()),
        campaigns=admission(),
        retries=retries(),
        clock=now,
    )
