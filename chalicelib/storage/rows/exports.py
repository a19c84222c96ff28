"""Exports of a run's recipients. They stand in the table of the fan-out's shards, as they are passes over a run too."""

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.storage.dynamodb import JSONAttribute, StageTable, TableMeta


class ExportRow(StageTable):
    """How far a file has come: a `storage.recipient_exports.RecipientExport`. `run_id` is `exports#<run id>`, `shard`
    the export's id; `number` counts the steps that were begun, and guards the end of each."""

    class Meta(TableMeta):
        thing = "shards"

    run_id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    shard: UnicodeAttribute = UnicodeAttribute(range_key=True)
    state = UnicodeAttribute()
    created_at = UnicodeAttribute()
    created_by = UnicodeAttribute()
    asked: JSONAttribute = JSONAttribute(default=dict)
    labels: JSONAttribute = JSONAttribute(null=True)
    step = NumberAttribute(default=0)
    number = NumberAttribute(default=0)
    lease_until = NumberAttribute(default=0)
    upload_id = UnicodeAttribute(null=True)
    cursor: JSONAttribute = JSONAttribute(null=True)
    rest = NumberAttribute(null=True)
    parts: JSONAttribute = JSONAttribute(default=list)
    rows = NumberAttribute(default=0)
    size_bytes = NumberAttribute(default=0)
    finished_at = UnicodeAttribute(null=True)
    expires_at_epoch = NumberAttribute()
