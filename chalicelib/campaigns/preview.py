"""Previews an audience before anybody is written to: how many, who is left out and why, samples, the duration, and the
next dates.

A call lasts a few seconds. Of a large directory it counts a part and returns a cursor: the next call continues and adds
up.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

from chalicelib.campaigns.approval import frozen_of
from chalicelib.campaigns.audience_look import SAMPLE, Unread, masked, note_unread
from chalicelib.campaigns.audience_sources import Sources
from chalicelib.campaigns.letter_inputs import LetterInputs
from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.preview_cursor import COUNTED, nothing_yet, so_far
from chalicelib.campaigns.reader_languages import ReaderLanguage, ReaderLanguages
from chalicelib.campaigns.schedule import occurrences
from chalicelib.campaigns.targets import Target, TargetPage
from chalicelib.clock import Clock
from chalicelib.composed import Composed
from chalicelib.etags import Fields
from chalicelib.pipeline.eligibility import Addressee, Eligibility
from chalicelib.pipeline.reach import Addresses
from chalicelib.profiles.directory import Directory
from chalicelib.reasons import Reason, suppressed
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.storage.cursor import read_place, write_cursor
from chalicelib.storage.users import Profile

SECONDS = 8.0
_UNSAVED = "unsaved"  # stands in for the id of a campaign that is not stored yet
NEXT_RUNS = 5
_PAGE = 500


class _Way(NamedTuple):
    category: str
    channels: Sequence[str]
    languages: ReaderLanguages


class AudienceCount(NamedTuple):
    """The counts. recipients = excluded + unknown + no_address + opted_out + suppressed + no_translation + final.
    `unread`: users whom the rule may have missed because of how a value is written. `languages`: of the last two."""

    counts: Mapping[str, int]
    sample: Sequence[Mapping[str, Any]]
    cursor: str | None
    eta_seconds: int
    next_runs: Sequence[datetime]
    channels: Sequence[str]  # those that it may go by
    unread: Sequence[Unread] = ()
    languages: Sequence[ReaderLanguage] = ()

    @property
    def targeted(self) -> int:
        """How many a run would have."""
        return self.counts["recipients"] - self.counts["excluded"]


class AudiencePreview(Composed):
    """Reads the directory and lists; writes nothing."""

    sources: Sources
    inputs: LetterInputs
    directory: Directory
    addresses: Addresses
    consent: Eligibility
    clock: Clock
    monotonic: Callable[[], float]
    default_zone: str
    default_locale: str

    def look(
        self,
        head: CampaignHead | None,
        spec: Campaign,
        *,
        cursor: str | None = None,
        at_most: int | None = None,
        frozen: Fields | None = None,
    ) -> AudienceCount:
        """Counts a campaign's audience (`head`: the saved campaign), continuing at the cursor of an earlier call; with
        `at_most` no more users than these, in a few requests; `frozen`: its fixed inputs, if any. Raises: InvalidError
        (permanent: a foreign cursor), NotFoundError (permanent: the template or a segment is gone), UnavailableError
        (retryable)."""
        until, scope = self.monotonic() + SECONDS, head.id if head else _UNSAVED
        seen = read_place(cursor, scope=scope, read=so_far(spec)) if cursor else nothing_yet()
        at, counts, unread, languages = seen
        frozen = frozen or (frozen_of(head) if head else None)
        times, way = self.next_runs(head, spec), self._way(spec, frozen)
        when, segments = times[0] if times else self.clock(), frozen["segments"] if frozen else None
        source = self.sources.of_spec(spec, run_id="preview", scheduled=when, segments=segments)
        sample: list[Mapping[str, Any]] = []
        while True:
            page = source.page(shard=0, shards=1, cursor=at, limit=at_most or _PAGE)
            reached = self._reached(way, page, counts)
            final = way.languages.count(reached, languages)
            counts.update(final=len(final), no_translation=len(reached) - len(final))
            note_unread(page, unread)
            sample += [masked(profile) for profile in final[: SAMPLE - len(sample)]]
            at = page.cursor
            if at is None or at_most is not None or self.monotonic() >= until:
                break
        kept = {"at": at, "counts": dict(counts), "languages": dict(languages),
                "unread": {one.attribute: one[1:] for one in unread.values()}}  # fmt: skip
        following = write_cursor(kept, scope=scope) if at is not None else None
        eta = round(counts["final"] / spec.rate_per_second)
        shown = {name: counts[name] for name in COUNTED}
        read = way.languages.of(languages)
        return AudienceCount(shown, sample, following, eta, times, way.channels, list(unread.values()), read)

    def next_runs(self, head: CampaignHead | None, spec: Campaign) -> list[datetime]:
        """The next dates, at most five."""
        after = self.clock()
        if spec.schedule is None:
            return [moment for moment in (spec.start_at,) if moment is not None and moment > after]
        if spec.start_at is not None:
            after = max(after, spec.start_at - timedelta(seconds=1))  # as it is scheduled: `start_at` is the first
        zone = spec.timezone or self.default_zone
        times = list(islice(occurrences(spec.schedule, zone, after=after), NEXT_RUNS))
        first = datetime.fromisoformat(head.next_run_at) if head and head.next_run_at else None
        return times if first is None or first in times else [first, *times][:NEXT_RUNS]

    def _reached(self, way: _Way, page: TargetPage, counts: Counter[str]) -> list[Profile]:
        counts["recipients"] += len(page.targets)
        counts["excluded"] += len(page.left_out)
        targets = [target for target in page.targets if target.recipient.notification_id not in page.left_out]
        people = self._profiles(targets)
        counts["unknown"] += len(targets) - len(people)
        return self._consenting(way, people, counts)

    def _way(self, spec: Campaign, frozen: Fields | None) -> _Way:
        """As a run that began now would use it."""
        template = self.inputs.edition(spec, frozen).template
        languages = ReaderLanguages(spec, template, default_locale=self.default_locale)
        return _Way(spec.category or template.category, self.inputs.plan(spec, template, frozen).channels, languages)

    def _profiles(self, targets: Sequence[Target]) -> dict[str, Profile]:
        """By notification id; unknown users are left out."""
        found = {t.recipient.notification_id: t.profile for t in targets if t.profile is not None}
        ids = {t.recipient.user_id for t in targets if t.recipient.user_id and t.profile is None}
        known = self.directory.get_many(ids, fresh=False).known if ids else {}
        for target in targets:
            one = target.recipient
            if one.user_id is not None and one.user_id in known:
                found[one.notification_id] = known[one.user_id]
            elif one.profile is not None:
                found[one.notification_id] = Profile(id="", **one.profile)
        return found

    def _consenting(self, way: _Way, people: Mapping[str, Profile], counts: Counter[str]) -> list[Profile]:
        """Those with at least one channel left; the others are counted by what stands against the first."""
        asked = {channel: _addressees(people, self.addresses.of(channel, people)) for channel in way.channels}
        reached: set[str] = set()
        against: dict[str, str] = {}
        for channel, consent in self.consent.ask(way.category, asked).items():
            skips = consent.skips
            reached |= {one.notification_id for one in asked[channel]} - skips.keys()
            against = {one: skips.get(one, Reason.NO_ADDRESS) for one in people} | against
        for one in people.keys() - reached:
            counts[_counted(against[one])] += 1
        return [profile for one, profile in people.items() if one in reached]


def _addressees(people: Mapping[str, Profile], addresses: Mapping[str, str]) -> list[Addressee]:
    return [
        Addressee(notification_id, profile.id or None, addresses[notification_id], profile.timezone)
        for notification_id, profile in people.items()
        if notification_id in addresses
    ]


def _counted(reason: str) -> str:
    if reason == Reason.NO_ADDRESS:
        return reason
    return "suppressed" if reason.startswith(suppressed("")) else "opted_out"
