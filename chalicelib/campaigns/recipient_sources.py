"""The recipients of a run, page by page: from the directory, an uploaded list, or the unsent letters of another run."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from chalicelib.addresses import user_of
from chalicelib.campaigns.audience_rules import Rule
from chalicelib.campaigns.held_chunks import notification_of, user_recipient
from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.operators import RuleMoment
from chalicelib.campaigns.schedule import RECIPIENT, day_before, planning_zone
from chalicelib.clock import derived_id
from chalicelib.composed import Composed
from chalicelib.deliveries import DeliveryKey, Status, fit_for_resend
from chalicelib.isolation import each, together
from chalicelib.observability import log_failure
from chalicelib.pipeline.jobs import EnrichRecipient, nobody, sendable
from chalicelib.profiles.directory import Directory
from chalicelib.storage.campaign_recipients import KnownNotification, read_notifications, read_openings
from chalicelib.storage.recipient_lists import RecipientLists
from chalicelib.storage.run_outcomes import RunPlace, letters_of_run
from chalicelib.storage.runs import Run, Runs
from chalicelib.storage.users import Profile
from chalicelib.wall_clock import zone_of

OPENINGS_OF_RUNS = 5  # of a campaign, the newest: a rule reads a delivery of each for every user of a page
Cursor = dict[str, Any]


class Target(NamedTuple):
    """One recipient of a run, their time zone (None: unknown), and the profile if it is at hand."""

    recipient: EnrichRecipient
    zone: str | None = None
    profile: Profile | None = None

    @property
    def email(self) -> str | None:
        """If it is known."""
        return self.profile.email if self.profile else (self.recipient.profile or {}).get("email")


class TargetPage(NamedTuple):
    """Some targets, and where the shard continues; None: it is finished. `asked` are the profiles that a rule was
    applied to, `unread` finds in one what the rule could not compare (`Rule.unread`)."""

    targets: Sequence[Target]
    cursor: Cursor | None
    asked: Sequence[Profile] = ()
    unread: Callable[[Profile], Iterable[tuple[str, Any]]] | None = None


class Source(Protocol):
    """One audience."""

    def page(self, *, shard: int, shards: int, cursor: Cursor | None, limit: int) -> TargetPage:
        """The targets among about `limit` candidates. Raises: UnavailableError (retryable)."""
        ...


class DirectorySource(Composed):
    """Everyone in the directory, or those who match a rule. `scheduled` is the run's time, `before` that of the run a
    day earlier."""

    directory: Directory
    rule: Rule | None
    runs: Runs
    run_id: str
    scheduled: datetime
    before: datetime | None
    zone: str
    default_zone: str
    _opened = dict[str, dict[str, datetime]]()  # noqa: RUF012 - of the page's users, by campaign; replaced whole

    def page(self, *, shard: int, shards: int, cursor: Cursor | None, limit: int) -> TargetPage:
        """See `Source`."""
        profiles, following = self.directory.page(segment=shard, segments=shards, cursor=cursor, limit=limit)
        self._opened = self._openings(profiles)
        targets = each(self._target, self._meant(profiles), alone=_log_profile)
        return TargetPage(targets, following, profiles if self.rule else (), self.unread)

    def _openings(self, profiles: Sequence[Profile]) -> dict[str, dict[str, datetime]]:
        asked: dict[DeliveryKey, tuple[str, str]] = {}
        for campaign in self.rule.campaigns if self.rule else ():
            for run in self.runs.of(campaign, limit=OPENINGS_OF_RUNS):
                for one in profiles:
                    notification = notification_of(run.run_id, user_id=one.id)
                    asked |= {DeliveryKey(notification, channel): (one.id, campaign) for channel in run.channels}
        found: dict[str, dict[str, datetime]] = {}
        for key, at in read_openings(asked).items():
            user, campaign = asked[key]
            opened = found.setdefault(user, {})
            opened[campaign] = max(at, opened.get(campaign, at))
        return found

    def _meant(self, profiles: Sequence[Profile]) -> list[Profile]:
        meant = each(lambda one: one if self.means(one) else None, profiles, alone=_log_profile)
        return [one for one in meant if one is not None]

    def means(self, profile: Profile) -> bool:
        """Whether the profile is in the audience, by the recipient's own calendar."""
        return self.rule is None or self.rule.matches(profile, self._moment(profile))

    def unread(self, profile: Profile) -> Iterable[tuple[str, Any]]:
        """What the rule cannot compare in a profile; see `Rule.unread`."""
        return self.rule.unread(profile, self._moment(profile)) if self.rule else ()

    def _moment(self, profile: Profile) -> RuleMoment:
        zone = zone_of(planning_zone(self.zone) if self.zone == RECIPIENT else profile.timezone or self.default_zone)
        today = self.scheduled.astimezone(zone).date()
        before = self.before.astimezone(zone).date() if self.before else None
        return RuleMoment(self.scheduled, today, before, self._opened.get(profile.id, {}))

    def _target(self, profile: Profile) -> Target:
        return Target(user_recipient(self.run_id, profile.id), profile.timezone, profile)


