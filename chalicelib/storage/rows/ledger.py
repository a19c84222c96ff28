"""The ledger: one item collection a notification, kept under its id.

part `notification`  what was asked, for whom: written once by `accept`, never changed
part `delivery#<channel>`  the state of one delivery: written by `storage/ledger.py` alone, forward only
part `event`  (under an id of the event's own) what followed from an event
part `request`  (under the request's own id) the call that made the notifications: body, idempotency, release time
"""

from typing import Any, ClassVar

from pynamodb.attributes import (
    Attribute,
    DiscriminatorAttribute,
    ListAttribute,
    NumberAttribute,
    UnicodeAttribute,
)
from pynamodb.constants import NUMBER, STRING
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection

from chalicelib.storage.dynamodb import JSONAttribute, StageTable, TableMeta

NOTIFICATION_PART = "notification"
REQUEST_PART = "request"
EVENT_PART = "event"
DELIVERY_PREFIX = "delivery#"  # and the channel
DAY_SHARDS = 4  # a partition of an index takes 1,000 writes a second
UNSENT_SHARDS = 8
HISTORY_FIELDS = [
    "kind",
    "request_id",
    "recipient",
    "template",
    "template_version",
    "category",
    "lane",
    "channels",
    "send_at",
    "expires_at",
    "campaign_id",
    "run_id",
]


def day_shards(day: str) -> list[str]:
    """The partitions of the by-day index for a day such as `2026-11-23`."""
    return [f"{day}#{n}" for n in range(DAY_SHARDS)]


def day_shard(created_at: str, notification_id: str) -> str:
    """The one of them in which a notification stands."""
    return day_shards(created_at[:10])[int(notification_id[:8], 16) % DAY_SHARDS]


def unsent_shard(run_id: str, notification_id: str) -> str:
    """The partition of the by-unsent index for a delivery."""
    return f"{run_id}#{int(notification_id[:8], 16) % UNSENT_SHARDS}"


# Every index holds `kind`: PynamoDB filters what it reads by it, and a row without it would never be found.


class ByUserIndex(GlobalSecondaryIndex["LedgerRow"]):
    """A user's history, newest last. Only the row that heads a notification carries `user_id`."""

    class Meta:
        index_name = "by-user"
        projection = IncludeProjection(HISTORY_FIELDS)

    user_id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    created_at: UnicodeAttribute = UnicodeAttribute(range_key=True)


class ByDueIndex(GlobalSecondaryIndex["LedgerRow"]):
    """Requests that wait for their time; a row leaves the index when it is released."""

    class Meta:
        index_name = "by-due"
        projection = IncludeProjection(["kind"])

    due_shard: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    due_at: UnicodeAttribute = UnicodeAttribute(range_key=True)


class ByAttentionIndex(GlobalSecondaryIndex["LedgerRow"]):
    """Deliveries that wait for a person."""

    class Meta:
        index_name = "by-attention"
        projection = IncludeProjection(["kind"])

    attention: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    attention_at: UnicodeAttribute = UnicodeAttribute(range_key=True)


class ByUnsentIndex(GlobalSecondaryIndex["LedgerRow"]):
    """Deliveries of campaigns that were certainly not sent, by their reason, for a resend."""

    class Meta:
        index_name = "by-unsent"
        projection = IncludeProjection(["kind"])

    unsent_run: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    reason: UnicodeAttribute = UnicodeAttribute(range_key=True)


class ByDayIndex(GlobalSecondaryIndex["LedgerRow"]):
    """What was asked for on a day (UTC), except for campaigns, whose letters are found through their campaign."""

    class Meta:
        index_name = "by-day"
        projection = IncludeProjection([*HISTORY_FIELDS, "created_at"])

    day: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    place: UnicodeAttribute = UnicodeAttribute(range_key=True)


class VersionAttribute(Attribute[int | str]):
    """A template's version: a number, or a name. Stored as text; older rows have numbers."""

    attr_type = STRING

    def serialize(self, value: int | str) -> str:
        """Overrides PynamoDB's."""
        return str(value)

    def deserialize(self, value: str) -> int | str:
        """Overrides PynamoDB's."""
        return int(value) if value.isdecimal() else value

    def get_value(self, value: dict[str, Any]) -> Any:
        """Overrides PynamoDB's."""
        return value[NUMBER] if NUMBER in value else super().get_value(value)


