"""Live notifications: into the user's inbox, then to every open connection. `live/announce.py` implements the port
`Announcer`.

A notification has one entry in the inbox however often it is sent, so nothing is ever unknown here: what was not
written may be sent again.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from chalicelib.channels.port import ChannelParts, Message, Outcome, Verdict
from chalicelib.reasons import Reason

BATCH = 50
# Limits of one entry, so that each fits into a WebSocket frame of 32 KB with room to spare.
MAX_CHARACTERS: Mapping[str, int] = {"title": 200, "body": 2000, "url": 2000}


class Notice(NamedTuple):
    """The notification for one user. `content` is JSON."""

    notification_id: str
    user_id: str
    content: Mapping[str, str]


class Announcer(Protocol):
    """`live.announce.Announce` is one."""

    def announce(self, notices: Sequence[Notice]) -> Sequence[int | Reason]:
        """The cursor of each in its user's inbox, or why it has none: Reason.INBOX_UNAVAILABLE (retryable) or
        UNREADABLE (permanent)."""
        ...


class LiveChannel:
    """A message's address is the user's id."""

    name = "live"
    batch_size = BATCH

    def __init__(self, announcer: Announcer) -> None:
        self._announcer = announcer

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """See `Channel.send`."""
        places = self._announcer.announce([_notice(message) for message in messages])
        return [_outcome(place) for place in places]


def make(parts: ChannelParts) -> LiveChannel:
    return LiveChannel(parts.announce)


def _notice(message: Message) -> Notice:
    parts = {part: message.parts.get(part, "").strip()[:limit] for part, limit in MAX_CHARACTERS.items()}
    tags = {name: message.tags[name] for name in ("template", "category", "campaign") if name in message.tags}
    notification_id = message.delivery_id.removesuffix(f"_{LiveChannel.name}")
    return Notice(notification_id, user_id=message.address, content={**parts, **tags})


def _outcome(place: int | Reason) -> Outcome:
    if isinstance(place, Reason):
        verdict = Verdict.NOT_ACCEPTED if place == Reason.INBOX_UNAVAILABLE else Verdict.REFUSED
        return Outcome(verdict, reason=place)
    return Outcome(Verdict.ACCEPTED, provider_id=f"inbox-{place}")
