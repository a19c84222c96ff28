"""Campaigns: what was asked, its runs, how far each has come, and what is counted of them.

campaigns  part `head`: the campaign as it is now; part `version#<n>`: each version ever saved, written once
runs       one execution; its key (campaign, scheduled time) makes the same time the same run
shards     the stored cursor of each part of a run's fan-out
parked     chunks that wait: for a resume, for the release of a canary, for a recipient's local hour
counters   how many letters each hour saw (`storage/hourly_stats.py`); the last release counted its runs here
lists      uploaded audiences: part `head`, `block#<n>` with some hundred rows each, and `index#<n>`: where each address
           stands (`campaigns.list_index`)
"""

from typing import Any

from pynamodb.attributes import (
    BinaryAttribute,
    BooleanAttribute,
    ListAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection

from chalicelib.storage.dynamodb import JSONAttribute, StageTable, TableMeta

HEAD_PART = "head"
VERSION_PREFIX = "version#"
BLOCK_PREFIX = "block#"
PARKED_PLACES = 4  # partitions of a run's waiting chunks
ONE = "1"  # the one partition of a small sparse index


class ByCreationIndex(GlobalSecondaryIndex["CampaignRow"]):
    """Campaigns, newest last. There are thousands at most: one partition carries them."""

    class Meta:
        index_name = "by-creation"
        projection = KeysOnlyProjection()

    listed: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    created_at: UnicodeAttribute = UnicodeAttribute(range_key=True)


class ByNextRunIndex(GlobalSecondaryIndex["CampaignRow"]):
    """Campaigns that have a next run and are not paused."""

    class Meta:
        index_name = "by-next-run"
        projection = KeysOnlyProjection()

    due: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    next_run_at: UnicodeAttribute = UnicodeAttribute(range_key=True)


class CampaignRow(StageTable):
    """A campaign, or one version of it. `spec` is a whole `campaigns.model.Campaign`; `open_runs` the runs that are not
    finished; the two paces are those of the moment, as they may be changed while a run goes on."""

    class Meta(TableMeta):
        thing = "campaigns"

    id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    part: UnicodeAttribute = UnicodeAttribute(range_key=True)
    by_creation = ByCreationIndex()
    by_next_run = ByNextRunIndex()
    listed = UnicodeAttribute(null=True)
    due = UnicodeAttribute(null=True)
    spec: JSONAttribute = JSONAttribute()
    version = NumberAttribute()
    created_at = UnicodeAttribute(null=True)
    created_by = UnicodeAttribute(null=True)
    service = UnicodeAttribute(null=True)  # whose key wrote it (`service_scope`)
    updated_at = UnicodeAttribute()
    updated_by = UnicodeAttribute()
    hands: UnicodeSetAttribute = UnicodeSetAttribute(null=True)  # of a version: who stands behind who wrote it
    state = UnicodeAttribute(null=True)
    asked: JSONAttribute = JSONAttribute(null=True)  # what approval was asked for, the newest last
    approved: JSONAttribute = JSONAttribute(null=True)  # `campaigns.letter_inputs` beside the spec's
    approved_tag = UnicodeAttribute(null=True)
    approved_site = UnicodeAttribute(null=True)  # the tag of the settings alone: workers compare it
    approved_by = UnicodeAttribute(null=True)
    approved_version = NumberAttribute(null=True)
    next_run_at = UnicodeAttribute(null=True)
    open_runs = UnicodeSetAttribute(null=True)
    newest_run: JSONAttribute = JSONAttribute(null=True)  # a `storage.runs.PlannedRun`
    rate_per_second = NumberAttribute(null=True)
    publish_per_second = NumberAttribute(null=True)
    refusals = NumberAttribute(null=True)  # in a row (`campaigns.halt`)
    timeline: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute, default=list)


class ByOpenIndex(GlobalSecondaryIndex["RunRow"]):
    """Runs that are not finished."""

    class Meta:
        index_name = "by-open"
        projection = KeysOnlyProjection()

    opened: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    scheduled_at: UnicodeAttribute = UnicodeAttribute(range_key=True)


class RunRow(StageTable):
    """One execution. All that its letters are made of is written down here once, so that an edit of the campaign or of
    its template changes nothing in a run that has begun."""

    class Meta(TableMeta):
        thing = "runs"

    campaign_id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    scheduled_at: UnicodeAttribute = UnicodeAttribute(range_key=True)
    by_open = ByOpenIndex()
    opened = UnicodeAttribute(null=True)
    run_id = UnicodeAttribute()
    version = NumberAttribute()
    spec: JSONAttribute = JSONAttribute()
    letter: JSONAttribute = JSONAttribute()
    channels: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute)
    shards = NumberAttribute()
    targeted = NumberAttribute(null=True)  # deliveries, once it is finished: its shards do not stay for ever
    samples: JSONAttribute = JSONAttribute(null=True)  # how it went: `progress.Sample`s as lists
    in_hours: JSONAttribute = JSONAttribute(null=True)  # what the picture of the hours has of it, by word
    counted: JSONAttribute = JSONAttribute(null=True)  # its deliveries by word, when they were counted last
    counted_at = UnicodeAttribute(null=True)
    outcome = UnicodeAttribute(null=True)  # completed | cancelled, once it is finished
    created_at = UnicodeAttribute()
    finished_at = UnicodeAttribute(null=True)
    canary_released_at = UnicodeAttribute(null=True)
    resend_of = UnicodeAttribute(null=True)  # the run whose unsent letters this one sends
    reasons: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute, null=True)
    homes = NumberAttribute(null=True)  # partitions of its chunks; none: the last release began it


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


class ByUploadIndex(GlobalSecondaryIndex["ListRow"]):
    """The lists, newest last."""

    class Meta:
        index_name = "by-creation"
        projection = IncludeProjection(
            ["name", "state", "problem", "created_by", "loaded_at", "row_count", "bad_count"],
        )

    listed: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    created_at: UnicodeAttribute = UnicodeAttribute(range_key=True)


class ListRow(StageTable):
    """An uploaded list, or a block of its rows. `rows` is JSON, compressed."""

    class Meta(TableMeta):
        thing = "lists"

    list_id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    part: UnicodeAttribute = UnicodeAttribute(range_key=True)
    by_creation = ByUploadIndex()
    listed = UnicodeAttribute(null=True)
    name = UnicodeAttribute(null=True)
    state = UnicodeAttribute(null=True)  # waiting | loading | ready | failed
    problem = UnicodeAttribute(null=True)
    problem_phrase: JSONAttribute = JSONAttribute(null=True)  # what it is made of, for other languages
    created_at = UnicodeAttribute(null=True)
    created_by = UnicodeAttribute(null=True)
    service = UnicodeAttribute(null=True)  # whose key uploaded it (`service_scope`)
    loaded_at = UnicodeAttribute(null=True)
    deleting_at = UnicodeAttribute(null=True)  # since when it is not there for anybody but who deletes it
    row_count = NumberAttribute(null=True)
    blocks = NumberAttribute(null=True)
    content = UnicodeAttribute(null=True)  # the digest of its rows
    bad_count = NumberAttribute(null=True)
    bad_lines: JSONAttribute = JSONAttribute(null=True)
    rows = BinaryAttribute(legacy_encoding=False, null=True)
