"""Who gets the letters of a run, and what became of each: page by page, by state."""

from typing import Any

from chalicelib.campaigns.run_pass import LetterOfRun, Wanted, found_in_run, pass_over
from chalicelib.composed import Composed
from chalicelib.errors import InvalidError, NotFoundError, Phrase
from chalicelib.profiles.directory import Directory
from chalicelib.service_scope import EVERYTHING, Sight
from chalicelib.states import Engagement
from chalicelib.storage.campaigns import Campaigns
from chalicelib.storage.cursor import read_place, write_cursor
from chalicelib.storage.run_outcomes import RunPlace
from chalicelib.storage.runs import Run, Runs

MAX_PAGE_SIZE, PAGE_SIZE = 1000, 100
_MOST_FOUND = 20  # users who share an address


class RunRecipients(Composed):
    """Every method raises: UnavailableError (retryable)."""

    campaigns: Campaigns
    runs: Runs
    directory: Directory

    def run(self, campaign_id: str, run_id: str, *, sight: Sight = EVERYTHING) -> Run:
        """A run of a campaign. Raises: NotFoundError (permanent: there is none in sight)."""
        head = self.campaigns.get(campaign_id, sight=sight)
        of, _, scheduled_at = run_id.partition("@")
        run = self.runs.get(head.id, scheduled_at) if of == head.id and scheduled_at else None
        if run is None:
            raise NotFoundError(Phrase("there is no run {id}", id=run_id))
        return run

    def one(self, campaign_id: str, run_id: str | None, *, sight: Sight = EVERYTHING) -> Run:
        """The same, or the newest if none is named. Raises: as `run`."""
        if run_id:
            return self.run(campaign_id, run_id, sight=sight)
        newest = self.runs.of(self.campaigns.get(campaign_id, sight=sight).id, limit=1)
        if not newest:
            raise NotFoundError(Phrase("the campaign has no run yet"))
        return newest[0]

    def page(
        self, run: Run, wanted: Wanted, *, limit: int = PAGE_SIZE, cursor: str | None = None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """The next letters, always in the same order, and the next cursor. A letter is there once its chunk has been
        looked at. A page may be short, even empty, and have a next. Raises: InvalidError (permanent: a cursor that is
        not ours, a channel that the run has not)."""
        require_channel(run, wanted)
        scope = f"{run.run_id}#{wanted.scope}"
        after = read_place(cursor, scope=scope, read=lambda key: RunPlace.of(key["after"])) if cursor else RunPlace()
        letters, following = next(pass_over(run, wanted, after=after, size=limit))
        place = write_cursor({"after": list(following)}, scope=scope) if following else None
        return list(map(described, letters)), place

    def of_person(self, run: Run, words: str, wanted: Wanted) -> list[dict[str, Any]]:
        """Those to one person: by an address, however it is written, a user's id or a notification's. Nothing is
        searched for: the letters' ids follow from whom they are for. Raises: as `page`."""
        require_channel(run, wanted)
        users = [one.id for one in self.directory.with_email(words, limit=_MOST_FOUND)] if "@" in words else []
        return list(map(described, found_in_run(run, words, users=users, wanted=wanted, runs=self.runs)))


def require_channel(run: Run, wanted: Wanted) -> None:
    """Raises: InvalidError (permanent: the run has not the channel that is wanted)."""
    if wanted.channel not in (None, *run.channels):
        raise InvalidError.of("channel", Phrase("expected one of {known}", known=", ".join(run.channels)))


def described(one: LetterOfRun) -> dict[str, Any]:
    """A letter as the API shows it."""
    letter = one.letter
    return {
        "notification_id": letter.key.notification_id,
        "recipient": one.recipient,
        "channel": letter.key.channel,
        "status": one.status,
        "reason": letter.reason,
        "opened_at": letter.at(Engagement.OPENED),
        "clicked_at": letter.at(Engagement.CLICKED),
        "unsubscribed_at": letter.at(Engagement.UNSUBSCRIBED),
    }
