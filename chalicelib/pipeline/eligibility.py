"""Whether a letter may be sent, and when: users' preferences and addresses' opt-outs and suppressions, for a whole
chunk in one read. `enrich` checks before it queues a letter, `deliver` again right before it sends, the preview of a
campaign before anybody is written to (ADR 0031)."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple, Protocol

from chalicelib.categories import CATEGORIES
from chalicelib.clock import Clock
from chalicelib.composed import Composed
from chalicelib.configuration.setting_shapes import DefaultQuietHours
from chalicelib.configuration.site_settings import SiteSettings
from chalicelib.pipeline.jobs import LetterSpec
from chalicelib.profiles.opt_outs import EVERYBODY, OptOuts, objection
from chalicelib.reasons import Reason, suppressed
from chalicelib.security.signing import AddressHashes
from chalicelib.storage.addresses import AddressRecord
from chalicelib.storage.users import Wishes, read_with_preferences
from chalicelib.wall_clock import wall_moment, zone_of

_LATER = "~"  # than any moment
_DAY = timedelta(days=1)


class Reader(Protocol):
    """A recipient: a `DeliverRecipient`, or somebody of an audience."""

    @property
    def notification_id(self) -> str: ...
    @property
    def user_id(self) -> str | None: ...
    @property
    def address(self) -> str: ...
    @property
    def zone(self) -> str | None: ...


class Addressee(NamedTuple):
    """Somebody of an audience, to whom no letter is on its way."""

    notification_id: str
    user_id: str | None
    address: str
    zone: str | None


class Objections(NamedTuple):
    """What users and addresses have against letters. `addresses`: by (channel, address as given), those of which
    anything is known."""

    preferences: Wishes
    addresses: Mapping[tuple[str, str], AddressRecord]


class Consent(NamedTuple):
    """Who does not get it, with the reason, and who gets it later; by notification id. Everybody else gets it now."""

    skips: Mapping[str, str]
    waits: Mapping[str, datetime]


class Eligibility(Composed):
    """Decides about eligibility."""

    hashes: AddressHashes
    clock: Clock
    default_zone: str
    site: SiteSettings

    def ask(self, category: str, people: Mapping[str, Sequence[Reader]]) -> dict[str, Consent]:
        """What stands against a letter now, by channel. Raises: UnavailableError (retryable)."""
        found = self.objections(category, people)
        return {channel: self.judge(category, channel, those, found) for channel, those in people.items()}

    def objections(
        self,
        category: str,
        people: Mapping[str, Sequence[Reader]],
        *,
        known: Wishes | None = None,
        asked_again: bool = False,
    ) -> Objections:
        """Read once for the addressees of all channels, eventually consistent; `known` are preferences that were read
        already. An account letter ignores them, and is checked once, consistently. `asked_again`: any other letter is
        checked again right before it is sent, so addresses can wait until then. Raises: UnavailableError (retryable).
        """
        everybody = [one for those in people.values() for one in those]
        switchable = not CATEGORIES[category].transactional
        keys = {
            (channel, one.address): self.hashes.key(channel, one.address)
            for channel, those in people.items()
            for one in those
            if not (asked_again and switchable)
        }
        users = {one.user_id for one in everybody if one.user_id and switchable and known is None}
        preferences, records = read_with_preferences(users, keys.values(), consistent=not switchable)
        addresses = {one: records[key] for one, key in keys.items() if key in records}
        return Objections(preferences if known is None else known, addresses)

    def judge(
        self,
        category: str,
        channel: str,
        people: Sequence[Reader],
        found: Objections,
        *,
        accepted_at: str = _LATER,
        looked_at: str = _LATER,
    ) -> Consent:
        """The answer for one channel by what was read. `accepted_at`: when the letter was asked for; `looked_at`: when
        the addresses were looked up."""
        at = self.clock()
        switchable = not CATEGORIES[category].transactional
        skips: dict[str, str] = {}
        default = self.site.current().quiet_hours if switchable else None
        waits: dict[str, datetime] = {}
        for person in people:
            wish = found.preferences.get(person.user_id or "", {})
            reason = objection(wish, category=category, channel=channel, at=at) if wish else None
            record = found.addresses.get((channel, person.address))
            if reason is None and record is not None:
                erased = accepted_at <= self._erased_at(person, record, looked_at)
                reason = self._against(record, category if switchable else None, erased=erased)
            until = _quiet_for(wish, zone=person.zone or self.default_zone, at=at, default=default)
            if reason is not None:
                skips[person.notification_id] = reason
            elif until is not None:
                waits[person.notification_id] = until
        return Consent(skips, waits)

    def judge_letter(
        self,
        letter: LetterSpec,
        channel: str,
        people: Sequence[Reader],
        found: Objections,
        *,
        looked_at: str = _LATER,
    ) -> Consent:
        """The answer for a letter. A collected one goes by the categories inside it: it is skipped where each of them
        is, with the reason of the first."""
        first, *others = [
            self.judge(one, channel, people, found, accepted_at=letter.accepted_at, looked_at=looked_at)
            for one in letter.categories
        ]
        if not others:
            return first
        skips = {one: reason for one, reason in first.skips.items() if all(one in other.skips for other in others)}
        return Consent(skips, {one: until for each in (first, *others) for one, until in each.waits.items()})

    def objected(
        self,
        letter: LetterSpec,
        channel: str,
        people: Sequence[Reader],
        found: Objections,
        *,
        looked_at: str = _LATER,
    ) -> dict[str, str]:
        """The categories of a letter that none of these people gets, with the reason."""
        off: dict[str, str] = {}
        for one in letter.categories:
            consent = self.judge(one, channel, people, found, accepted_at=letter.accepted_at, looked_at=looked_at)
            if len(consent.skips) == len(people):
                off[one] = next(iter(consent.skips.values()))
        return off

    def _against(self, known: AddressRecord, category: str | None, *, erased: bool) -> str | None:
        """What stands against the address; `category` is None for a letter that ignores preferences."""
        at = self.clock()
        if (why := known.suppressed(at)) is not None:
            return suppressed(why)
        if erased:
            return Reason.ERASED
        objected = OptOuts.of(known.said).objection(category, at) if category is not None else None
        return objected.reason if objected else None

    def _erased_at(self, person: Reader, known: AddressRecord, looked_at: str) -> str:
        """What was requested before an erasure is not sent: to the bare address, or to the user. Other users may have
        left an address that was erased since it was looked up."""
        if person.user_id is None:
            return known.erased_at or ""
        if not known.gone:
            return ""
        erased, user = known.gone.get(EVERYBODY, ""), known.gone.get(self.hashes.of("user", person.user_id), "")
        return max(user, erased if looked_at <= erased else "")


def _quiet_for(
    wish: Mapping[str, Any], *, zone: str, at: datetime, default: DefaultQuietHours | None
) -> datetime | None:
    """Until when it is quiet for this user: in their own hours, else in the site's; None when nothing has to wait."""
    own = wish.get("quiet_hours")
    start, end = (own["from"], own["to"]) if own else (default.starts, default.ends) if default else ("", "")
    return quiet_until(start, end, zone=zone, at=at) if start else None


def quiet_until(start: str, end: str, *, zone: str, at: datetime) -> datetime | None:
    """The moment (UTC) at which the quiet around `at` ends, always after it, or None if it is not quiet. `start` and
    `end` are local times such as `22:00` and `08:00`; the hours may cross midnight."""
    day = at.astimezone(zone_of(zone)).date()
    until: datetime | None = None
    # From the day before, whose night may continue. Hours that lose their waking time to a clock change merge
    # into those of the next day.
    for night in (day - _DAY, day, day + _DAY):
        begins, ends = _hours(night, start, end, zone)
        if begins <= (until or at) < ends:
            until = ends
    return until


def _hours(day: date, start: str, end: str, zone: str) -> tuple[datetime, datetime]:
    """The quiet hours that begin on a day."""
    begins, ends = time.fromisoformat(start), time.fromisoformat(end)
    last = day if begins <= ends else day + _DAY
    return wall_moment(datetime.combine(day, begins), zone), wall_moment(datetime.combine(last, ends), zone)