class ListSource:
    """The rows of an uploaded list; of n shards each takes every nth block."""

    def __init__(self, lists: RecipientLists, list_id: str, *, run_id: str) -> None:
        self._lists = lists
        self._list_id = list_id
        self._run_id = run_id

    def page(self, *, shard: int, shards: int, cursor: Cursor | None, limit: int) -> TargetPage:  # noqa: ARG002
        """See `Source`; a page is one block, whatever the limit."""
        number = int(cursor["block"]) if cursor else shard
        rows = self._lists.block(self._list_id, number)
        if rows is None:
            return TargetPage([], None)
        targets: list[Target] = []

        def unreadable(place: int, error: Exception) -> None:
            log_failure("row of a list", error, list_id=self._list_id, block=number, row=place)
            # It counts as a target that has failed: `enrich` finds nothing of it.
            targets.append(Target(nobody(derived_id("notification", self._run_id, f"row:{number}:{place}"))))

        each(lambda place: targets.append(self._target(rows[place])), range(len(rows)), alone=unreadable)
        return TargetPage(targets, {"block": number + shards})

    def _target(self, row: Mapping[str, Any]) -> Target:
        user_id, address = row.get("user_id"), row.get("email")
        recipient = EnrichRecipient(
            notification_id=notification_of(self._run_id, user_id=user_id, address=address),
            user_id=user_id,
            profile=None if user_id else dict(row),
        )
        zone = row.get("timezone")
        return Target(sendable(recipient), zone if isinstance(zone, str) else None)


class UnsentSource:
    """The letters of a run that were certainly not sent, for some reasons. The new letter's id is derived from the old
    one's, so asking twice sends once."""

    def __init__(
        self, run_id: str, channels: Sequence[str], reasons: Sequence[str] | None, *, homes: int, resend_run_id: str
    ) -> None:
        self._run_id = run_id
        self._homes = homes
        self._channels = channels
        self._reasons = reasons
        self._resend_run_id = resend_run_id

    def page(self, *, shard: int, shards: int, cursor: Cursor | None, limit: int) -> TargetPage:  # noqa: ARG002
        """See `Source`; there is one shard, which walks the run's chunks."""
        # A cursor of the last release is a place in its index, which is gone: from the beginning then.
        after = RunPlace(*cursor["after"]) if cursor and "after" in cursor else RunPlace()
        found, following = letters_of_run(
            self._run_id, self._channels, self._is_wanted, limit=limit, after=after, homes=self._homes
        )
        ids = list(dict.fromkeys(one.key.notification_id for one in found))
        targets: list[Target] = []
        together(lambda some: targets.extend(self._targets(some)), ids, alone=_log_letter)
        return TargetPage(targets, {"after": list(following)} if following else None)

    def _is_wanted(self, state: Status) -> bool:
        status, reason = state
        return status is not None and fit_for_resend(status, reason) and (not self._reasons or reason in self._reasons)

    def _targets(self, ids: Sequence[str]) -> list[Target]:
        targets = {one.recipient.notification_id: one for one in map(_again, read_notifications(ids))}
        for known in read_notifications(targets):
            if known.run_id != self._resend_run_id:
                targets.pop(known.notification_id)  # an earlier resend took it and is responsible for it
        return list(targets.values())


def _log_profile(_profile: Profile, error: Exception) -> None:
    log_failure("profile", error)


def _log_letter(notification_id: str, error: Exception) -> None:
    log_failure("resend", error, notification_id=notification_id)


def _again(row: KnownNotification) -> Target:
    user_id = user_of(row.user_id)
    profile = None if user_id else dict(row.recipient)
    new_id = derived_id("resend", row.notification_id)
    return Target(sendable(EnrichRecipient(notification_id=new_id, user_id=user_id, profile=profile)))


class Sources:
    """`addresses_here`: the directory knows the users' addresses too, no other service."""

    def __init__(
        self, *, directory: Directory, addresses_here: bool, lists: RecipientLists, runs: Runs, default_zone: str
    ) -> None:
        self._directory = directory
        self._addresses_here = addresses_here
        self._runs = runs
        self._lists = lists
        self._default_zone = default_zone

    def size(self, spec: Campaign) -> int:
        """About how many there are to look at; a rule may match fewer. Raises: NotFoundError (permanent: the list is
        gone), UnavailableError (retryable)."""
        if spec.audience.list_id is not None:
            return self._lists.get(spec.audience.list_id).row_count
        return self._directory.size()

    def are_of_directory(self, spec: Campaign) -> bool:
        """Whether all recipients are users of our own directory, which is told who comes to an address, and leaves."""
        return self._addresses_here and spec.audience.list_id is None

    def of(self, run: Run, spec: Campaign, *, scheduled: datetime) -> Source:
        if run.resend_of:
            before = self._runs.get(run.campaign_id, run.resend_of.removeprefix(f"{run.campaign_id}@"))
            homes = (before.homes if before else None) or 1
            return UnsentSource(run.resend_of, run.channels, run.reasons, homes=homes, resend_run_id=run.run_id)
        return self.of_spec(spec, run_id=run.run_id, scheduled=scheduled)

    def of_spec(self, spec: Campaign, *, run_id: str, scheduled: datetime) -> Source:
        """The source of a campaign as it would be at a time, for previews."""
        if spec.audience.list_id is not None:
            return ListSource(self._lists, spec.audience.list_id, run_id=run_id)
        zone = spec.timezone or self._default_zone
        return DirectorySource(
            directory=self._directory,
            rule=spec.audience.rule,
            runs=self._runs,
            run_id=run_id,
            scheduled=scheduled,
            zone=zone,
            default_zone=self._default_zone,
            before=day_before(spec.schedule, zone, scheduled) if spec.schedule and spec.audience.rule else None,
        )
