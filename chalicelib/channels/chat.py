"""Chats (Telegram, Slack, Discord …) through apprise.

An endpoint is an apprise URL, `tgram://<bot token>/<chat id>`; only the kinds that the stage allows
(`VESTNIK_CHAT_KINDS`) are called. apprise connects by itself, without our guard: so a kind that names its own host, and
could point anywhere, is called only on a local stage, and only apprise's harmless options are accepted: `template`
reads a file of the worker, or any URL, into the chat; `verify` and `redirect` give the message away; `rto` and `retry`
hold the worker. A list of rooms is refused, as it would mean as many calls for one message. apprise is imported with
the first message, so that other workers start without it.
"""

import logging
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING

from chalicelib.channels.port import BEST_FIRST, ChannelParts, Message, Outcome, Verdict, send_to_endpoints
from chalicelib.reasons import Reason, ReasonFamily
from chalicelib.storage.endpoints import Endpoint, Endpoints

if TYPE_CHECKING:
    from apprise import NotifyBase

MAX_CHARACTERS = 4000  # Telegram takes 4096, Slack more
OPTIONS = ("preview", "silent", "thread", "topic")
# All of apprise's services report an unexpected answer alike: "… error=403."
_NOT_NOW = frozenset({408, 425, 429})  # the request was too late, too early, or one too many
_STATUS = re.compile(r"error=(\d{3})\b")


class ChatChannel:
    """A message's address is the user's id; one chat that was reached is enough."""

    name = "chat"
    batch_size = 10

    def __init__(self, *, rooms: Endpoints, kinds: Collection[str], own_hosts: bool = False) -> None:
        self._rooms = rooms
        self._kinds = kinds
        self._own_hosts = own_hosts

    def warm(self) -> None:
        """See `SlowToStart`: apprise loads its two hundred services with the first URL, a third of a second."""
        import apprise

        apprise.Apprise.instantiate("json://localhost", suppress_exceptions=True)

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """See `Channel.send`."""
        return send_to_endpoints(messages, lambda users: self._rooms.usable(self.name, users), self._send_one)

    def _send_one(self, message: Message, rooms: Sequence[Endpoint]) -> Outcome:
        if len(message.parts["text"]) > MAX_CHARACTERS:
            return Outcome(Verdict.REFUSED, reason=Reason.TOO_LONG)
        outcomes = [self._say(message, room) for room in rooms]
        return min(outcomes, key=lambda outcome: BEST_FIRST.index(outcome.verdict))

    def _say(self, message: Message, room: Endpoint) -> Outcome:
        if kind_of(room.target) not in self._kinds:
            return Outcome(Verdict.REFUSED, reason=Reason.UNSUPPORTED_CHAT)
        service = chat_at(room.target, own_hosts=self._own_hosts)
        if service is None:
            return Outcome(Verdict.REFUSED, reason=Reason.UNSUPPORTED_CHAT)
        with _warnings() as said:
            if service.notify(body=message.parts["text"], title=message.parts.get("title", "")):
                return Outcome(Verdict.ACCEPTED, provider_id=message.delivery_id)
        return _refusal(" ".join(said))


def make(parts: ChannelParts) -> ChatChannel:
    settings = parts.settings
    return ChatChannel(rooms=parts.endpoints, kinds=settings.chat_kinds.split(), own_hosts=settings.private_addresses)


def kind_of(address: str) -> str:
    """`tgram` of `tgram://…`."""
    return address.partition("://")[0].lower()


def chat_at(address: str, *, own_hosts: bool) -> "NotifyBase | None":
    """apprise's service for a URL; None for anything else, and for what must not be called on a user's word."""
    import apprise

    service = apprise.Apprise.instantiate(address, suppress_exceptions=True)
    parsed = service and type(service).parse_url(address)
    if not isinstance(service, apprise.NotifyBase) or not parsed:
        return None
    options = {f"{kind}{name}" for kind in ("", "+", "-", ":") for name in parsed[f"qsd{kind}"]}
    if not options <= set(OPTIONS) or not (own_hosts or _has_no_host(service)):
        return None
    return service if len(service) <= 1 else None  # the calls of one message


def _has_no_host(service: "NotifyBase") -> bool:
    templates: tuple[str, ...] = service.templates
    return not any("{host}" in template for template in templates)


def _refusal(said: str) -> Outcome:
    """apprise answers only yes or no; what it logs tells a refusal from a reply that never came."""
    found = _STATUS.search(said)
    if found is None:
        return Outcome(Verdict.UNKNOWN, reason=Reason.REPLY_LOST)
    status = int(found[1])
    if status in _NOT_NOW:
        return Outcome(Verdict.NOT_ACCEPTED, reason=Reason.THROTTLED)
    if status >= 500:
        return Outcome(Verdict.UNKNOWN, reason=Reason.PROVIDER_ERROR)
    return Outcome(Verdict.REFUSED, reason=ReasonFamily.ANSWER(status))


class _Heard(logging.Handler):
    """apprise's warnings in this thread; they go nowhere else, as they may quote a URL."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []
        self._thread = get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.said.append(record.getMessage())


@contextmanager
def _warnings() -> Iterator[list[str]]:
    logger, heard = logging.getLogger("apprise"), _Heard()
    logger.propagate = False
    logger.addHandler(heard)
    try:
        yield heard.said
    finally:
        logger.removeHandler(heard)
