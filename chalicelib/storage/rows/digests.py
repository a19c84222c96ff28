"""What waits to be sent together: one row a notification, kept under its user."""

from typing import Any

from pynamodb.attributes import ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from chalicelib.storage.dynamodb import JSONAttribute, StageTable, TableMeta

DIGEST_SHARDS = 4


class ByDigestTimeIndex(GlobalSecondaryIndex["DigestRow"]):
    """Rows by the moment at which they are to be sent."""

    class Meta:
        index_name = "by-due"
        projection = KeysOnlyProjection()

    due_shard: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    due_at: UnicodeAttribute = UnicodeAttribute(range_key=True)


class DigestRow(StageTable):
    """One letter that was collected. `letter` is a whole `pipeline.jobs.LetterSpec`; once `batch` is set, `fate` says
    what becomes of it: `{line}` or `{reason}`."""

    class Meta(TableMeta):
        thing = "digests"

    user_id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    notification_id: UnicodeAttribute = UnicodeAttribute(range_key=True)
    by_due = ByDigestTimeIndex()
    due_shard = UnicodeAttribute()
    due_at = UnicodeAttribute()
    letter: JSONAttribute = JSONAttribute()
    context: JSONAttribute = JSONAttribute(default=dict)
    channels: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute)
    locale = UnicodeAttribute()
    batch = UnicodeAttribute(null=True)
    fate: JSONAttribute = JSONAttribute(null=True)
    spot = UnicodeAttribute(null=True)
    expires_at_epoch = NumberAttribute(null=True)
