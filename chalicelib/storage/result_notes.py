"""What was counted of a run, and how far the next count has come: one row, whose steps let one counter go on."""

import json
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from chalicelib.clock import Clock, expiry_epoch
from chalicelib.composed import Composed
from chalicelib.storage.dynamodb import update_if
from chalicelib.storage.rows.campaign_parts import ShardRow
from chalicelib.storage.values import find

RESULTS = "results"  # the name of the row among the shards, and of its jobs
_KEPT_EXTRA_DAYS = 30  # as a run's other bookkeeping


class ResultNote(NamedTuple):
    """`tally` as of `counted_at` (RFC 3339), if a count has been finished; `partial` of the one that is under way has
    come to `place`. `touched_at`: epoch seconds of the last step."""

    step: int = 0
    touched_at: float = 0.0
    counted_at: str | None = None
    tally: Mapping[str, Any] | None = None
    began_at: str | None = None
    partial: Mapping[str, Any] | None = None
    place: tuple[Any, ...] = ()


class ResultNotes(Composed):
    """Every method raises: UnavailableError (retryable)."""

    clock: Clock
    retention_days: int

    def read(self, run_id: str) -> ResultNote:
        """As of now; an empty one where nothing was counted."""
        row = find(ShardRow, *_key(run_id))
        if row is None or row.pending is None:
            return ResultNote()
        said = json.loads(zlib.decompress(row.pending))
        said["place"] = tuple(said.get("place", ()))
        return ResultNote(step=int(row.step), touched_at=float(row.resume_at), **said)

    def save(self, run_id: str, note: ResultNote) -> ResultNote | None:
        """The next step in place of the one that was read; None, with nothing done, if somebody has taken it."""
        now = self.clock()
        said = {name: value for name, value in note._asdict().items() if name not in ("step", "touched_at") and value}
        packed = zlib.compress(json.dumps(said, separators=(",", ":")).encode())
        actions = [
            ShardRow.step.set(note.step + 1),
            ShardRow.pending.set(packed),
            ShardRow.resume_at.set(now.timestamp()),
            ShardRow.done.set(True),  # nothing that is to be fanned out
            ShardRow.expires_at_epoch.set(expiry_epoch(self.retention_days + _KEPT_EXTRA_DAYS, since=now)),
        ]
        same = ShardRow.step == note.step if note.step else ShardRow.run_id.does_not_exist()
        if not update_if(ShardRow(*_key(run_id)), actions, same):
            return None
        return note._replace(step=note.step + 1, touched_at=now.timestamp())


def _key(run_id: str) -> tuple[str, str]:
    # Not among the shards of the run: whoever reads those fans them out.
    return f"{run_id}#{RESULTS}", RESULTS
