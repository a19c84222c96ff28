"""A pass over the letters of a run, with whom each is for: in pages, so that it may stop anywhere and go on from a
stored place, and no more than one page is held. And the letters to one person, whose ids follow from whom they are
for."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from chalicelib.campaigns.held_chunks import notification_of
from chalicelib.clock import derived_id, is_id
from chalicelib.deliveries import DeliveryKey, Status, shown_status
from chalicelib.errors import InvalidError
from chalicelib.states import Engagement
from chalicelib.storage.campaign_recipients import read_notifications, read_recipients
from chalicelib.storage.outcomes import places_of, read_stored
from chalicelib.storage.run_outcomes import RunLetter, RunPlace, letters_of_run
from chalicelib.storage.runs import Run, Runs

ACCEPTED = "accepted"  # nothing has become of the letter yet
PASS_PAGE = 500
_START = RunPlace()
_MOST_RESENDS = 5  # of resends


class Wanted(NamedTuple):
    """Which letters: in one of these states as they are shown, for a reason, on a channel, whose readers `did` that;
    None: in any."""

    statuses: Collection[str] | None = None
    reason: str | None = None
    channel: str | None = None
    did: Engagement | None = None

    def has(self, state: Status) -> bool:
        """Whether a letter in a state is among them."""
        status, reason = state
        shown = ACCEPTED if status is None else shown_status(status)
        return (self.statuses is None or shown in self.statuses) and self.reason in (None, reason)

    @property
    def scope(self) -> str:
        """For a cursor."""
        did = f"#{self.did}" if self.did else ""
        return f"{sorted(self.statuses or ())}#{self.reason}#{self.channel}{did}"


class LetterOfRun(NamedTuple):
    """A delivery, and whom it is for as given: empty after an erasure, None where nothing is known."""

    letter: RunLetter
    recipient: Mapping[str, Any] | None

    @property
    def status(self) -> str:
        """As it is shown."""
        return ACCEPTED if self.letter.status is None else shown_status(self.letter.status)


class RunPage(NamedTuple):
    """Some deliveries, and where the pass goes on; None: it is over."""

    letters: Sequence[LetterOfRun]
    following: RunPlace | None


EVERY_LETTER = Wanted()


def pass_over(
    run: Run, wanted: Wanted = EVERY_LETTER, *, after: RunPlace = _START, size: int = PASS_PAGE
) -> Iterator[RunPage]:
    """The deliveries of a run that are wanted, from a place on, always in the same order; as `letters_of_run` reads
    them, a page may be short, even empty, before the last. Raises: UnavailableError (retryable)."""
    channels = [wanted.channel] if wanted.channel else run.channels
    place: RunPlace | None = after
    while place is not None:
        found, place = letters_of_run(
            run.run_id, channels, wanted.has, limit=size, after=place, homes=run.homes or 1, did=wanted.did
        )
        recipients = read_recipients({one.key.notification_id for one in found})
        yield RunPage([LetterOfRun(one, recipients.get(one.key.notification_id)) for one in found], place)


def found_in_run(
    run: Run, words: str, *, users: Collection[str], wanted: Wanted = EVERY_LETTER, runs: Runs
) -> list[LetterOfRun]:
    """The wanted deliveries to one person: `words` is an address, however it is written, a user's id or a
    notification's; `users` are the ids of others who may be meant. Raises: UnavailableError (retryable)."""
    ids = _ids_in_run(run, words, users, runs)
    here = [one for one in read_notifications(ids) if one.run_id == run.run_id]
    # Of an erased person nobody learns by guessing the address that there was a letter.
    known = {one.notification_id: one.recipient for one in here if one.recipient or one.notification_id == words}
    channels = [wanted.channel] if wanted.channel else run.channels
    keys = [DeliveryKey(one, channel) for one in known for channel in channels]
    places = places_of(keys)
    stored = read_stored(places.values())
    found = []
    for key, place in places.items():
        there = stored[place.outcomes]
        if isinstance(there, InvalidError):
            continue
        now = there.outcomes.standing(place.place)
        letter = RunLetter(key, now.status, now.reason, there.outcomes.seen(place.place).first)
        if wanted.has((letter.status, letter.reason)) and wanted.did in (None, *letter.first):
            found.append(LetterOfRun(letter, known[key.notification_id]))
    return found


def _ids_in_run(run: Run, words: str, users: Collection[str], runs: Runs) -> list[str]:
    """The notifications that they would have. A resend derives its own from those of the run that it repeats."""
    first, resends = run, 0
    while first.resend_of and resends < _MOST_RESENDS:
        before = runs.get(first.campaign_id, first.resend_of.partition("@")[2])
        if before is None:
            break
        first, resends = before, resends + 1
    ids = [notification_of(first.run_id, user_id=one) for one in (words, *users)]
    ids += [notification_of(first.run_id, address=words)]
    for _ in range(resends):
        ids = [derived_id("resend", one) for one in ids]
    return list(dict.fromkeys([*ids, *([words] if is_id(words) else [])]))
