"""What a stage consists of: its channels, the subsystems that they need, the queues and who reads them (ADR 0093).

A new channel is an entry of `CHANNELS`, a file `channels/<name>.py`, its texts and its template parts. Its queues and
their event sources, circuit breaker, rate limits, setting, rights, alarms and its row on the preference page follow
from the entry.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Subsystem(StrEnum):
    """What may fail independently: each has a circuit breaker, and a rate limit per lane."""

    PROFILES = "profiles"
    SES = "ses"
    SNS = "sns"
    WHATSAPP = "whatsapp"
    WEBHOOK = "webhook"
    CHAT = "chat"
    LIVE = "live"


SUBSYSTEMS = tuple(Subsystem)


class Rate(NamedTuple):
    """The default number of calls a second for a subsystem, over both lanes."""

    per_second: float
    counts: str  # what is counted, for the list of settings


RATES: Mapping[Subsystem, Rate] = {
    Subsystem.PROFILES: Rate(2000, "users asked for in a second"),
    Subsystem.SES: Rate(100, "letters a second that SES allows"),
    Subsystem.SNS: Rate(20, "SMS and push notifications a second"),
    Subsystem.WHATSAPP: Rate(20, "WhatsApp messages a second; a number sends at most 80"),
    Subsystem.WEBHOOK: Rate(50, "webhooks a second"),
    Subsystem.CHAT: Rate(20, "chat messages a second"),
    Subsystem.LIVE: Rate(1000, "live notifications a second"),
}


def rate_setting(subsystem: str) -> str:
    """The setting that holds a subsystem's rate."""
    return f"{subsystem}_per_second"


class ChannelSpec(NamedTuple):
    """One channel. `address_field` is the profile's field with the address; `*_parts` are those of a template.
    `endpoints`: users register their addresses, one or several, and a message's address is the user's id. `workers`:
    how many batches of its instant and its bulk queue are processed at once."""

    name: str
    address_field: str
    subsystem: Subsystem
    required_parts: tuple[str, ...]
    optional_parts: tuple[str, ...] = ()
    repeatable: bool = False  # a delivery sent twice is seen once: one with an unknown outcome may be sent again
    endpoints: bool = False
    one_provider: bool = True  # False: each address has its own server, whose failure says nothing about the others
    workers: tuple[int, int] = (5, 2)
    attaches: bool = False  # its messages carry files
    needs: str = ""  # the setting without which a stage has none of it, and offers it to nobody

    @property
    def queues(self) -> tuple[str, str]:
        """Its queues, instant and bulk."""
        return f"deliver-{self.name}", f"deliver-{self.name}-bulk"


CHANNELS: Mapping[str, ChannelSpec] = {
    spec.name: spec
    for spec in (
        ChannelSpec(
            "email", "email", Subsystem.SES, ("subject", "html"), ("text", "calendar"), attaches=True, workers=(10, 5)
        ),
        ChannelSpec("live", "id", Subsystem.LIVE, ("title",), ("body", "url"), repeatable=True, workers=(10, 5)),
        ChannelSpec("sms", "phone", Subsystem.SNS, ("text",)),
        ChannelSpec(
            "whatsapp", "phone", Subsystem.WHATSAPP, ("template", "language"), ("parameters",), needs="whatsapp_sender"
        ),
        ChannelSpec(
            "push", "id", Subsystem.SNS, ("title",), ("body", "url"), repeatable=True, endpoints=True, workers=(5, 5)
        ),
        ChannelSpec(
            *("webhook", "id", Subsystem.WEBHOOK, ("title",), ("body", "url")),
            repeatable=True,
            endpoints=True,
            one_provider=False,
        ),
        ChannelSpec("chat", "id", Subsystem.CHAT, ("text",), ("title",), endpoints=True, one_provider=False),
    )
}


class Queue(StrEnum):
    """The queues that are no channel's."""

    ENRICH_INSTANT = "enrich-instant"
    ENRICH_BULK = "enrich-bulk"
    LIVE = "live"
    RETRY = "retry"
    FEEDBACK = "feedback"
    FANOUT = "fanout"
    DIGEST = "digest"
    LOAD = "load"
    MEDIA = "media"


def enrich_queue(lane: str) -> Queue:
    """The lanes never share a queue: a campaign does not delay an instant letter."""
    return Queue(f"enrich-{lane}")


def deliver_queue(channel: str, lane: str) -> str:
    """Likewise, the queue of a channel."""
    instant, bulk = CHANNELS[channel].queues
    return instant if lane == "instant" else bulk


class ConsumerSpec(NamedTuple):
    """A queue, the worker that reads it, and the subsystem that must work for this to make sense. `max_concurrency` is
    the full number, to which a ramp returns. `max_batch`: SQS gives 10 without a batching window."""

    queue: str
    worker: str
    subsystem: Subsystem | None = None
    max_concurrency: int = 10
    max_batch: int = 10


CONSUMERS: Mapping[str, ConsumerSpec] = {
    spec.queue: spec
    for spec in (
        ConsumerSpec(Queue.ENRICH_INSTANT, "enrich", Subsystem.PROFILES),
        ConsumerSpec(Queue.ENRICH_BULK, "enrich", Subsystem.PROFILES, max_concurrency=5),
        *(
            ConsumerSpec(queue, "deliver", channel.subsystem, max_concurrency=workers)
            for channel in CHANNELS.values()
            for queue, workers in zip(channel.queues, channel.workers, strict=True)
        ),
        ConsumerSpec(Queue.LIVE, "live"),
        ConsumerSpec(Queue.RETRY, "retry"),
        ConsumerSpec(Queue.FEEDBACK, "feedback", max_concurrency=2, max_batch=100),
        ConsumerSpec(Queue.FANOUT, "fanout"),
        ConsumerSpec(Queue.DIGEST, "digest", max_concurrency=5),
        ConsumerSpec(Queue.LOAD, "load", max_concurrency=2),
        ConsumerSpec(Queue.MEDIA, "media", max_concurrency=2),
    )
}
