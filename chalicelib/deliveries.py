"""The states of a delivery, the allowed transitions, and what a notification shows for them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from chalicelib.errors import Phrase
from chalicelib.reasons import Reason, opened_on, reached_by


class DeliveryStatus(StrEnum):
    """A delivery moves forward only: waiting → queued → calling → sent → delivered | bounced | complained."""

    WAITING = "waiting"  # not tried yet: for a quiet hour to end, a digest, a channel before it
    QUEUED = "queued"  # tried before, waits for its next attempt
    CALLING = "calling"  # claimed: the provider is being called, or its answer is not known
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    CANCELLED = "cancelled"


S = DeliveryStatus
Status = tuple[DeliveryStatus | None, str | None]  # with its reason; None: there is no delivery

UNDER_WAY: frozenset[DeliveryStatus | None] = frozenset({None, S.WAITING, S.QUEUED, S.CALLING})  # None: no row yet
UNSENT = frozenset({S.SKIPPED, S.FAILED})  # certainly not sent: fit for a resend
ACCEPTED = frozenset({S.SENT, S.DELIVERED, S.BOUNCED, S.COMPLAINED})  # the provider accepted it
_REACHED_OTHERWISE = (reached_by(""), opened_on(""), Reason.IN_DIGEST, Reason.DUPLICATE)

# From which states each state may be entered.
ENTERED_FROM: dict[DeliveryStatus, frozenset[DeliveryStatus | None]] = {
    S.WAITING: frozenset({None, S.WAITING, S.QUEUED}),
    S.CALLING: frozenset({None, S.WAITING, S.QUEUED}),
    S.QUEUED: frozenset({S.CALLING}),
    # From `queued` too: what waits to be sent once more may turn out to have been sent, and then is not.
    S.SENT: frozenset({S.QUEUED, S.CALLING, S.UNCERTAIN}),
    S.DELIVERED: frozenset({S.QUEUED, S.CALLING, S.SENT, S.UNCERTAIN}),
    S.BOUNCED: frozenset({S.QUEUED, S.CALLING, S.SENT, S.DELIVERED, S.UNCERTAIN}),
    S.COMPLAINED: frozenset({S.QUEUED, S.CALLING, S.SENT, S.DELIVERED, S.BOUNCED, S.UNCERTAIN}),
    S.SKIPPED: frozenset({None, S.WAITING, S.QUEUED}),
    S.FAILED: frozenset({None, S.WAITING, S.QUEUED, S.CALLING, S.SENT, S.UNCERTAIN}),
    S.UNCERTAIN: frozenset({S.CALLING}),
    S.CANCELLED: frozenset({None, S.WAITING, S.QUEUED}),
}

# What a provider may say of a letter that it took, the better informed the later: of two that contradict each other the
# later one holds, whichever came first. What came back without saying why may be an automatic reply.
VERDICTS: tuple[Status, ...] = (
    (S.FAILED, Reason.RENDERING),
    (S.FAILED, Reason.REJECTED),
    (S.BOUNCED, Reason.RETURNED),
    (S.DELIVERED, None),
    (S.BOUNCED, Reason.SOFT_BOUNCE),
    (S.BOUNCED, Reason.CONTENT_REFUSED),
    (S.BOUNCED, Reason.WITHHELD),
    (S.BOUNCED, Reason.HARD_BOUNCE),
    (S.COMPLAINED, Reason.COMPLAINT),
)


_ANSWERS = frozenset({S.SENT, S.QUEUED})
# A person may reopen what was given up or is unknown.
REOPENED_FROM: frozenset[DeliveryStatus | None] = frozenset({S.FAILED, S.UNCERTAIN})


PLACES = 64  # a chunk has at most fifty letters
OWN, OWN_CHUNK = "own", "0"  # the spot of a letter that is a chunk of its own, and that chunk


class Spot(NamedTuple):
    """Where the outcomes of a letter are: in a chunk of a home, at a place."""

    home: str
    chunk: str
    place: int

    @property
    def text(self) -> str:
        """`<home>-<chunk>-<place>`, or OWN: only characters that SES allows in a tag."""
        return OWN if self.chunk == OWN_CHUNK else f"{self.home}-{self.chunk}-{self.place}"

    @property
    def variant(self) -> str | None:
        """Which variant of an experiment all letters of its chunk are; the names of other chunks have no capitals."""
        return self.chunk[0] if self.chunk[:1].isupper() else None

    @classmethod
    def of(cls, text: str, notification_id: str) -> "Spot":
        """The inverse of `text`; OWN is the letter's own. Raises: ValueError."""
        if text == OWN:
            return cls(notification_id, OWN_CHUNK, 0)
        home, chunk, place = text.rsplit("-", 2)
        if not (home and chunk and place.isdecimal() and int(place) < PLACES):
            raise ValueError("not a spot")
        return cls(home, chunk, int(place))


def variant_at(spot: str | None) -> str | None:
    """Which variant of an experiment the letter at a spot is."""
    return Spot.of(spot or OWN, "").variant


