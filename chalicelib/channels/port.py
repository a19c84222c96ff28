"""The port of a channel: what `pipeline/deliver.py` needs of every way to reach a person.

Each channel is a file beside this one with a function `make`, which makes it from the parts of a stage, and an entry of
`chalicelib/manifest.py`. Channels know nothing of each other.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from chalicelib.errors import UnavailableError
from chalicelib.isolation import each, is_contained, is_final
from chalicelib.observability import log_failure
from chalicelib.reasons import Reason

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sns import SNSClient

    from chalicelib.clock import Clock
    from chalicelib.configuration.site_settings import SiteSettings
    from chalicelib.settings import Settings
    from chalicelib.storage.endpoints import Endpoint, Endpoints


class Verdict(StrEnum):
    """What is known after a call to a provider."""

    ACCEPTED = "accepted"  # the provider has it
    NOT_ACCEPTED = "not_accepted"  # certainly not accepted: throttled, refused for now, no connection. Retryable
    REFUSED = "refused"  # never will be: bad address, rejected content. Permanent
    UNKNOWN = "unknown"  # the reply is lost: must not be sent again blindly


# The reasons that concern the provider and not the letter; `pipeline/deliver.py` reports them to the throttle.
# Reasons shared by several channels.


class Outcome(NamedTuple):
    """The result of one message. `reason` is short and stable, fit for counting (`throttled`, `bad_address`); `said` is
    what the provider said, for people, without addresses. `ours`: every letter would get this answer until a person
    fixes something in this account."""

    verdict: Verdict
    provider_id: str | None = None
    reason: str | None = None
    said: str | None = None
    ours: bool = False


class AttachedFile(NamedTuple):
    """A file that a message carries; `inline`: the Content-ID by which its HTML shows it."""

    name: str
    type: str
    content: bytes
    inline: str | None = None


class Message(NamedTuple):
    """One rendered delivery, ready to leave. `parts` holds what the channel renders (`subject`, `html`, `text`);
    `category` and `transactional`: see `categories.Category`. `files` are for e-mail alone."""

    delivery_id: str
    address: str
    parts: Mapping[str, str]
    headers: Mapping[str, str] = {}
    tags: Mapping[str, str] = {}
    transactional: bool = True
    category: str = ""
    files: Sequence[AttachedFile] = ()


class Channel(Protocol):
    """Sends messages of one kind."""

    @property
    def name(self) -> str:
        """`email`: the name in queues, template parts, preferences and metrics."""
        ...

    @property
    def batch_size(self) -> int:
        """How many messages one call of `send` may carry."""
        ...

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """Sends at most `batch_size` messages; one outcome each, in order. Never raises for a provider's answer,
        never retries by itself."""
        ...


class ChannelParts(Protocol):
    """What a stage has for its channels; each is made on first use."""

    @property
    def clock(self) -> "Clock": ...
    @property
    def settings(self) -> "Settings": ...
    @property
    def site_settings(self) -> "SiteSettings": ...
    @property
    def ses(self) -> "SESV2Client": ...
    @property
    def sns(self) -> "SNSClient": ...
    @property
    def socialmessaging(self) -> Any: ...
    @property
    def announce(self) -> Any: ...  # `live.announce.Announce`, of a room beside this one
    @property
    def endpoints(self) -> "Endpoints": ...


@runtime_checkable
class SlowToStart(Protocol):
    """A channel whose first send has much to load, which must not eat into the lease of a claim."""

    def warm(self) -> None:
        """Loads it; called before anything is claimed, and cheap after the first time."""
        ...


def accepted(message_id: str | None) -> Outcome:
    """The outcome of an answer: one without an id is ambiguous, whatever its status."""
    if not message_id:
        return Outcome(Verdict.UNKNOWN, reason=Reason.REPLY_LOST)
    return Outcome(Verdict.ACCEPTED, provider_id=message_id)


# For channels with several endpoints per user: the best or the worst of their outcomes is the message's.
BEST_FIRST = (Verdict.ACCEPTED, Verdict.UNKNOWN, Verdict.NOT_ACCEPTED, Verdict.REFUSED)


def send_to_endpoints(
    messages: Sequence[Message],
    usable: Callable[[Sequence[str]], Mapping[str, Sequence["Endpoint"]]],
    send_one: Callable[[Message, Sequence["Endpoint"]], Outcome],
) -> Sequence[Outcome]:
    """Sends each message to the endpoints of its user; `usable` reads them all at once."""
    try:
        known = usable([message.address for message in messages])
    except UnavailableError:
        return [Outcome(Verdict.NOT_ACCEPTED, reason=Reason.ENDPOINTS_UNAVAILABLE)] * len(messages)

    def send(message: Message) -> Outcome:
        endpoints = known.get(message.address)
        return send_one(message, endpoints) if endpoints else Outcome(Verdict.REFUSED, reason=Reason.NO_ENDPOINT)

    return send_each(send, messages)


# For a message or endpoint that cannot be put into a call, and for a call that broke in an unknown way.
_UNSENDABLE, _NOT_KNOWN = (
    Outcome(Verdict.REFUSED, reason=Reason.BAD_REQUEST),
    Outcome(Verdict.UNKNOWN, reason=Reason.REPLY_LOST),
)


def send_alone(send_one: Callable[[Message], Outcome], message: Message) -> Outcome:
    """One message, with its outcome, whatever is raised."""
    outcomes: list[Outcome] = []

    def alone(message: Message, error: Exception) -> None:
        log_failure("send", error, delivery=message.delivery_id)
        outcomes.append(_UNSENDABLE if is_final(error) else _NOT_KNOWN)

    outcomes += each(send_one, [message], alone=alone, stays=is_contained)
    return outcomes[0]


def send_each(send_one: Callable[[Message], Outcome], messages: Sequence[Message]) -> Sequence[Outcome]:
    """For providers that take one message per call: all at once, so that a batch takes as long as its slowest."""

    def send(message: Message) -> Outcome:
        return send_alone(send_one, message)

    if len(messages) < 2:
        return [send(message) for message in messages]
    with ThreadPoolExecutor(max_workers=len(messages)) as pool:
        return list(pool.map(send, messages))
