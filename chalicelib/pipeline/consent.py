"""May we, and when: the user's own say and the suppression list for a whole chunk, each in one read. `enrich` asks
before it queues a letter, `deliver` once more right before it sends.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from chalicelib.categories import CATEGORIES
from chalicelib.clock import Clock
from chalicelib.profiles.preferences import Hours, objection, quiet_for
from chalicelib.profiles.suppressions import Reason

Wishes = Mapping[str, Mapping[str, Any]]


class PreferenceReader(Protocol):
    """`profiles.preferences.PreferenceStore` is one."""

    def get_many(self, user_ids: Iterable[str]) -> Wishes:
        """Raises: UnavailableError (retryable)."""
        ...


class SuppressionReader(Protocol):
    """`profiles.suppressions.SuppressionList` is one."""

    def find(self, channel: str, addresses: Iterable[str], *, at: datetime) -> Mapping[str, str]:
        """Raises: UnavailableError (retryable)."""
        ...


@dataclass(frozen=True)
class Addressee:
    """One recipient as consent sees them; `zone` is None where the user's is not known."""

    notification_id: str
    user_id: str | None
    address: str
    zone: str | None


@dataclass(frozen=True)
class Consent:
    """Who does not get it, with the reason, and who gets it later; by notification id. Everybody else gets it now."""

    skips: Mapping[str, str]
    waits: Mapping[str, datetime]


class ConsentDesk:
    """Answers for one stage."""

    def __init__(
        self,
        *,
        preferences: PreferenceReader,
        suppressions: SuppressionReader,
        clock: Clock,
        default_zone: str,
        default_quiet: Callable[[], Hours | None],
    ) -> None:
        self._preferences = preferences
        self._suppressions = suppressions
        self._clock = clock
        self._default_zone = default_zone
        self._default_quiet = default_quiet

    def wishes(self, category: str, user_ids: Iterable[str]) -> Wishes:
        """The preferences that a category must heed: none for an account letter. Raises: UnavailableError
        (retryable)."""
        ids = [] if CATEGORIES[category].transactional else list(user_ids)
        return self._preferences.get_many(ids) if ids else {}

    def ask(self, category: str, channel: str, people: Sequence[Addressee], wishes: Wishes) -> Consent:
        """What stands against a letter now. Raises: UnavailableError (retryable)."""
        if not people:
            return Consent({}, {})
        at = self._clock()
        skips = self._suppressed(category, channel, people, at)
        default = None if CATEGORIES[category].transactional else self._default_quiet()
        waits: dict[str, datetime] = {}
        for person in people:
            wish = wishes.get(person.user_id or "", {})
            reason = objection(wish, category=category, channel=channel, at=at)
            until = quiet_for(wish, zone=person.zone or self._default_zone, at=at, default=default)
            if reason is not None:
                skips[person.notification_id] = reason
            elif until is not None and person.notification_id not in skips:
                waits[person.notification_id] = until
        return Consent(skips, waits)

    def _suppressed(self, category: str, channel: str, people: Sequence[Addressee], at: datetime) -> dict[str, str]:
        found = self._suppressions.find(channel, (person.address for person in people), at=at)
        if CATEGORIES[category].transactional:
            found = {address: reason for address, reason in found.items() if reason != Reason.UNSUBSCRIBED}
        return {p.notification_id: f"suppressed_{found[p.address]}" for p in people if p.address in found}
