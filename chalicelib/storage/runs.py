"""Runs of campaigns. A run is opened by a conditional put on a key derived from its time, and recorded at its campaign
in the same transaction."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.deliveries import run_id
from chalicelib.isolation import each
from chalicelib.states import CampaignState as S
from chalicelib.states import RunOutcome
from chalicelib.storage.campaign_head import CampaignHead, Spec, unchanged
from chalicelib.storage.dynamodb import reaching_dynamodb, transaction, update_if
from chalicelib.storage.rows.campaigns import HEAD_PART, ONE, CampaignRow, RunRow
from chalicelib.storage.values import find, raw_query, read_each, value_of


class Run(NamedTuple):
    """One execution. Everything that its letters are made of is stored here once: `letter` is a
    `pipeline.jobs.LetterSpec`. `opened` as long as it is not finished; `targeted` (deliveries) and `outcome` are known
    afterwards. `samples` are `[at, sent, delivered, opened, clicked]`, `in_hours` is what the hourly statistics have of
    it, by word, `resend_of` the run whose unsent letters it sends, for these `reasons`.
    `homes` are the partitions of its chunks; None: the last release began it."""

    campaign_id: str
    scheduled_at: str
    run_id: str
    version: int
    spec: Spec
    letter: Mapping[str, Any]
    channels: Sequence[str]
    shards: int
    created_at: str
    opened: bool = False
    targeted: int | None = None
    samples: Sequence[Sequence[Any]] = ()
    in_hours: Mapping[str, int] = {}
    outcome: RunOutcome | None = None
    finished_at: str | None = None
    canary_released_at: str | None = None
    resend_of: str | None = None
    reasons: Sequence[str] | None = None
    homes: int | None = None


class PlannedRun(NamedTuple):
    """What is needed to read a run's progress: `channels` counts them, `targeted` is known once it is finished, as its
    shards are deleted."""

    run_id: str
    scheduled_at: str
    shards: int
    channels: int
    targeted: int | None = None
    homes: int = 0  # the last release began it

    @classmethod
    def of(cls, run: Run) -> "PlannedRun":
        """A run's."""
        return cls(run.run_id, run.scheduled_at, run.shards, len(run.channels), run.targeted, run.homes or 0)

    @classmethod
    def newest(cls, head: CampaignHead) -> "PlannedRun | None":
        """That of a campaign's newest run, which its head keeps."""
        return cls(**head.newest_run) if head.newest_run else None


class Runs:
    """Every method raises: UnavailableError (retryable)."""

    def get(self, campaign_id: str, scheduled_at: str) -> Run | None:
        """A run as of now."""
        row = find(RunRow, campaign_id, scheduled_at)
        return None if row is None else _read(row)

    def of(self, campaign_id: str, *, limit: int | None = None) -> list[Run]:
        """The runs of a campaign, newest first. A damaged one is logged, and missing."""
        with reaching_dynamodb():
            return read_each(RunRow, raw_query(RunRow, campaign_id, most=limit, scan_index_forward=False), _read)

    def unfinished(self) -> list[tuple[str, str]]:
        """Campaign and scheduled time of all that are open. The index may lag behind."""
        with reaching_dynamodb():
            return [(row.campaign_id, row.scheduled_at) for row in RunRow.by_open.query(ONE)]

    def recipients(self, campaign_id: str) -> list[tuple[str, bool]]:
        """The ids of a campaign's runs, damaged ones too, and whether each may have gone to addresses."""
        with reaching_dynamodb():
            items = list(raw_query(RunRow, campaign_id))
        return [(run_id(campaign_id, item["scheduled_at"]["S"]), _may_have_addresses(item)) for item in items]

    def add(self, head: CampaignHead, run: Run) -> bool:
        """Opens a run and records it at its campaign, both or neither; False if this time has a run already, or the
        campaign's version or approval has changed."""
        values = {**run._asdict(), "opened": ONE}
        row = RunRow(**{name: value for name, value in values.items() if value not in (None, (), {})})

        def write(writes: TransactWrite) -> None:
            noted: list[Action] = [CampaignRow.open_runs.add({run.scheduled_at})]
            writes.save(row, condition=RunRow.campaign_id.does_not_exist())
            writes.update(CampaignRow(head.id, HEAD_PART), actions=noted, condition=unchanged(head))

        return transaction(write)

    def note_open(self, head: CampaignHead, run: Run) -> CampaignHead:
        """Notes at the campaign that it runs, and which run is its newest."""
        row, known = CampaignRow(head.id, HEAD_PART), PlannedRun.newest(head)
        actions: list[Action] = [CampaignRow.open_runs.add({run.scheduled_at})]
        if known is None or known.scheduled_at <= run.scheduled_at:
            actions.append(CampaignRow.newest_run.set(PlannedRun.of(run)._asdict()))
        update_if(row, actions, None)
        update_if(row, [CampaignRow.state.set(S.RUNNING)], CampaignRow.state == S.SCHEDULED)
        return value_of(CampaignHead, row)

    def note_finished(self, head: CampaignHead, run: Run, *, targeted: int) -> None:
        """Takes a run off the campaign's open ones, and moves the campaign on when it was the last."""
        row, known = CampaignRow(head.id, HEAD_PART), PlannedRun.newest(head)
        if known is not None and known.run_id == run.run_id:
            newest = known._replace(targeted=targeted)._asdict()
            update_if(row, [CampaignRow.newest_run.set(newest)], CampaignRow.newest_run == head.newest_run)
        update_if(row, [CampaignRow.open_runs.delete({run.scheduled_at})], None)
        idle: Condition = (CampaignRow.state == S.RUNNING) & CampaignRow.open_runs.does_not_exist()
        if not update_if(row, [CampaignRow.state.set(S.SCHEDULED)], idle & CampaignRow.next_run_at.exists()):
            update_if(row, [CampaignRow.state.set(S.COMPLETED)], idle & CampaignRow.next_run_at.does_not_exist())

    def note(
        self, run: Run, samples: Sequence[Sequence[Any]], in_hours: Mapping[str, int], counted: Mapping[str, int]
    ) -> bool:
        """Stores an open run's progress; False, with nothing done, if it is finished."""
        return self._update(run, {"samples": list(samples), "in_hours": dict(in_hours), "counted": dict(counted)})

    def close(self, run: Run, *, outcome: RunOutcome, at: str, targeted: int) -> bool:
        """Finishes an open run; False, with nothing done, if it is finished already."""
        return self._update(run, {"opened": None, "outcome": outcome, "finished_at": at, "targeted": targeted})

    def release_canary(self, run: Run, *, at: str) -> Run | None:
        """Releases the rest of an open run; None, with nothing done, if it was released already."""
        row = RunRow(run.campaign_id, run.scheduled_at)
        held = RunRow.opened.exists() & RunRow.canary_released_at.does_not_exist()
        return _read(row) if update_if(row, [RunRow.canary_released_at.set(at)], held) else None

    def _update(self, run: Run, changes: Mapping[str, Any]) -> bool:
        attributes = [(getattr(RunRow, name), value) for name, value in changes.items()]
        actions = [one.remove() if value is None else one.set(value) for one, value in attributes]
        return update_if(RunRow(run.campaign_id, run.scheduled_at), actions, RunRow.opened.exists())


def _read(row: RunRow) -> Run:
    return value_of(Run, row)._replace(opened=row.opened is not None)


def _may_have_addresses(item: Mapping[str, Any]) -> bool:
    def has(one: Mapping[str, Any]) -> bool:
        return json.loads(one["spec"]["S"])["audience"].get("list_id") is not None

    return each(has, [item], alone=lambda *_: None) != [False]
