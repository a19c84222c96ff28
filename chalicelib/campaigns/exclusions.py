"""Which targets of a page get no letter in a run: recipients of other campaigns, people on lists or in segments that
are left out, and targets that share an address with an earlier one."""

from collections.abc import Callable, Mapping, Sequence

from chalicelib.addresses import same_address_key
from chalicelib.campaigns.held_chunks import notification_of
from chalicelib.campaigns.list_members import Members
from chalicelib.campaigns.rule_readings import RuleReadings
from chalicelib.campaigns.targets import Cursor, Source, Target, TargetPage
from chalicelib.composed import Composed
from chalicelib.observability import log_failure
from chalicelib.storage.campaign_recipients import known_notifications
from chalicelib.storage.runs import Runs
from chalicelib.storage.users import Profile, Users

_MOST_ASKED = 100


def each_address_once(targets: Sequence[Target]) -> list[Target]:
    """The same targets. Of those with the same email address all but the first are marked: they are targeted, and
    `enrich` counts them as `skipped(duplicate)`."""
    seen: set[str] = set()
    found = []
    for target in targets:
        key = same_address_key("email", target.email) if target.email else None
        if key is not None and key in seen:
            target = target._replace(recipient=target.recipient.model_copy(update={"duplicate": True}))
        elif key is not None:
            seen.add(key)
        found.append(target)
    return found


def excluded(targets: Sequence[Target], campaigns: Sequence[str], *, runs: Runs) -> set[str]:
    """The notification ids of targets who were recipients of any run of these campaigns: the same user, or the same
    address as on that run's list. Raises: UnavailableError (retryable)."""
    known = [run for one in campaigns for run in runs.recipients(one)] if targets else []
    asked: dict[str, str] = {}
    for target in targets:
        one, address = target.recipient, target.email
        for name, has_addresses in known:
            if one.user_id is not None:
                asked[notification_of(name, user_id=one.user_id)] = one.notification_id
            if address is not None and has_addresses:
                asked[notification_of(name, address=address)] = one.notification_id
    return {asked[one] for one in known_notifications(asked)}


class WithoutSome(Composed):
    """A source, and who of its targets is left out. Users who stand on a list by their id are looked up in the
    directory if that matters; a bare address is judged by what its list says about it."""

    source: Source
    campaigns: Sequence[str]
    lists: Sequence[Callable[[], Members]]
    rules: Sequence[RuleReadings]
    runs: Runs
    directory: Users

    def page(self, *, shard: int, shards: int, cursor: Cursor | None, limit: int) -> TargetPage:
        """See `Source`."""
        page = self.source.page(shard=shard, shards=shards, cursor=cursor, limit=limit)
        out = excluded(page.targets, self.campaigns, runs=self.runs) if self.campaigns else set()
        left = [one for one in page.targets if one.recipient.notification_id not in out]
        if left and (self.lists or self.rules):
            out |= self._out(self._known(left))
        return page._replace(left_out=frozenset(out))

    def _out(self, targets: Sequence[Target]) -> set[str]:
        lists = [members() for members in self.lists]
        out = {one.recipient.notification_id for one in targets if any(some.has_any(one.keys) for some in lists)}
        people = {
            one.recipient.notification_id: one.profile
            for one in targets
            if one.profile is not None and one.recipient.notification_id not in out
        }
        for rule in self.rules:
            out |= set(rule.matching(people, alone=_log_profile))
        return out

    def _known(self, targets: Sequence[Target]) -> list[Target]:
        ids = [one.recipient.user_id for one in targets if one.recipient.user_id and one.profile is None]
        known: dict[str, Profile] = {}
        for n in range(0, len(ids), _MOST_ASKED):
            known |= self.directory.get_many(ids[n : n + _MOST_ASKED], fresh=False).known
        return [one if one.profile else one._replace(profile=_profile(one, known)) for one in targets]


def _profile(target: Target, known: Mapping[str, Profile]) -> Profile | None:
    one = target.recipient
    if one.user_id is not None:
        return known.get(one.user_id)
    return Profile(id="", **one.profile) if one.profile else None


def _log_profile(_name: str, error: Exception) -> None:
    log_failure("profile", error)
