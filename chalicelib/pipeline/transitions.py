"""A move of a delivery to another status: what it is, and from which states it may be made. `ledger.py` makes moves, in
the words of `transition_writes.py`; whoever works on deliveries wishes them.
"""

from collections.abc import Hashable, Mapping
from datetime import datetime
from typing import NamedTuple

from chalicelib.pipeline.run_counters import UNDER_WAY, UNSENT, Supposed, unsent_place
from chalicelib.pipeline.statuses import REOPENED_FROM, DeliveryStatus, S, entered_from
from chalicelib.pipeline.transaction import OWN_MOMENT, OWN_VALUE


class DeliveryKey(NamedTuple):
    """Names one delivery; `id` is what providers get as a tag."""

    notification_id: str
    channel: str

    @property
    def id(self) -> str:
        """`<notification id>_<channel>`: only characters that SES allows in a tag."""
        return f"{self.notification_id}_{self.channel}"

    @classmethod
    def of(cls, delivery_id: str) -> "DeliveryKey":
        """The inverse of `id`. Raises: ValueError."""
        notification_id, separator, channel = delivery_id.partition("_")
        if not (separator and notification_id and channel):
            raise ValueError(f"not a delivery id: {delivery_id}")
        return cls(notification_id, channel)


ANY_KEY = DeliveryKey("", "")  # of a move that is said of many


class Move(NamedTuple):
    """One wished change of a delivery to `status`, from any state that may precede it.

    `owner` names the claim: a move to `calling` sets it, any other move that gives one demands it, so that a worker
    whose claim was taken over changes nothing. `run_id` is that of a campaign; whoever does not know it may leave it
    out, at the price of one more request.
    """

    key: DeliveryKey
    status: DeliveryStatus
    reason: str | None = None
    rule: str | None = None  # what decided it, for the timeline
    owner: str | None = None
    lease_until: datetime | None = None
    provider_id: str | None = None
    attempt: int | None = None
    request_id: str | None = None
    run_id: str | None = None
    by_hand: bool = False  # a person opens it again: from `failed` or `uncertain` back to `queued`
    resend: bool = False  # back to `queued` although the provider may have it: allowed once
    unclaimed: bool = False  # only where no worker has claimed it: a repeated message closes nothing that was sent
    told_at: str | None = None  # of a delivery: when it was, as the provider says
    expires_at_epoch: int | None = None  # default: the retention, since it was made


def first_guess(move: Move) -> Supposed:
    """The likeliest: nothing is counted yet, and nothing is there at a first claim. What follows from a letter comes
    after its record; a person opens again what was counted."""
    before = states_before(move)
    if move.status is S.CALLING and move.attempt == 1:
        return Supposed(move.run_id, new=True)
    if move.run_id is not None and DeliveryStatus.SENT in before:
        return Supposed(move.run_id, DeliveryStatus.SENT)
    if move.run_id is None or before & UNDER_WAY:
        return Supposed(move.run_id)
    return Supposed(move.run_id, DeliveryStatus.UNCERTAIN)


def states_before(move: Move, supposed: Supposed | None = None) -> frozenset[DeliveryStatus | None]:
    """The states that a move may be made from, of those that are supposed."""
    plain, lower = _entered_from(move)
    before = plain | lower.keys()
    if supposed is not None and supposed.run_id is not None:
        before &= UNDER_WAY if supposed.status is None else {supposed.status}
    return before


def verdicts_before(move: Move) -> Mapping[DeliveryStatus, frozenset[str]]:
    """States that it may be made from where these are their reasons."""
    return _entered_from(move)[1]


def _entered_from(
    move: Move,
) -> tuple[frozenset[DeliveryStatus | None], Mapping[DeliveryStatus, frozenset[str]]]:
    if move.by_hand:
        return REOPENED_FROM, {}
    plain, lower = entered_from(move.status, move.reason)
    return (plain & {None, S.WAITING, S.QUEUED}, {}) if move.unclaimed else (plain, lower)


def shape(move: Move, supposed: Supposed) -> Hashable:
    """Equal for moves whose expressions differ in nothing but the provider's id and time."""
    place = unsent_place(supposed.run_id, move.key.notification_id) if supposed.run_id and move.status in UNSENT else ""
    own = move._replace(
        key=ANY_KEY,
        provider_id=OWN_VALUE if move.provider_id else None,
        told_at=OWN_MOMENT if move.told_at else None,
    )
    return own, supposed, place
