"""Writes the recipients of a run into a CSV file on S3, in steps that a worker may die in.

A step is taken by a conditional write, which gives it a number that no other has; it reads on from the stored place,
uploads a part under its number, and ends by another conditional write of part and place. Whoever has lost the step in
between changes nothing: parts that no step has kept are no part of the file. What a step has read beside is a rest of
under five megabytes, kept beside the file, so that a search through millions for a few goes on as well.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from math import ceil
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from chalicelib.campaigns.csv_cells import BOM, csv_lines
from chalicelib.campaigns.export_files import LEAST_PART_BYTES, ExportFiles
from chalicelib.campaigns.jobs import ExportJob
from chalicelib.campaigns.run_pass import LetterOfRun, Wanted, pass_over
from chalicelib.clock import Clock, parse_rfc3339
from chalicelib.composed import Composed
from chalicelib.deliveries import run_id
from chalicelib.flow.queues import MAX_DELAY_SECONDS, JobQueue, Outgoing
from chalicelib.manifest import Queue
from chalicelib.profiles.directory import Directory
from chalicelib.schemas import passed
from chalicelib.states import Engagement, ExportState
from chalicelib.storage.recipient_exports import RecipientExport, RecipientExports
from chalicelib.storage.run_outcomes import RunPlace
from chalicelib.storage.runs import Run, Runs
from chalicelib.storage.users import Profile

PAGE_ROWS = 500
STEP_SECONDS = 20.0  # after which a step ends with what it has
BUDGET_SECONDS = 60.0  # of one message, so that uploaded lists have their turn in the same queue
MOMENTS = {
    "opened_at": Engagement.OPENED,
    "clicked_at": Engagement.CLICKED,
    "unsubscribed_at": Engagement.UNSUBSCRIBED,
}
_OWN = ("email", "phone", "name")
COLUMNS = ("user_id", *_OWN, "channel", "status", "reason", *MOMENTS, "notification_id")


class FileLabels(NamedTuple):
    """The words of a file, by the API's own; a word that is not there stays. `zone`: moments are local times, as
    spreadsheets read them; empty: RFC 3339."""

    columns: Mapping[str, str] = {}
    channels: Mapping[str, str] = {}
    statuses: Mapping[str, str] = {}
    reasons: Mapping[str, str] = {}
    zone: str = ""

    def moment(self, at: str | None) -> str:
        """A moment as it stands in a cell."""
        if at is None or not self.zone:
            return at or ""
        local: datetime = parse_rfc3339(at).astimezone(ZoneInfo(self.zone))
        return f"{local:%Y-%m-%d %H:%M:%S}"


class ExportWriter(Composed):
    """`monotonic` gives monotonic seconds."""

    runs: Runs
    exports: RecipientExports
    files: ExportFiles
    directory: Directory
    queues: JobQueue
    clock: Clock
    monotonic: Callable[[], float]

    def take(self, job: ExportJob) -> str:
        """Goes on with an export; returns how it ended: `ready`, `continued`, `failed`, `cleared` (nobody wants it),
        `waits` (another worker has it, and may die), `stale` (it is done). Raises: UnavailableError (retryable)."""
        run = self.runs.get(job.campaign_id, job.scheduled_at)
        export = self.exports.even_cancelled(run_id(job.campaign_id, job.scheduled_at), job.export_id)
        if export is None or export.state in (ExportState.READY, ExportState.FAILED):
            return "stale"
        if export.state is ExportState.CANCELLED:
            return self._clear(export)
        if run is None:
            return self._fail(export)
        until = self.monotonic() + BUDGET_SECONDS
        while export.state is ExportState.WRITING:
            if self.monotonic() >= until:
                self.queues.put(Queue.LOAD, [Outgoing(passed(job))])
                return "continued"
            after = self._step(run, export)
            if after is None:
                return self._lost(export, job)
            export = after
        return self._assemble(export, job)

    def _step(self, run: Run, export: RecipientExport) -> RecipientExport | None:
        begun = self.exports.begin_step(export)
        if begun is not None and begun.upload_id is None:
            begun = self._with_upload(begun)
        if begun is None or begun.upload_id is None:
            return None
        labels = FileLabels(**begun.labels or {})
        content = bytearray(self._begun_with(begun, labels))
        kept_before = len(content) if begun.rest is not None else 0
        place, rows, until = RunPlace(*begun.cursor or ()), 0, self.monotonic() + STEP_SECONDS
        following: RunPlace | None = place
        for page in pass_over(run, wanted_of(begun.asked), after=place, size=PAGE_ROWS):
            content += csv_lines(self._cells(page.letters, labels))
            rows, following = rows + len(page.letters), page.following
            if len(content) >= LEAST_PART_BYTES or self.monotonic() >= until:
                break
        part = None
        rest = following is not None and len(content) < LEAST_PART_BYTES
        if rest:
            self.files.put_rest(begun.export_id, begun.number, bytes(content))
        elif content:
            part = self.files.put_part(begun.export_id, begun.upload_id, begun.number, bytes(content))
            if part is None:
                self.exports.finish(begun, ExportState.FAILED)  # unless another worker has gone on with it
                return None
        size = len(content) - kept_before
        ended = self.exports.end_step(begun, part=part, cursor=following, rows=rows, size_bytes=size, rest=rest)
        if ended is not None and begun.rest is not None:
            self.files.drop_rest(begun.export_id, begun.rest)
        return ended

    def _with_upload(self, begun: RecipientExport) -> RecipientExport | None:
        upload_id = self.files.begin(begun.export_id)
        noted = self.exports.note_upload(begun, upload_id)
        if noted is None:
            self.files.abort(begun.export_id, upload_id)
        return noted

    def _begun_with(self, begun: RecipientExport, labels: FileLabels) -> bytes:
        if begun.rest is not None:
            return self.files.rest(begun.export_id, begun.rest)
        if begun.step:
            return b""
        return BOM.encode() + csv_lines([[labels.columns.get(name, name) for name in COLUMNS]])

    def _cells(self, letters: Sequence[LetterOfRun], labels: FileLabels) -> Iterator[list[str]]:
        ids = {str(one.recipient["user_id"]) for one in letters if one.recipient and one.recipient.get("user_id")}
        known = self.directory.get_many(ids, fresh=False).known if ids else {}
        for one in letters:
            to = dict(one.recipient or {})
            yield _cells_of(one, to, known.get(str(to.get("user_id"))), labels)

    def _lost(self, export: RecipientExport, job: ExportJob) -> str:
        now = self.exports.even_cancelled(export.run_id, export.export_id)
        if now is not None and now.state is ExportState.CANCELLED:
            return self._clear(now)
        if now is None or now.state is not ExportState.WRITING:
            return "stale"
        wait = ceil(max(0.0, now.lease_until - self.clock().timestamp())) + 1
        self.queues.put(Queue.LOAD, [Outgoing(passed(job), min(wait, MAX_DELAY_SECONDS))])
        return "waits"

    def _assemble(self, export: RecipientExport, job: ExportJob) -> str:
        if not self.files.complete(export.export_id, export.upload_id or "", export.parts):
            return self._fail(export)
        return "ready" if self.exports.finish(export, ExportState.READY) else self._lost(export, job)

    def _fail(self, export: RecipientExport) -> str:
        self.exports.finish(export, ExportState.FAILED)
        self.files.clear(export.export_id, export.upload_id)
        return "failed"

    def _clear(self, export: RecipientExport) -> str:
        self.files.clear(export.export_id, export.upload_id)
        if export.rest is not None:
            self.files.drop_rest(export.export_id, export.rest)
        return "cleared"


def wanted_of(asked: Mapping[str, Any]) -> Wanted:
    """The letters that an export has."""
    did = asked.get("did")
    return Wanted(**{**asked, "did": Engagement(did) if did else None})


def _cells_of(one: LetterOfRun, to: Mapping[str, Any], user: Profile | None, labels: FileLabels) -> list[str]:
    letter, reason = one.letter, one.letter.reason or ""
    person = [str(to.get("user_id") or "")]
    person += [
        str(to.get(name) or (getattr(user, name) if user else None) or "") for name in ("email", "phone", "name")
    ]
    return [
        *person,
        labels.channels.get(letter.key.channel, letter.key.channel),
        labels.statuses.get(one.status, one.status),
        labels.reasons.get(reason, reason),
        *(labels.moment(letter.at(did)) for did in MOMENTS.values()),
        letter.key.notification_id,
    ]