class LedgerRow(StageTable):
    """What the three kinds of rows share."""

    class Meta(TableMeta):
        thing = "ledger"

    notification_id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    part: UnicodeAttribute = UnicodeAttribute(range_key=True)
    kind: ClassVar[DiscriminatorAttribute] = DiscriminatorAttribute()
    by_user = ByUserIndex()
    by_due = ByDueIndex()
    by_attention = ByAttentionIndex()
    by_unsent = ByUnsentIndex()
    by_day = ByDayIndex()
    created_at = UnicodeAttribute()
    request_id = UnicodeAttribute(null=True)
    expires_at_epoch = NumberAttribute(null=True)


class RequestRow(LedgerRow, discriminator="request"):
    """One accepted call, with all that its jobs are made of. `body_hash` tells a retry from another use of its key."""

    caller = UnicodeAttribute()
    body_hash = UnicodeAttribute()
    letter: JSONAttribute = JSONAttribute()
    channels: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute)
    recipients: JSONAttribute = JSONAttribute()
    send_at = UnicodeAttribute(null=True)
    due_shard = UnicodeAttribute(null=True)
    due_at = UnicodeAttribute(null=True)


class NotificationRow(LedgerRow, discriminator="notification"):
    """What was asked for one recipient. `recipient` is `{user_id}` or `{email, …}` as given; `user_id` is whose it is:
    a user, or the owner of the address (`addresses.owner_of`). `service` asked for it (`service_scope`); it is in no
    index, as AWS changes the projection of none."""

    user_id = UnicodeAttribute(null=True)
    template = UnicodeAttribute()
    template_version: VersionAttribute = VersionAttribute()
    category = UnicodeAttribute()
    lane = UnicodeAttribute()
    channels: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute)
    recipient: JSONAttribute = JSONAttribute()
    send_at = UnicodeAttribute(null=True)
    expires_at = UnicodeAttribute(null=True)
    campaign_id = UnicodeAttribute(null=True)
    run_id = UnicodeAttribute(null=True)
    service = UnicodeAttribute(null=True)
    day = UnicodeAttribute(null=True)
    place = UnicodeAttribute(null=True)


class EventRow(LedgerRow, discriminator="event"):
    """One event that a service told us, with the steps of its rule as they were then, and the versions (of template and
    layout) of each, so that a repetition of the event makes the same letters. Nothing personal: the event itself is not
    kept."""

    caller = UnicodeAttribute()
    body_hash = UnicodeAttribute()
    steps: JSONAttribute = JSONAttribute()
    editions: JSONAttribute = JSONAttribute(null=True)
    taken_at = UnicodeAttribute(null=True)


class DeliveryRow(LedgerRow, discriminator="delivery"):
    """One notification on one channel. `timeline` is a list of JSON texts, oldest first."""

    status = UnicodeAttribute()
    reason = UnicodeAttribute(null=True)
    attempt = NumberAttribute(default=0)
    owner = UnicodeAttribute(null=True)
    lease_until = UnicodeAttribute(null=True)
    resends = NumberAttribute(null=True)
    provider_id = UnicodeAttribute(null=True)
    timeline: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute, default=list)
    # Of people: the first and the last time before the delivery was told, to be judged by its time then.
    opened_at = UnicodeAttribute(null=True)
    opened_last_at = UnicodeAttribute(null=True)
    clicked_at = UnicodeAttribute(null=True)
    clicked_last_at = UnicodeAttribute(null=True)
    machine_opened_at = UnicodeAttribute(null=True)
    machine_clicked_at = UnicodeAttribute(null=True)
    delivered_at = UnicodeAttribute(null=True)  # as the provider says
    delayed_at = UnicodeAttribute(null=True)
    unsubscribed_at = UnicodeAttribute(null=True)
    run_id = UnicodeAttribute(null=True)  # the campaign's run whose counters count it
    unsent_run = UnicodeAttribute(null=True)
    attention = UnicodeAttribute(null=True)
    attention_at = UnicodeAttribute(null=True)
