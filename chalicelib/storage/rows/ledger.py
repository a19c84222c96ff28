"""The ledger: one item collection a notification, kept under its id.

part `notification`  what was asked, for whom: written once by `accept`, or by `enrich` for a campaign; never changed
part `outcomes#<chunk>#<channel>`  (under the home of a chunk of letters; of a single one its own id) what became of
    them: written by `storage/ledger.py` alone, forward only
part `roster#<chunk>`, `ids#<chunk>#<channel>`  (beside it) which letters they are, and the provider's names for them
part `event`  (under an id of the event's own) what followed from an event
part `request`  (under the request's own id) the call that made the notifications: body, idempotency, release time
"""

from typing import Any, ClassVar

from pynamodb.attributes import (
    Attribute,
    BooleanAttribute,
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
ATTENTION = "uncertain"  # the one partition of the index of what waits for a person
DAY_SHARDS = 4  # a partition of an index takes 1,000 writes a second
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


PLACE_MARK = "#"  # in the place of a row, behind its moment; a bare moment is the end of what is left


def place_in_day(created_at: str, notification_id: str) -> str:
    """The position of a notification in its day."""
    return f"{created_at}{PLACE_MARK}{notification_id}"


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
    """Chunks with deliveries that wait for a person."""

    class Meta:
        index_name = "by-attention"
        projection = IncludeProjection(["kind"])

    attention: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    attention_at: UnicodeAttribute = UnicodeAttribute(range_key=True)


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
    """What its rows share."""

    class Meta(TableMeta):
        thing = "ledger"

    notification_id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    part: UnicodeAttribute = UnicodeAttribute(range_key=True)
    kind: ClassVar[DiscriminatorAttribute] = DiscriminatorAttribute()
    by_user = ByUserIndex()
    by_due = ByDueIndex()
    by_attention = ByAttentionIndex()
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
    spots = BooleanAttribute(null=True)


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
    spot = UnicodeAttribute(null=True)  # where its outcomes are (`deliveries.Spot`)


class EventRow(LedgerRow, discriminator="event"):
    """One event that a service told us, with the steps of its rule as they were then, and the versions (of template and
    layout) of each, so that a repetition of the event makes the same letters. Nothing personal: the event itself is not
    kept."""

    caller = UnicodeAttribute()
    body_hash = UnicodeAttribute()
    steps: JSONAttribute = JSONAttribute()
    editions: JSONAttribute = JSONAttribute(null=True)
    taken_at = UnicodeAttribute(null=True)
