"""What the ledger knows of people's letters, for rules that ask about them, read for a page of people at once.

Of a campaign its newest five runs count: for each two requests a hundred people, one after another. Of any letters the
ten newest of somebody: a request a person, eight at a time, and then as many as it takes to find one that came.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import NamedTuple

from chalicelib.campaigns.held_chunks import notification_of
from chalicelib.campaigns.operators import ANY_LETTER, Activity, Doing
from chalicelib.composed import Composed
from chalicelib.deliveries import DeliveryKey
from chalicelib.storage.campaign_recipients import LetterUse, OwnedLetter, newest_letters, read_uses
from chalicelib.storage.runs import Run, Runs

RUNS_READ = 5
LETTERS_READ = 10
_AT_ONCE = 8
_CHANNEL = "email"

Found = dict[str, dict[Doing, datetime]]  # by person
_MOMENT: Mapping[Activity, Callable[[LetterUse], datetime | None]] = {
    Activity.OPENED: lambda use: use.opened,
    Activity.CLICKED: lambda use: use.clicked,
    Activity.GOT: lambda use: use.got,
    Activity.LETTER: lambda use: use.got,
}


class LetterOwner(NamedTuple):
    """A user, or a bare address; of a user the address too, as letters may have come to it from a list."""

    user_id: str | None
    address: str | None


class LetterActivity(Composed):
    """`owner` gives the owner of (channel, address) as history has it. Raises: UnavailableError (retryable)."""

    runs: Runs
    owner: Callable[[str, str], str]

    def read(self, doings: Mapping[Doing, int], people: Mapping[str, LetterOwner], *, at: datetime) -> Found:
        """When each person last did what a rule asks about, by whatever they are named; `doings` with the days that
        matter, before `at`."""
        found: Found = {}
        for campaign in sorted({one.of for one in doings if one.activity is not Activity.LETTER}):
            for run in self.runs.of(campaign, limit=RUNS_READ) if people else ():
                _note_run(run, campaign, doings, people, found)
        letters = {one: days for one, days in doings.items() if one.activity is Activity.LETTER}
        if letters and people:
            self._note_letters(letters, people, at - timedelta(days=max(letters.values())), found)
        return found

    def _note_letters(
        self, doings: Mapping[Doing, int], people: Mapping[str, LetterOwner], since: datetime, found: Found
    ) -> None:
        names = [name for name, person in people.items() if self._owner(person)]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            letters = dict(zip(names, pool.map(lambda name: self._newest(people[name], since), names), strict=True))
        waiting = {(name, doing): _of_category(letters[name], doing.of) for name in names for doing in doings}
        while waiting:
            asked = {who: letter for who, left in waiting.items() if (letter := next(left, None)) is not None}
            uses = read_uses({key for letter in asked.values() for key in letter.keys}) if asked else {}
            waiting = {who: waiting[who] for who in asked}
            for (name, doing), letter in asked.items():
                for key in letter.keys:
                    if _note(found, name, doing, uses.get(key)):
                        waiting.pop((name, doing), None)

    def _newest(self, person: LetterOwner, since: datetime) -> Sequence[OwnedLetter]:
        return newest_letters(self._owner(person) or "", since=since, limit=LETTERS_READ)

    def _owner(self, person: LetterOwner) -> str | None:
        return person.user_id or (self.owner(_CHANNEL, person.address) if person.address else None)


def _of_category(letters: Sequence[OwnedLetter], category: str) -> Iterator[OwnedLetter]:
    return (one for one in letters if category in (ANY_LETTER, one.category))


def _note_run(
    run: Run, campaign: str, doings: Mapping[Doing, int], people: Mapping[str, LetterOwner], found: Found
) -> None:
    audience = run.spec["audience"]
    has_addresses = bool(audience.get("list_id") or audience.get("lists"))
    asked: dict[DeliveryKey, str] = {}
    for name, (user_id, address) in people.items():
        ids = [notification_of(run.run_id, user_id=user_id)] if user_id else []
        ids += [notification_of(run.run_id, address=address)] if address and has_addresses else []
        asked |= {DeliveryKey(one, channel): name for one in ids for channel in run.channels}
    for key, use in read_uses(asked).items():
        for doing in doings:
            if doing.of == campaign and doing.activity is not Activity.LETTER:
                _note(found, asked[key], doing, use)


def _note(found: Found, name: str, doing: Doing, use: LetterUse | None) -> bool:
    moment = _MOMENT[doing.activity](use) if use is not None else None
    if moment is None:
        return False
    known = found.setdefault(name, {})
    known[doing] = max(moment, known.get(doing, moment))
    return True
