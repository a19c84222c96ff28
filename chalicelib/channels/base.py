"""The port of a channel: what `pipeline/deliver.py` asks of every way to reach a person.

One file a channel beside this one, and a line in `registry.py`; channels know nothing of each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Verdict(StrEnum):
    """What is known after a call to a provider (design §3)."""

    ACCEPTED = "accepted"  # the provider has it
    NOT_ACCEPTED = "not_accepted"  # certainly not taken: throttled, refused for now, no connection. Retryable
    REFUSED = "refused"  # never will be: bad address, rejected content. Permanent
    UNKNOWN = "unknown"  # the reply is lost: must not be sent again blindly


# The reasons that say something of the provider and not of the letter; `pipeline/deliver.py` teaches its gate by them.
THROTTLED = "throttled"
DAILY_QUOTA = "daily_quota"


@dataclass(frozen=True)
class Outcome:
    """The result of one message. `reason` is short and stable, fit for counting (`throttled`, `bad_address`)."""

    verdict: Verdict
    provider_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Message:
    """One rendered delivery, ready to leave. `parts` holds what the channel renders (`subject`, `html`, `text`)."""

    delivery_id: str
    address: str
    parts: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


class Channel(Protocol):
    """Sends messages of one kind."""

    @property
    def name(self) -> str:
        """`email`: the word in queues, template parts, preferences and metrics."""
        ...

    @property
    def batch_size(self) -> int:
        """How many messages one call of `send` may carry."""
        ...

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """Sends at most `batch_size` messages; one outcome each, in order. Never raises for a provider's answer,
        never retries by itself."""
        ...
