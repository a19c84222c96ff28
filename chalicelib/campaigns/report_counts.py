"""Counts what a run led to: a small one whenever it is asked for, a large one by a worker, step by step, from what a
stored step has come to."""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

from chalicelib.campaigns.jobs import FanoutJob
from chalicelib.campaigns.run_tally import RunTally
from chalicelib.clock import Clock, parse_rfc3339, rfc3339
from chalicelib.composed import Composed
from chalicelib.flow.queues import JobQueue, Outgoing
from chalicelib.manifest import Queue
from chalicelib.schemas import passed
from chalicelib.storage.result_notes import RESULTS, ResultNote, ResultNotes
from chalicelib.storage.run_chunks import ChunkPlace, chunks_of_run
from chalicelib.storage.run_progress import LARGE
from chalicelib.storage.runs import Run, Runs

FRESH = timedelta(minutes=1)  # a large run is not counted more often
STALLED = timedelta(minutes=2)  # a count whose message was lost
BUDGET_SECONDS = 5.0  # of one message
_PAGES_AT_ONCE, _HOMES_AT_ONCE = 2, 2  # requests of a page that shows a small run


class Counted(NamedTuple):
    """What a run led to, as of a moment (RFC 3339); None: it is being counted for the first time. `counting`: a newer
    count is under way."""

    tally: RunTally | None
    at: str | None
    counting: bool


class ReportCounts(Composed):
    """Every method raises: UnavailableError (retryable). `monotonic` gives seconds."""

    runs: Runs
    notes: ResultNotes
    queues: JobQueue
    clock: Clock
    monotonic: Callable[[], float]

    def of(self, run: Run) -> Counted:
        """Of a large run as it was counted last; a count is begun if that is old, and goes on if it stands still."""
        small = self._at_once(run)
        if small is not None:
            return Counted(small, rfc3339(self.clock()), counting=False)
        note = self.notes.read(run.run_id)
        now = self.clock()
        if note.partial is not None:
            if note.touched_at < (now - STALLED).timestamp():
                self._put(run, note)
            return _counted(run, note, counting=True)
        if note.counted_at is None or parse_rfc3339(note.counted_at) < now - FRESH:
            begun = note._replace(began_at=rfc3339(now), partial=RunTally(run.created_at).plain(), place=ChunkPlace())
            saved = self.notes.save(run.run_id, begun)
            if saved is not None:
                self._put(run, saved)
            return _counted(run, note, counting=True)
        return _counted(run, note, counting=False)

    def count(self, job: FanoutJob) -> str:
        """Goes on with a count; returns how it ended: `counted`, `continued`, `stale` (another message has taken the
        step), `unknown`."""
        run = self.runs.get(job.campaign_id, job.scheduled_at)
        if run is None:
            return "unknown"
        note = self.notes.read(run.run_id)
        if note.step != job.step or note.partial is None:
            return "stale"
        tally = RunTally(run.created_at, note.partial)
        following = self._go_on(run, tally, ChunkPlace(*note.place))
        if following is None:
            done = ResultNote(note.step, counted_at=note.began_at, tally=tally.plain())
            return "stale" if self.notes.save(run.run_id, done) is None else "counted"
        saved = self.notes.save(run.run_id, note._replace(partial=tally.plain(), place=following))
        if saved is None:
            return "stale"
        self._put(run, saved)
        return "continued"

    def _go_on(self, run: Run, tally: RunTally, place: ChunkPlace) -> ChunkPlace | None:
        """Adds chunks for a while; where to go on, None: they are all counted."""
        until = self.monotonic() + BUDGET_SECONDS
        for chunks, following in chunks_of_run(run.run_id, homes=run.homes or 1, after=place):
            for chunk in chunks:
                tally.add(chunk)
            if following is None or self.monotonic() >= until:
                return following
        return None

    def _at_once(self, run: Run) -> RunTally | None:
        planned = run.targeted if run.targeted is not None else (run.estimate or 0) * len(run.channels)
        if planned > LARGE or (run.homes or 1) > _HOMES_AT_ONCE:
            return None
        tally = RunTally(run.created_at)
        for n, (chunks, following) in enumerate(
            chunks_of_run(run.run_id, homes=run.homes or 1, after=ChunkPlace()), start=1
        ):
            for chunk in chunks:
                tally.add(chunk)
            if following is None:
                return tally
            if n == _PAGES_AT_ONCE:
                return None
        return tally

    def _put(self, run: Run, note: ResultNote) -> None:
        job = FanoutJob(campaign_id=run.campaign_id, scheduled_at=run.scheduled_at, shard=RESULTS, step=note.step)
        self.queues.put(Queue.FANOUT, [Outgoing(passed(job))])


def _counted(run: Run, note: ResultNote, *, counting: bool) -> Counted:
    tally = RunTally(run.created_at, note.tally) if note.tally is not None else None
    return Counted(tally, note.counted_at, counting)
