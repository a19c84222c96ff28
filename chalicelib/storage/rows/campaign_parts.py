"""What is kept beside campaigns and their runs: how far each part of a run has come, chunks that wait, and counts by
the hour and by the month."""

from pynamodb.attributes import BinaryAttribute, BooleanAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.storage.dynamodb import JSONAttribute, StageTable, TableMeta


class ShardRow(StageTable):
    """How far one part of a fan-out has come. `pending` is the page that `cursor` has already passed and that may not
    be published yet; `step` counts the pages and guards every write."""

    class Meta(TableMeta):
        thing = "shards"

    run_id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    shard: UnicodeAttribute = UnicodeAttribute(range_key=True)
    step = NumberAttribute(default=0)
    cursor: JSONAttribute = JSONAttribute(null=True)
    pending = BinaryAttribute(legacy_encoding=False, null=True)
    exhausted = BooleanAttribute(default=False)
    done = BooleanAttribute(default=False)
    targeted = NumberAttribute(default=0)
    canary = NumberAttribute(default=0)
    letters_at = NumberAttribute(default=0)
    resume_at = NumberAttribute(default=0)
    expires_at_epoch = NumberAttribute(null=True)


class ParkedRow(StageTable):
    """A chunk that waits. `place` is `<run id>#<n>`; `slot` is `at#<time>#<digest>`, `canary#<digest>` or
    `paused#<digest>`: the same chunk parked twice is one row."""

    class Meta(TableMeta):
        thing = "parked"

    place: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    slot: UnicodeAttribute = UnicodeAttribute(range_key=True)
    chunk: JSONAttribute = JSONAttribute()
    expires_at_epoch = NumberAttribute(null=True)


class CounterRow(StageTable):
    """What one hour saw, in one of `hourly_stats.PLACES`. Beside the keys it has an attribute for each word that was
    counted."""

    class Meta(TableMeta):
        thing = "counters"

    run_id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    shard: UnicodeAttribute = UnicodeAttribute(range_key=True)
