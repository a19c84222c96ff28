"""Exports of a run's recipients: how far each file has come. They stand in the table of the fan-out's shards, which are
passes over a run too."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from pynamodb.expressions.update import Action

from chalicelib.clock import Clock, expiry_epoch, rfc3339
from chalicelib.states import ExportState
from chalicelib.storage.dynamodb import reaching_dynamodb, save_if, update_if
from chalicelib.storage.rows.exports import ExportRow
from chalicelib.storage.values import find, raw_query, read_each, value_of

KEPT_DAYS = 7  # as the bucket keeps the files (`infra/template.yaml`)
LEASE = timedelta(seconds=150)  # of a step; a message of a worker that died comes back after 181 seconds


class Part(NamedTuple):
    """A part of an upload to S3."""

    number: int
    etag: str


class RecipientExport(NamedTuple):
    """`asked` are the fields of a `run_pass.Wanted`, `labels` the words of the file (None: stable names), `cursor` is
    where the pass goes on, `rest` the number of what is too small for a part yet."""

    export_id: str
    run_id: str
    state: ExportState
    created_at: str
    created_by: str
    asked: Mapping[str, Any] = {}
    labels: Mapping[str, Any] | None = None
    step: int = 0
    number: int = 0
    lease_until: float = 0
    upload_id: str | None = None
    cursor: Sequence[Any] | None = None
    rest: int | None = None
    parts: Sequence[Part] = ()
    rows: int = 0
    size_bytes: int = 0
    finished_at: str | None = None
    expires_at_epoch: int = 0

    def fields(self) -> dict[str, Any]:
        """What somebody has seen of it; its ETag follows from these."""
        return {"state": self.state, "rows": self.rows}


class RecipientExports:
    """Every method raises: UnavailableError (retryable)."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def add(
        self, run_id: str, export_id: str, *, asked: Mapping[str, Any], labels: Mapping[str, Any] | None, by: str
    ) -> RecipientExport:
        """A new one, or the one with this id."""
        at = self._clock()
        row = ExportRow(
            *_key(run_id, export_id),
            state=ExportState.WRITING,
            created_at=rfc3339(at),
            created_by=by,
            asked=dict(asked),
            labels=labels,
            expires_at_epoch=expiry_epoch(KEPT_DAYS, since=at),
        )
        save_if(row, ExportRow.run_id.does_not_exist())
        found = self.find(run_id, export_id)
        return found or _value(row)

    def find(self, run_id: str, export_id: str) -> RecipientExport | None:
        """As of now; None once it is cancelled or its time is over."""
        found = self.even_cancelled(run_id, export_id)
        return found if found is not None and self._is_kept(found) else None

    def even_cancelled(self, run_id: str, export_id: str) -> RecipientExport | None:
        """The same for the worker, which has to clear away."""
        row = find(ExportRow, *_key(run_id, export_id))
        return None if row is None else _value(row)

    def of(self, run_id: str) -> list[RecipientExport]:
        """Those of a run, newest first."""
        with reaching_dynamodb():
            found = read_each(ExportRow, raw_query(ExportRow, _home(run_id)), _value)
        return sorted(filter(self._is_kept, found), key=lambda one: one.created_at, reverse=True)

    def begin_step(self, export: RecipientExport) -> RecipientExport | None:
        """Takes the next step, under a number of its own; None, with nothing done, if somebody has it."""
        now = self._clock()
        actions: list[Action] = [
            ExportRow.number.set(ExportRow.number + 1),
            ExportRow.lease_until.set((now + LEASE).timestamp()),
        ]
        free = (ExportRow.step == export.step) & (ExportRow.lease_until < now.timestamp())
        return self._update(export, actions, free & (ExportRow.state == ExportState.WRITING))

    def note_upload(self, export: RecipientExport, upload_id: str) -> RecipientExport | None:
        """Keeps the id of the upload; None, with nothing done, if there is one, or the step was lost."""
        mine = (ExportRow.number == export.number) & ExportRow.upload_id.does_not_exist()
        return self._update(export, [ExportRow.upload_id.set(upload_id)], mine)

    def end_step(
        self,
        export: RecipientExport,
        *,
        part: Part | None,
        cursor: Sequence[Any] | None,
        rows: int,
        size_bytes: int,
        rest: bool,
    ) -> RecipientExport | None:
        """What the step has added: a `part`, or a `rest` under its number. Without a cursor the pass is over. None,
        with nothing done, if another worker has taken the step, or nobody wants the file."""
        parts = [*export.parts, *([part] if part else [])]
        actions: list[Action] = [
            ExportRow.step.set(export.step + 1),
            ExportRow.lease_until.set(0),
            ExportRow.parts.set([list(one) for one in parts]),
            ExportRow.rows.set(export.rows + rows),
            ExportRow.size_bytes.set(export.size_bytes + size_bytes),
            ExportRow.rest.set(export.number) if rest else ExportRow.rest.remove(),
        ]
        if cursor is None:
            actions += [ExportRow.state.set(ExportState.ASSEMBLING), ExportRow.cursor.remove()]
        else:
            actions.append(ExportRow.cursor.set(list(cursor)))
        mine = (ExportRow.number == export.number) & (ExportRow.state == ExportState.WRITING)
        return self._update(export, actions, mine)

    def finish(self, export: RecipientExport, state: ExportState) -> bool:
        """The file is there, or it cannot be made; False, with nothing done, if nobody wants it, or another worker has
        begun a step since."""
        actions: list[Action] = [ExportRow.state.set(state), ExportRow.finished_at.set(rfc3339(self._clock()))]
        wanted = ExportRow.state.is_in(ExportState.WRITING, ExportState.ASSEMBLING)
        return self._update(export, actions, wanted & (ExportRow.number == export.number)) is not None

    def cancel(self, export: RecipientExport, *, as_seen: bool) -> bool:
        """Nobody finds it any more; idempotent. False, with nothing done, if it is not `as_seen`."""
        there = ExportRow.run_id.exists()
        if as_seen:
            there = (ExportRow.state == export.state) & (ExportRow.rows == export.rows)
        return self._update(export, [ExportRow.state.set(ExportState.CANCELLED)], there) is not None

    def _update(self, export: RecipientExport, actions: Sequence[Action], condition: Any) -> RecipientExport | None:
        row = ExportRow(*_key(export.run_id, export.export_id))
        return _value(row) if update_if(row, actions, condition) else None

    def _is_kept(self, one: RecipientExport) -> bool:
        return one.state != ExportState.CANCELLED and one.expires_at_epoch > self._clock().timestamp()


def _home(run_id: str) -> str:
    return f"exports#{run_id}"


def _key(run_id: str, export_id: str) -> tuple[str, str]:
    return _home(run_id), export_id


def _value(row: ExportRow) -> RecipientExport:
    return value_of(
        RecipientExport,
        row,
        export_id=row.shard,
        run_id=row.run_id.partition("#")[2],
        state=ExportState(row.state),
        parts=[Part(*one) for one in row.parts],
    )
