"""Runs of campaigns. A run is opened by a conditional put on a key derived from its time, and recorded at its campaign
in the same transaction."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.clock import parse_rfc3339
from chalicelib.deliveries import run_id
from chalicelib.isolation import each
from chalicelib.states import CampaignState as S
from chalicelib.states import RunOutcome
from chalicelib.storage.campaign_head import CampaignHead, Spec, changed, unchanged
from chalicelib.storage.dynamodb import reaching_dynamodb, transaction, update_if
from chalicelib.storage.rows.campaigns import HEAD_PART, ONE, CampaignRow, RunRow
from chalicelib.storage.values import find, raw_query, read_each, value_of


class Run(NamedTuple):
    """One execution. Everything that its letters are made of is stored here once: `letter` is a
    `pipeline.jobs.LetterSpec`. `opened` as long as it is not finished; `targeted` (deliveries) and `outcome` are known
    afterwards. `samples` are `[at, sent, delivered, opened, clicked]`, `in_hours` is what the hourly statistics have of
    it, by word, `resend_of` the run whose unsent letters it sends, for these `reasons`.
    `homes` are the partitions of its chunks; None: the last release began it. `estimate`: about how many recipients it
    has, as known when it was opened. `segments` are those of its audience as they were then, `{name, rule}` by id.
    `in_totals` is what its campaign's results and its month have of it.
    `variants` is what the letters of each variant of an experiment are made with (`campaigns.variant_letters`),
    `decision` which of them the rest gets (`campaigns.experiment.WinnerDecision`), `tested` what became of them, as it
    was counted last."""

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
    estimate: int | None = None
    segments: Mapping[str, Mapping[str, Any]] = {}
    in_totals: Mapping[str, Any] | None = None
    recount_at: str | None = None
    variants: Mapping[str, Mapping[str, Any]] | None = None
    decision: Mapping[str, Any] | None = None
    tested: Mapping[str, Any] | None = None

    def releases_rest(self, at: datetime) -> bool:
        """Whether the rest that was held goes out by then."""
        released = self.decision["rest_at"] if self.decision else self.canary_released_at
        return released is not None and parse_rfc3339(released) <= at


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
        actions: list[Action] = [CampaignRow.open_runs.add({run.scheduled_at}), *changed()]
        if known is None or known.scheduled_at <= run.scheduled_at:
            actions.append(CampaignRow.newest_run.set(PlannedRun.of(run)._asdict()))
        if not update_if(row, [*actions, CampaignRow.state.set(S.RUNNING)], CampaignRow.state == S.SCHEDULED):
            update_if(row, actions, None)
        return value_of(CampaignHead, row)

    def note_finished(self, head: CampaignHead, run: Run, *, targeted: int) -> None:
        """Takes a run off the campaign's open ones, and moves the campaign on when it was the last."""
        row, known = CampaignRow(head.id, HEAD_PART), PlannedRun.newest(head)
        ended: list[Action] = [CampaignRow.open_runs.delete({run.scheduled_at})]
        same: Condition | None = None
        if known is not None and known.run_id == run.run_id:
            ended.append(CampaignRow.newest_run.set(known._replace(targeted=targeted)._asdict()))
            same = CampaignRow.newest_run == head.newest_run
        if not update_if(row, ended, same):
            update_if(row, ended[:1], None)  # a newer run has begun
        if row.state != S.RUNNING or row.open_runs:
            return
        idle: Condition = (CampaignRow.state == S.RUNNING) & CampaignRow.open_runs.does_not_exist()
        planned = CampaignRow.next_run_at
        waits, over = (S.SCHEDULED, idle & planned.exists()), (S.COMPLETED, idle & planned.does_not_exist())
        for state, condition in (waits, over) if row.next_run_at else (over, waits):
            if update_if(row, [CampaignRow.state.set(state), *changed()], condition):
                return

    def note(
        self, run: Run, samples: Sequence[Sequence[Any]], in_hours: Mapping[str, int], counted: Mapping[str, int]
    ) -> bool:
        """Stores an open run's progress; False, with nothing done, if it is finished."""
        return self._update(run, {"samples": list(samples), "in_hours": dict(in_hours), "counted": dict(counted)})

    def close(
        self, run: Run, *, outcome: RunOutcome, at: str, targeted: int, recount_at: str, gathered: bool = True
    ) -> bool:
        """Finishes an open run, which is counted again later; False, with nothing done, if it is finished already.
        `gathered`: whether its whole audience was: then it is no longer estimated."""
        exact = {"estimate": targeted // max(1, len(run.channels))} if gathered else {}
        closed = {"opened": None, "outcome": outcome, "finished_at": at, "targeted": targeted}
        return self._update(run, {**closed, **exact, "recount": ONE, "recount_at": recount_at})

    def to_recount(self, until: str, *, limit: int) -> list[tuple[str, str]]:
        """Campaign and scheduled time of finished runs that are to be counted again, the longest due first."""
        with reaching_dynamodb():
            found = RunRow.by_recount.query(ONE, RunRow.recount_at <= until, limit=limit, page_size=limit)
            return [(row.campaign_id, row.scheduled_at) for row in found]

    def recount_later(self, run: Run, at: str | None) -> None:
        """When a finished run is counted again; None: it is not."""
        actions: list[Action] = [RunRow.recount.remove(), RunRow.recount_at.remove()]
        if at is not None:
            actions = [RunRow.recount.set(ONE), RunRow.recount_at.set(at)]
        row, planned = RunRow(run.campaign_id, run.scheduled_at), RunRow.recount_at
        same = planned == run.recount_at if run.recount_at else planned.does_not_exist()
        update_if(row, actions, RunRow.outcome.exists() & same)

    def release_canary(self, run: Run, *, at: str) -> Run | None:
        """Releases the rest of an open run; None, with nothing done, if it was released already."""
        row = RunRow(run.campaign_id, run.scheduled_at)
        held = RunRow.opened.exists() & RunRow.canary_released_at.does_not_exist()
        return _read(row) if update_if(row, [RunRow.canary_released_at.set(at)], held) else None

    def decide(self, run: Run, decision: Mapping[str, Any]) -> Run | None:
        """Takes the one decision about an open run's variants; None, with nothing done, if it is taken or the run is
        over."""
        row = RunRow(run.campaign_id, run.scheduled_at)
        undecided = RunRow.opened.exists() & RunRow.decision.does_not_exist()
        return _read(row) if update_if(row, [RunRow.decision.set(dict(decision))], undecided) else None

    def note_tested(self, run: Run, tested: Mapping[str, Any]) -> None:
        """Keeps what became of its variants, for pages."""
        row = RunRow(run.campaign_id, run.scheduled_at)
        update_if(row, [RunRow.tested.set(dict(tested))], RunRow.variants.exists())

    def _update(self, run: Run, changes: Mapping[str, Any]) -> bool:
        attributes = [(getattr(RunRow, name), value) for name, value in changes.items()]
        actions = [one.remove() if value is None else one.set(value) for one, value in attributes]
        return update_if(RunRow(run.campaign_id, run.scheduled_at), actions, RunRow.opened.exists())


def _read(row: RunRow) -> Run:
    return value_of(Run, row)._replace(opened=row.opened is not None)


def _may_have_addresses(item: Mapping[str, Any]) -> bool:
    def has(one: Mapping[str, Any]) -> bool:
        audience = json.loads(one["spec"]["S"])["audience"]
        return bool(audience.get("list_id") or audience.get("lists"))

    return each(has, [item], alone=lambda *_: None) != [False]
