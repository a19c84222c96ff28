"""The source of a run: its audience's parts one after another, without whoever is in an earlier part or left out."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from chalicelib.campaigns.audience import Audience
from chalicelib.campaigns.audience_rules import Rule
from chalicelib.campaigns.exclusions import WithoutSome
from chalicelib.campaigns.letter_activity import LetterActivity
from chalicelib.campaigns.list_members import ListMembers, Members
from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.recipient_sources import DirectorySource, ListSource, UnsentSource
from chalicelib.campaigns.rule_readings import RuleReadings, RuleTime, any_of
from chalicelib.campaigns.schedule import day_before
from chalicelib.campaigns.targets import Cursor, Source, TargetPage
from chalicelib.composed import Composed
from chalicelib.errors import NotFoundError, Phrase
from chalicelib.profiles.directory import Directory
from chalicelib.schemas import recalled
from chalicelib.storage.recipient_lists import RecipientLists
from chalicelib.storage.runs import Run, Runs
from chalicelib.storage.segments import SavedSegments

PART = "part"  # in a cursor: which part it is of
ResolvedSegments = Mapping[str, Mapping[str, Any]]  # `{name, rule}` by id


class JoinedSource:
    """Several sources as one. Whoever is on a list comes from the first such list, and never from the directory: which
    list somebody is on cannot change meanwhile, and whether a rule holds can."""

    def __init__(self, parts: Sequence[tuple[Source, Sequence[Callable[[], Members]]]]) -> None:
        self._parts = parts  # each with the lists whose people it leaves to others

    def page(self, *, shard: int, shards: int, cursor: Cursor | None, limit: int) -> TargetPage:
        """See `Source`."""
        number, at = (int(cursor[PART]), cursor["at"]) if cursor else (0, None)
        source, others = self._parts[number]
        page = source.page(shard=shard, shards=shards, cursor=at, limit=limit)
        elsewhere = [members() for members in others]
        targets = [one for one in page.targets if not any(some.has_any(one.keys[:1]) for some in elsewhere)]
        following: Cursor | None = {PART: number, "at": page.cursor}
        if page.cursor is None:
            following = {PART: number + 1, "at": None} if number + 1 < len(self._parts) else None
        return page._replace(targets=targets, cursor=following)


class Sources(Composed):
    """`addresses_here`: the directory knows the users' addresses too, no other service."""

    directory: Directory
    addresses_here: bool
    lists: RecipientLists
    members: ListMembers
    segments: SavedSegments
    runs: Runs
    activity: LetterActivity
    default_zone: str

    def size(self, audience: Audience) -> int:
        """About how many there are to look at; a rule may match fewer. Raises: NotFoundError (permanent: a list is
        gone), UnavailableError (retryable)."""
        rows = sum(self.lists.get(one).row_count for one in audience.joined_lists)
        return rows + (self.directory.size() if audience.is_of_users else 0)

    def are_of_directory(self, spec: Campaign) -> bool:
        """Whether all recipients are users of our own directory, which is told who comes to an address, and leaves."""
        return self.addresses_here and not spec.audience.joined_lists

    def resolved(self, audience: Audience) -> dict[str, dict[str, Any]]:
        """The segments that it names, as they are now. Raises: NotFoundError (permanent), UnavailableError
        (retryable)."""
        ids = audience.all_segments
        found = self.segments.find_each(ids) if ids else {}
        if gone := [one for one in ids if one not in found]:
            raise NotFoundError(Phrase("there is no segment {id}", id=gone[0]))
        return {one: {"name": found[one].name, "rule": found[one].rule} for one in ids}

    def of(self, run: Run, spec: Campaign, *, scheduled: datetime) -> Source:
        if run.resend_of:
            before = self.runs.get(run.campaign_id, run.resend_of.removeprefix(f"{run.campaign_id}@"))
            homes = (before.homes if before else None) or 1
            return UnsentSource(run.resend_of, run.channels, run.reasons, homes=homes, resend_run_id=run.run_id)
        return self.of_spec(spec, run_id=run.run_id, scheduled=scheduled, segments=run.segments)

    def of_spec(
        self, spec: Campaign, *, run_id: str, scheduled: datetime, segments: ResolvedSegments | None = None
    ) -> Source:
        """The source of a campaign as it would be at a time; `segments` as they were, default: as they are now. Raises:
        as `resolved`."""
        zone, has_rules = spec.timezone or self.default_zone, spec.audience.rule or spec.audience.all_segments
        time = RuleTime(
            scheduled=scheduled,
            before=day_before(spec.schedule, zone, scheduled) if spec.schedule and has_rules else None,
            zone=zone,
            default_zone=self.default_zone,
        )
        return self._of_audience(spec.audience, run_id, time, segments)

    def of_audience(self, audience: Audience, *, scheduled: datetime) -> Source:
        """The source of a campaign to it, of which nothing else is known yet. Raises: as `resolved`."""
        zone = self.default_zone
        time = RuleTime(scheduled=scheduled, before=None, zone=zone, default_zone=zone)
        return self._of_audience(audience, "preview", time, None)

    def _of_audience(
        self, audience: Audience, run_id: str, time: RuleTime, segments: ResolvedSegments | None
    ) -> Source:
        known = self.resolved(audience) if segments is None else segments
        rules = {one: recalled(Rule, known[one]["rule"]) for one in audience.all_segments}

        def reading(rule: Rule) -> RuleReadings:
            return RuleReadings(rule=rule, time=time, activity=self.activity)

        source = self._joined(audience, rules, run_id, reading)
        if not (audience.exclude_campaigns or audience.exclude_lists or audience.exclude_segments):
            return source
        return WithoutSome(
            source=source,
            campaigns=audience.exclude_campaigns,
            lists=[partial(self.members.of, one) for one in audience.exclude_lists],
            rules=[reading(rules[one]) for one in audience.exclude_segments],
            runs=self.runs,
            directory=self.directory,
        )

    def _joined(
        self, audience: Audience, rules: Mapping[str, Rule], run_id: str, reading: Callable[[Rule], RuleReadings]
    ) -> Source:
        lists = audience.joined_lists
        parts: list[tuple[Source, Sequence[Callable[[], Members]]]] = []
        if audience.is_of_users:
            joined = [audience.rule] if audience.rule else [rules[one] for one in audience.segments]
            rule = reading(any_of(joined)) if joined else None
            users = DirectorySource(directory=self.directory, rule=rule, run_id=run_id)
            parts.append((users, [partial(self.members.of, one) for one in lists]))
        for n, one in enumerate(lists):
            earlier = [partial(self.members.of, other) for other in lists[:n]]
            parts.append((ListSource(self.lists, one, run_id=run_id), earlier))
        return parts[0][0] if len(parts) == 1 else JoinedSource(parts)
