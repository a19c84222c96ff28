"""The states of a delivery, which moves are allowed, and what a notification shows for them."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache


class DeliveryStatus(StrEnum):
    """A delivery moves forward only: waiting → queued → calling → sent → delivered | bounced | complained; the rest is
    aside."""

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

# From which states each state may be entered; None stands for "no row yet".
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
VERDICTS: tuple[tuple[DeliveryStatus, str | None], ...] = (
    (S.FAILED, "provider_rendering"),
    (S.FAILED, "rejected"),
    (S.BOUNCED, "returned"),
    (S.DELIVERED, None),
    (S.BOUNCED, "soft_bounce"),
    (S.BOUNCED, "content_refused"),
    (S.BOUNCED, "withheld"),
    (S.BOUNCED, "hard_bounce"),
    (S.COMPLAINED, "complaint"),
)


@lru_cache(maxsize=128)
def entered_from(
    status: DeliveryStatus, reason: str | None
) -> tuple[frozenset[DeliveryStatus | None], Mapping[DeliveryStatus, frozenset[str]]]:
    """The states that may be left for this one, and those that may be where their reason says that they are verdicts
    that know less."""
    plain = ENTERED_FROM[status]
    if (status, reason) not in VERDICTS:
        return plain, {}
    place = VERDICTS.index((status, reason))
    plain -= {None, *(state for state, why in VERDICTS[place:] if why is None)}  # nothing is said of what is not there
    lower: dict[DeliveryStatus, frozenset[str]] = {}
    for state, why in VERDICTS[:place]:
        if why is not None and state not in plain:
            lower[state] = lower.get(state, frozenset()) | {why}
    return plain, lower


# A person may open again what was given up or is not known.
REOPENED_FROM: frozenset[DeliveryStatus | None] = frozenset({S.FAILED, S.UNCERTAIN})

# What the API shows for a delivery: its inner steps are one "processing".
_SHOWN = {S.WAITING: "scheduled", S.QUEUED: "processing", S.CALLING: "processing"}

# A notification on several channels shows its best news; work still going on comes before all.
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
    """One word for the notification: `accepted` or `scheduled` until a delivery exists, then the best of them."""
    shown = [shown_status(status) for status in deliveries]
    if not shown:
        return "scheduled" if scheduled else "accepted"
    if len(shown) < channels and not scheduled:
        shown.append("processing")
    return min(shown, key=_PRECEDENCE.index)
