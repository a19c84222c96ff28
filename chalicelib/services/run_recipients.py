"""Who gets the letters of a run, and what became of each: page by page, by state."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from chalicelib.composed import Composed
from chalicelib.deliveries import Status, shown_status
from chalicelib.errors import InvalidError, NotFoundError, Phrase
from chalicelib.service_scope import EVERYTHING, Sight
from chalicelib.storage.campaign_recipients import read_recipients
from chalicelib.storage.campaigns import Campaigns
from chalicelib.storage.cursor import read_place, write_cursor
from chalicelib.storage.run_outcomes import RunLetter, RunPlace, letters_of_run
from chalicelib.storage.runs import Run, Runs

ACCEPTED = "accepted"  # nothing has become of the letter yet
MAX_PAGE_SIZE, PAGE_SIZE = 1000, 100


class Wanted(NamedTuple):
    """Which letters: in one of these states as they are shown, for a reason, on a channel; None: in any."""

    statuses: Collection[str] | None = None
    reason: str | None = None
    channel: str | None = None

    def has(self, state: Status) -> bool:
        """Whether a letter in a state is among them."""
        status, reason = state
        shown = ACCEPTED if status is None else shown_status(status)
        return (self.statuses is None or shown in self.statuses) and self.reason in (None, reason)

    @property
    def scope(self) -> str:
        """For a cursor."""
        return f"{sorted(self.statuses or ())}#{self.reason}#{self.channel}"


class RunRecipients(Composed):
    """Every method raises: UnavailableError (retryable)."""

    campaigns: Campaigns
    runs: Runs

    def run(self, campaign_id: str, run_id: str, *, sight: Sight = EVERYTHING) -> Run:
        """A run of a campaign. Raises: NotFoundError (permanent: there is none in sight)."""
        head = self.campaigns.get(campaign_id, sight=sight)
        of, _, scheduled_at = run_id.partition("@")
        run = self.runs.get(head.id, scheduled_at) if of == head.id and scheduled_at else None
        if run is None:
            raise NotFoundError(Phrase("there is no run {id}", id=run_id))
        return run

    def page(
        self, run: Run, wanted: Wanted, *, limit: int = PAGE_SIZE, cursor: str | None = None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """The next letters, always in the same order, and the next cursor. A letter is there once its chunk has been
        looked at. A page may be short, even empty, and have a next. Raises: InvalidError (permanent: a cursor that is
        not ours, a channel that the run has not)."""
        if wanted.channel not in (None, *run.channels):
            raise InvalidError.of("channel", Phrase("expected one of {known}", known=", ".join(run.channels)))
        scope = f"{run.run_id}#{wanted.scope}"
        after = read_place(cursor, scope=scope, read=lambda key: RunPlace.of(key["after"])) if cursor else RunPlace()
        channels = [wanted.channel] if wanted.channel else run.channels
        found, following = letters_of_run(
            run.run_id, channels, wanted.has, limit=limit, after=after, homes=run.homes or 1
        )
        recipients = read_recipients({one.key.notification_id for one in found})
        shown = [_describe(one, recipients.get(one.key.notification_id)) for one in found]
        return shown, write_cursor({"after": list(following)}, scope=scope) if following else None


def _describe(letter: RunLetter, recipient: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "notification_id": letter.key.notification_id,
        "recipient": recipient,
        "channel": letter.key.channel,
        "status": ACCEPTED if letter.status is None else shown_status(letter.status),
        "reason": letter.reason,
    }
