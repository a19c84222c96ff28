"""May we, and when: the user's own say and the suppression list, for a whole chunk in one read. `enrich` asks before it
queues a letter, `deliver` once more right before it sends, the preview of a campaign before anybody is written to.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from chalicelib.categories import CATEGORIES
from chalicelib.clock import Clock
from chalicelib.profiles.model import Wishes
from chalicelib.profiles.objections import Objections, read_objections
from chalicelib.profiles.preferences import Hours, objection, quiet_for
from chalicelib.profiles.suppressions import Reason


class Addressee(NamedTuple):
    """One recipient as consent sees them; `zone` is None where the user's is not known."""

    notification_id: str
    user_id: str | None
    address: str
    zone: str | None


class Consent(NamedTuple):
    """Who does not get it, with the reason, and who gets it later; by notification id. Everybody else gets it now."""

    skips: Mapping[str, str]
    waits: Mapping[str, datetime]


class ConsentDesk:
    """Answers for one stage."""

    def __init__(self, *, clock: Clock, default_zone: str, default_quiet: Callable[[], Hours | None]) -> None:
        self._clock = clock
        self._default_zone = default_zone
        self._default_quiet = default_quiet

    def ask(self, category: str, people: Mapping[str, Sequence[Addressee]]) -> dict[str, Consent]:
        """What stands against a letter now, for those of each channel. Raises: UnavailableError (retryable)."""
        found = self.objections(category, people)
        return {channel: self.judge(category, channel, those, found) for channel, those in people.items()}

    def objections(
        self,
        category: str,
        people: Mapping[str, Sequence[Addressee]],
        *,
        known: Wishes | None = None,
        asked_again: bool = False,
    ) -> Objections:
        """Read once for the addressees of all channels, as of a second ago at most; `known` are preferences that were
        read already. An account letter heeds none, and is asked about but once: as it is now. `asked_again`: any other
        letter is, right before it is sent, so that the addresses can wait until then. Raises: UnavailableError
        (retryable)."""
        everybody = [one for those in people.values() for one in those]
        heeded = not CATEGORIES[category].transactional
        addresses = {(channel, one.address) for channel, those in people.items() for one in those}
        found = read_objections(
            user_ids={one.user_id for one in everybody if one.user_id} if heeded and known is None else (),
            addresses=() if asked_again and heeded else addresses,
            at=self._clock(),
            consistent=not heeded,
        )
        return found if known is None else found._replace(preferences=known)

    def judge(self, category: str, channel: str, people: Sequence[Addressee], found: Objections) -> Consent:
        """The answer for one channel by what was read."""
        at = self._clock()
        skips: dict[str, str] = {}
        default = None if CATEGORIES[category].transactional else self._default_quiet()
        waits: dict[str, datetime] = {}
        for person in people:
            suppressed = found.suppressed.get((channel, person.address))
            if suppressed == Reason.UNSUBSCRIBED and CATEGORIES[category].transactional:
                suppressed = None
            wish = found.preferences.get(person.user_id or "", {})
            reason = objection(wish, category=category, channel=channel, at=at)
            until = quiet_for(wish, zone=person.zone or self._default_zone, at=at, default=default)
            if reason is not None:
                skips[person.notification_id] = reason
            elif suppressed is not None:
                skips[person.notification_id] = f"suppressed_{suppressed}"
            elif until is not None:
                waits[person.notification_id] = until
        return Consent(skips, waits)
