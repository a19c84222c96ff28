"""The channels and the sender."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from chalicelib.channels.email import EmailChannel, Sender
from chalicelib.channels.port import Channel
from chalicelib.channels.registry import CHANNELS
from chalicelib.clock import now
from chalicelib.pipeline.claims import Claims
from chalicelib.pipeline.closing import Closing
from chalicelib.pipeline.compose import Composer
from chalicelib.pipeline.deliver import Deliver
from chalicelib.pipeline.fallback import Succession
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
    import requests

    from chalicelib.security.outbound_http import Reply


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


@cache
def channels() -> Mapping[str, Channel]:
    """The channels by name; the contract tests compare them with the registry."""
    return _Channels(
        {"email": _email, "live": _live, "sms": _sms, "push": _push, "webhook": _webhook, "chat": _chat},
    )


def _email() -> Channel:
    return EmailChannel(
        ses(),
        sender=_sender,
        configuration_set=settings().configuration_set,
        mailings_set=settings().mailings_set,
        untracked=settings().public_url if settings().tracking_domain else "",
    )


def _live() -> Channel:
    from chalicelib.channels.live import LiveChannel
    from chalicelib.wiring.connections import announce

    return LiveChannel(announce())


def _sms() -> Channel:
    from chalicelib.channels.sms import SmsChannel

    return SmsChannel(sns(), sender=settings().sms_sender)


def _push() -> Channel:
    from chalicelib.channels.push import PushChannel

    return PushChannel(sns(), devices=endpoints())


def _webhook() -> Channel:
    from chalicelib.channels.webhook import WebhookChannel

    return WebhookChannel(_post, hooks=endpoints(), clock=now)


def _chat() -> Channel:
    from chalicelib.channels.chat import ChatChannel

    return ChatChannel(rooms=endpoints(), kinds=settings().chat_kinds.split(), own_hosts=settings().private_addresses)


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> "Reply":
    from chalicelib.security.outbound_http import guarded_post

    return guarded_post(_session(), url, body, headers)


@cache
def _session() -> "requests.Session":
    # Imported at the first webhook: other workers start without it.
    from chalicelib.security.outbound_http import guarded_session

    return guarded_session(allow_private=settings().private_addresses)


def _sender() -> Sender:
    return Sender(**site_settings().current().sender.model_dump())


@cache
def deliver() -> Deliver:
    """The sender."""
    succession = Succession(ledger=ledger(), retries=retries(), clock=now)
    closing = Closing(ledger=ledger(), succession=succession)
    gates = {name: gate(spec.subsystem) for name, spec in CHANNELS.items()}
    return Deliver(
        composer=Composer(templates=templates(), renderer=renderer(), link_maker=link_maker()),
        last_look=LastLook(
            consent=consent(), caps=caps(), ledger=ledger(), retries=retries(), closing=closing, clock=now
        ),
        claims=Claims(
            ledger=ledger(),
            retries=retries(),
            succession=succession,
            clock=now,
            lease=timedelta(seconds=settings().lease_seconds),
            grace=timedelta(seconds=settings().reconcile_seconds),
            max_attempts=settings().max_attempts,
        ),
        closing=closing,
        links=links(),
        channels=channels(),
        gates=gates,
        doubts=Doubts(gates=gates, campaigns=admission()),
        campaigns=admission(),
        retries=retries(),
        clock=now,
    )
