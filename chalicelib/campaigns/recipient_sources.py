"""The recipients of a run, page by page: from the directory, an uploaded list, or the unsent letters of another run."""

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.addresses import user_of
from chalicelib.campaigns.held_chunks import notification_of, user_recipient
from chalicelib.campaigns.rule_readings import RuleReadings
from chalicelib.campaigns.targets import Cursor, Target, TargetPage
from chalicelib.clock import derived_id
from chalicelib.composed import Composed
from chalicelib.deliveries import Status, fit_for_resend, variant_at
from chalicelib.isolation import each, together
from chalicelib.observability import log_failure
from chalicelib.pipeline.jobs import EnrichRecipient, nobody, sendable
from chalicelib.storage.campaign_recipients import KnownNotification, read_notifications
from chalicelib.storage.recipient_lists import RecipientLists
from chalicelib.storage.run_outcomes import RunPlace, letters_of_run
from chalicelib.storage.users import Profile, Users


class DirectorySource(Composed):
    """Everyone in the directory, or those who match a rule."""

    directory: Users
    rule: RuleReadings | None
    run_id: str

    def page(self, *, shard: int, shards: int, cursor: Cursor | None, limit: int) -> TargetPage:
        """See `Source`."""
        profiles, following = self.directory.page(segment=shard, segments=shards, cursor=cursor, limit=limit)
        targets = each(self._target, self._meant(profiles), alone=_log_profile)
        if self.rule is None:
            return TargetPage(targets, following, looked_at=len(profiles))
        return TargetPage(targets, following, profiles, self.rule.unread, looked_at=len(profiles))

    def _meant(self, profiles: Sequence[Profile]) -> Sequence[Profile]:
        if self.rule is None:
            return profiles
        meant = self.rule.matching({one.id: one for one in profiles}, alone=_log_profile)
        return [one for one in profiles if one.id in meant]

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
        return TargetPage(targets, {"block": number + shards}, looked_at=len(rows))

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
        variants = {_again_id(one.key.notification_id): variant_at(one.key.spot) for one in found}
        targets = [one._replace(variant=variants[one.recipient.notification_id]) for one in targets]
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


def _log_profile(_one: object, error: Exception) -> None:
    log_failure("profile", error)


def _log_letter(notification_id: str, error: Exception) -> None:
    log_failure("resend", error, notification_id=notification_id)


def _again(row: KnownNotification) -> Target:
    user_id = user_of(row.user_id)
    profile = None if user_id else dict(row.recipient)
    new_id = _again_id(row.notification_id)
    return Target(sendable(EnrichRecipient(notification_id=new_id, user_id=user_id, profile=profile)))


def _again_id(notification_id: str) -> str:
    return derived_id("resend", notification_id)
