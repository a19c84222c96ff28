"""A rule, applied to a page of people at a run's time: what profiles do not hold is read for all of them first."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from chalicelib.campaigns.audience_rules import Rule
from chalicelib.campaigns.letter_activity import Found, LetterActivity, LetterOwner
from chalicelib.campaigns.operators import RuleMoment
from chalicelib.campaigns.schedule import RECIPIENT, planning_zone
from chalicelib.composed import Composed
from chalicelib.isolation import each
from chalicelib.storage.users import Profile
from chalicelib.wall_clock import zone_of


class RuleTime(Composed):
    """`scheduled` is the run's time, `before` that of the run a day earlier; `zone` may be RECIPIENT."""

    scheduled: datetime
    before: datetime | None
    zone: str
    default_zone: str

    def moment(self, profile: Profile, activity: Mapping[Any, datetime]) -> RuleMoment:
        """By the recipient's own calendar."""
        zone = zone_of(planning_zone(self.zone) if self.zone == RECIPIENT else profile.timezone or self.default_zone)
        today = self.scheduled.astimezone(zone).date()
        before = self.before.astimezone(zone).date() if self.before else None
        return RuleMoment(self.scheduled, today, before, activity)


class RuleReadings(Composed):
    """One rule at one time."""

    rule: Rule
    time: RuleTime
    activity: LetterActivity
    _found = Found()  # of the page's people; replaced whole

    def matching(self, people: Mapping[str, Profile], *, alone: Callable[[str, Exception], object]) -> Collection[str]:
        """The names of those who match; one whose profile cannot be judged is given to `alone`. Raises:
        UnavailableError (retryable)."""
        persons = {name: LetterOwner(one.id or None, one.email) for name, one in people.items()}
        doings = self.rule.doings
        self._found = self.activity.read(doings, persons, at=self.time.scheduled) if doings else {}
        judged = each(lambda name: (name, self.means(name, people[name])), people, alone=alone)
        return {name for name, means in judged if means}

    def means(self, name: str, profile: Profile) -> bool:
        return self.rule.matches(profile, self.time.moment(profile, self._found.get(name, {})))

    def unread(self, profile: Profile) -> Iterable[tuple[str, Any]]:
        """What the rule cannot compare in a profile; see `Rule.unread`."""
        return self.rule.unread(profile, self.time.moment(profile, {}))


def any_of(rules: Iterable[Rule]) -> Rule:
    """Matches whoever matches one of them; at least one. Each was checked, so the whole is not."""
    first, *others = rules
    return Rule.model_construct(any=(first, *others)) if others else first
