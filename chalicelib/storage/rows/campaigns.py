"""Campaigns: what was asked, its runs, how far each has come, and what is counted of them.

campaigns  part `head`: the campaign as it is now; part `version#<n>`: each version ever saved, written once
runs       one execution; its key (campaign, scheduled time) makes the same time the same run
shards     the stored cursor of each part of a run's fan-out, and of exports (`exports.py`)
parked     chunks that wait: for a resume, for the release of the rest of a run, for their time
counters   how many letters each hour saw (`storage/hourly_stats.py`), what the runs of each month brought
           (`storage/campaign_results.py`), and which runs are over (`storage/sent_runs.py`)
lists      uploaded audiences: part `head`, `block#<n>` with some hundred rows each, and `index#<n>`: where each address
           stands (`campaigns.list_index`); and saved segments: part `segment`
"""

from typing import Any

from pynamodb.attributes import (
    BinaryAttribute,
    ListAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection

from chalicelib.storage.dynamodb import JSONAttribute, StageTable, TableMeta

HEAD_PART = "head"
VERSION_PREFIX = "version#"
GONE_PART = "gone"
BLOCK_PREFIX = "block#"
SEGMENT_PART = "segment"
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


class ByChangeIndex(GlobalSecondaryIndex["CampaignRow"]):
    """What the list of campaigns shows of each, the last changed last: whoever has read it once reads what has changed
    since (`storage/campaign_desk.py`). There are some thousands, and a change is a person's or a minute's: one
    partition carries them."""

    class Meta:
        index_name = "by-change"
        projection = IncludeProjection(
            [
                "state",
                "about",
                "tags",
                "archived_at",
                "waits_for",
                "results",
                "created_at",
                "created_by",
                "service",
                "next_run_at",
            ],
        )

    desk: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    changed_at: UnicodeAttribute = UnicodeAttribute(range_key=True)


class CampaignRow(StageTable):
    """A campaign, or one version of it. `spec` is a whole `campaigns.model.Campaign`; `open_runs` the runs that are not
    finished; the two paces are those of the moment, as they may be changed while a run goes on."""

    class Meta(TableMeta):
        thing = "campaigns"

    id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    part: UnicodeAttribute = UnicodeAttribute(range_key=True)
    by_creation = ByCreationIndex()
    by_next_run = ByNextRunIndex()
    by_change = ByChangeIndex()
    listed = UnicodeAttribute(null=True)
    desk = UnicodeAttribute(null=True)
    changed_at = UnicodeAttribute(null=True)  # every write of the head sets it; none: the last release wrote it
    about: JSONAttribute = JSONAttribute(null=True)  # of the spec, what the list shows: its index cannot look inside
    tags: JSONAttribute = JSONAttribute(null=True)
    archived_at = UnicodeAttribute(null=True)
    copied_from = UnicodeAttribute(null=True)  # the campaign's id
    waits_for = UnicodeAttribute(null=True)  # a `states.Decision`, as it was noted last
    results: JSONAttribute = JSONAttribute(null=True)  # what its runs have brought (`storage.campaign_results`)
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
    audience_count: JSONAttribute = JSONAttribute(null=True)  # `storage.audience_counts`
    timeline: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute, default=list)
    expires_at_epoch = NumberAttribute(null=True)  # of a deleted draft's mark


class ByRecountIndex(GlobalSecondaryIndex["RunRow"]):
    """Finished runs that are counted again, as letters are opened for weeks."""

    class Meta:
        index_name = "by-recount"
        projection = KeysOnlyProjection()

    recount: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    recount_at: UnicodeAttribute = UnicodeAttribute(range_key=True)


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
    by_recount = ByRecountIndex()
    recount = UnicodeAttribute(null=True)
    recount_at = UnicodeAttribute(null=True)
    in_totals: JSONAttribute = JSONAttribute(null=True)  # what its campaign's and its month's totals have of it
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
    estimate = NumberAttribute(null=True)  # about how many recipients it has, as known when it was opened
    segments: JSONAttribute = JSONAttribute(null=True)  # of its audience, as they were
    variants: JSONAttribute = JSONAttribute(null=True)  # what the letters of each are made with
    decision: JSONAttribute = JSONAttribute(null=True)  # which of them the rest gets, and why; written once
    tested: JSONAttribute = JSONAttribute(null=True)  # what became of each, as it was counted last


class ByUploadIndex(GlobalSecondaryIndex["ListRow"]):
    """The lists, and the segments, newest last."""

    class Meta:
        index_name = "by-creation"
        projection = IncludeProjection(
            ["name", "state", "problem", "created_by", "loaded_at", "row_count", "bad_count"],
        )

    listed: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    created_at: UnicodeAttribute = UnicodeAttribute(range_key=True)

    @staticmethod
    def place_of(row: "ListRow") -> dict[str, Any]:
        """Where the index continues after a list."""
        place = {name: getattr(row, name) for name in ("listed", "created_at", "list_id", "part")}
        return {name: {"S": value} for name, value in place.items()}


class ListRow(StageTable):
    """An uploaded list, or a block of its rows; or a segment, whose `rule` is one of audiences. `rows` is JSON,
    compressed."""

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
    reading: JSONAttribute = JSONAttribute(null=True)  # a `campaigns.list_file.Reading`
    read_bytes = NumberAttribute(null=True)  # of the file's
    file_bytes = NumberAttribute(null=True)
    rows = BinaryAttribute(legacy_encoding=False, null=True)
    rule: JSONAttribute = JSONAttribute(null=True)
    note = UnicodeAttribute(null=True)
    version = NumberAttribute(null=True)  # of a segment: grows with each change
    updated_at = UnicodeAttribute(null=True)
    updated_by = UnicodeAttribute(null=True)
