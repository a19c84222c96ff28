"""Files of a run's recipients: asked for, followed, downloaded for a few minutes at a time, and given up."""

from datetime import UTC, datetime
from typing import Any

from chalicelib.campaigns.export_files import URL_SECONDS, ExportFiles
from chalicelib.campaigns.export_writer import FileLabels
from chalicelib.campaigns.jobs import ExportJob
from chalicelib.campaigns.run_pass import Wanted
from chalicelib.clock import is_id, rfc3339
from chalicelib.composed import Composed
from chalicelib.errors import ConflictError, NotFoundError, Phrase
from chalicelib.etags import Seen
from chalicelib.flow.queues import JobQueue, Outgoing
from chalicelib.manifest import Queue
from chalicelib.schemas import passed
from chalicelib.services.run_recipients import require_channel
from chalicelib.states import ExportState
from chalicelib.storage.recipient_exports import RecipientExport, RecipientExports
from chalicelib.storage.run_outcomes import RunPlace
from chalicelib.storage.runs import Run

MOST_AT_A_TIME = 3  # of a run
_UNDER_WAY = (ExportState.WRITING, ExportState.ASSEMBLING)


class RunExports(Composed):
    """Every method raises: UnavailableError (retryable)."""

    exports: RecipientExports
    files: ExportFiles
    queues: JobQueue

    def begin(
        self, run: Run, wanted: Wanted, *, by: str, export_id: str, labels: FileLabels | None = None
    ) -> RecipientExport:
        """Has the file written in the background. Raises: InvalidError (permanent: a channel that the run has not),
        ConflictError (permanent: several are being written)."""
        require_channel(run, wanted)
        others = [one for one in self.of(run) if one.state in _UNDER_WAY and one.export_id != export_id]
        if len(others) >= MOST_AT_A_TIME:
            raise ConflictError(
                Phrase("{most} files of this run are being written: wait, or cancel one", most=MOST_AT_A_TIME)
            )
        asked = {name: _plain(value) for name, value in wanted._asdict().items() if value is not None}
        made = self.exports.add(run.run_id, export_id, asked=asked, labels=labels._asdict() if labels else None, by=by)
        self._wake(run, made)
        return made

    def of(self, run: Run) -> list[RecipientExport]:
        """Those of a run that are kept, newest first."""
        return self.exports.of(run.run_id)

    def get(self, run: Run, export_id: str) -> RecipientExport:
        """Raises: NotFoundError (permanent: there is none, or not any more)."""
        found = self.exports.find(run.run_id, export_id)
        if found is None:
            raise NotFoundError(Phrase("there is no export {id}", id=export_id))
        return found

    def give_up(self, run: Run, export_id: str, *, seen: Seen | None = None) -> None:
        """Stops it, or removes the file; idempotent. Raises: NotFoundError (permanent: there never was one),
        ChangedError, ConflictError (permanent: it is not what was `seen`, or does not stay so)."""
        found = self.exports.find(run.run_id, export_id)
        if found is None:
            if is_id(export_id):
                return
            raise NotFoundError(Phrase("there is no export {id}", id=export_id))
        if seen is not None:
            seen.require(found.fields(), what=Phrase("the export {id}", id=export_id))
        if not self.exports.cancel(found, as_seen=seen is not None):
            raise ConflictError(Phrase("the file is being written on: read it and try again"))
        self._wake(run, found)

    def url(self, export: RecipientExport) -> str | None:
        """Where a finished file can be downloaded for some minutes."""
        if export.state is not ExportState.READY:
            return None
        return self.files.url(export.export_id, file_name=f"recipients-{export.created_at[:10]}.csv")

    def _wake(self, run: Run, export: RecipientExport) -> None:
        job = ExportJob(v=2, campaign_id=run.campaign_id, scheduled_at=run.scheduled_at, export_id=export.export_id)
        self.queues.put(Queue.LOAD, [Outgoing(passed(job))])


def described_export(export: RecipientExport, run: Run, *, url: str | None = None) -> dict[str, Any]:
    """An export as the API shows it. `percent` is how much of the run has been looked through, `about` how many rows
    that makes in the end."""
    share = 1.0
    if export.state is ExportState.WRITING:
        share = RunPlace(*export.cursor).share(run.homes or 1) if export.cursor else 0.0
    return {
        "id": export.export_id,
        "state": export.state,
        "rows": export.rows,
        "about": round(export.rows / share) if share else None,
        "percent": int(share * 100),
        "size_bytes": export.size_bytes,
        "created_at": export.created_at,
        "created_by": export.created_by,
        "finished_at": export.finished_at,
        "expires_at": rfc3339(datetime.fromtimestamp(export.expires_at_epoch, UTC)),
        "asked": dict(export.asked),
        "url": url,
        "url_expires_in_seconds": URL_SECONDS if url else None,
    }


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else list(value)