class DeliveryKey(NamedTuple):
    """Names one delivery; `id` is what providers get as a tag. `spot` says where its outcomes are (None: the
    notification's row knows) and is no part of its identity."""

    notification_id: str
    channel: str
    spot: str | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DeliveryKey) and self[:2] == other[:2]

    def __hash__(self) -> int:
        return hash(self[:2])

    @property
    def id(self) -> str:
        """`<notification id>_<channel>`: only characters that SES allows in a tag."""
        return f"{self.notification_id}_{self.channel}"

    @classmethod
    def of(cls, delivery_id: str, spot: str | None = None) -> "DeliveryKey":
        """The inverse of `id`. Raises: ValueError."""
        notification_id, separator, channel = delivery_id.partition("_")
        if not (separator and notification_id and channel):
            raise ValueError(Phrase("not a delivery id: {id}", id=delivery_id))
        return cls(notification_id, channel, spot)


ANY_KEY = DeliveryKey("", "")  # a placeholder, for what is the same of many deliveries


class Move(NamedTuple):
    """A transition of a delivery to `status`, from any state that may precede it.

    `owner` names the claim: a move to `calling` sets it; any other move with an owner requires it, so that a worker
    whose claim was taken over changes nothing.
    """

    key: DeliveryKey
    status: DeliveryStatus
    reason: str | None = None
    rule: str | None = None  # what decided it, for the timeline
    owner: str | None = None
    lease_until: datetime | None = None
    provider_id: str | None = None
    attempt: int | None = None
    by_hand: bool = False  # a person reopens it: from `failed` or `uncertain` back to `queued`
    resend: bool = False  # back to `queued` although the provider may have it: allowed once
    unclaimed: bool = False  # only where no worker has claimed it: a repeated message closes nothing that was sent
    expires_at_epoch: int | None = None  # default: the retention, from its creation
    provider: int | None = None  # whose servers it goes to (`mailbox_providers`), as it is claimed

    @property
    def is_answer(self) -> bool:
        """Whether a worker takes down that the provider has taken the letter, or has not yet. That it refused it is
        different: it may have taken it when it was called before."""
        return self.owner is not None and self.status in _ANSWERS and not (self.by_hand or self.resend)

    def fits(self, state: Status) -> bool:
        """Whether it may be made from a state."""
        if self.by_hand:
            return state[0] in REOPENED_FROM
        if self.unclaimed and state[0] not in (None, S.WAITING, S.QUEUED):
            return False
        return may_follow((self.status, self.reason), state)


def may_follow(after: Status, before: Status) -> bool:
    """Whether a state may be entered from another: by the table, and a verdict also from one that knows less."""
    plain, lower = _entered_from(*after)
    return before[0] in plain or before in lower


@lru_cache(maxsize=128)
def _entered_from(
    status: DeliveryStatus | None, reason: str | None
) -> tuple[frozenset[DeliveryStatus | None], frozenset[Status]]:
    """The states that may be left for this one, and the verdicts that may."""
    plain = ENTERED_FROM[status] if status else frozenset()
    if (status, reason) not in VERDICTS:
        return plain, frozenset()
    place = VERDICTS.index((status, reason))
    # What does not exist has no verdict, and none may follow one that knows more.
    return plain - {None, *(state for state, why in VERDICTS[place:] if why is None)}, frozenset(VERDICTS[:place])


def fit_for_resend(status: DeliveryStatus, reason: str | None) -> bool:
    """Whether the letter was not sent, and its reader did not get it on another channel."""
    return status in UNSENT and not (reason or "").startswith(_REACHED_OTHERWISE)


def run_tag(run_id: str) -> str:
    """A run's id in the characters that SES allows in a tag."""
    campaign_id, _, at = run_id.partition("@")
    return f"{campaign_id}_{at.replace(':', '-')}"


# What the API shows: the inner steps are all "processing".
_SHOWN = {S.WAITING: "scheduled", S.QUEUED: "processing", S.CALLING: "processing"}

# A notification on several channels shows its best status; unfinished work comes first.
_PRECEDENCE = (
    "processing",
    "delivered",
    "sent",
    "scheduled",
    "complained",
    "bounced",
    "uncertain",
    "failed",
    "cancelled",
    "skipped",
)


NOTIFICATION_STATUSES = ("accepted", *_PRECEDENCE)


def shown_status(status: DeliveryStatus) -> str:
    """What the API shows for a delivery's state."""
    return _SHOWN.get(status, status.value)


def notification_status(deliveries: Iterable[DeliveryStatus], *, channels: int, scheduled: bool) -> str:
    """The status of the notification: `accepted` or `scheduled` until a delivery exists, then the best of them."""
    shown = [shown_status(status) for status in deliveries]
    if not shown:
        return "scheduled" if scheduled else "accepted"
    if len(shown) < channels and not scheduled:
        shown.append("processing")
    return min(shown, key=_PRECEDENCE.index)


def time_name(moment: datetime) -> str:
    """`2026-11-22T18:00:00Z`: whole seconds, so that the same scheduled time is the same run."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def run_id(campaign_id: str, scheduled_at: str) -> str:
    """`<campaign id>@<scheduled time>`."""
    return f"{campaign_id}@{scheduled_at}"
