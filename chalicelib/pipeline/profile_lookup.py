"""Reads the profiles of a chunk's recipients without overloading the source."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import NamedTuple

from chalicelib.categories import CATEGORIES
from chalicelib.errors import MisconfiguredError, ThrottledError, UnavailableError
from chalicelib.flow.throttle import CallReport, Throttle
from chalicelib.observability import log_failure
from chalicelib.pipeline.jobs import PROFILE_FIELDS, EnrichJob
from chalicelib.pipeline.retry import Retries
from chalicelib.profiles.model import ProfileSource
from chalicelib.reasons import Reason
from chalicelib.storage.users import Profile, Profiles, Wishes


class Known(NamedTuple):
    """The source's answer for a chunk: profiles by notification id, without unknown users; `unresolved` users got no
    answer, the data of `unreadable` ones cannot be read. `preferences`: see `Profiles`."""

    profiles: Mapping[str, Profile]
    unresolved: Set[str]
    unreadable: Set[str]
    preferences: Wishes | None


@dataclass(eq=False, repr=False, kw_only=True)
class ProfileLookup:
    """The profile source behind its throttle."""

    source: ProfileSource
    throttle: Throttle
    retries: Retries
    max_attempts: int

    def read(self, job: EnrichJob) -> Known | None:
        """None if the source cannot be asked now, and the job was put aside. Raises: UnavailableError (retryable) after
        the last attempt."""
        ids = {r.user_id for r in job.recipients if r.user_id}
        if not ids:
            return _known(job, Profiles(known={}))
        allowed = self.throttle.enter(len(ids), lane=job.letter.lane, divisible=False)
        if not allowed.units:
            self.retries.later(job, in_seconds=allowed.come_back_seconds)
            return None
        try:
            switchable = not CATEGORIES[job.letter.category].transactional
            found = self.source.get_many(ids, fresh=job.letter.lane == "instant", preferences=switchable)
        except UnavailableError as error:
            log_failure("profiles", error)
            self.throttle.learn([_report(error)], lane=job.letter.lane)
            self._put_aside(job, error)
            return None
        self.throttle.learn([CallReport()], lane=job.letter.lane)
        return _known(job, found)

    def ask_again(self, job: EnrichJob, unresolved: Set[str]) -> int:
        """Puts recipients without an answer into a job of their own; returns how many. Raises: UnavailableError
        (retryable) after the last attempt."""
        late = [one for one in job.recipients if one.user_id in unresolved]
        if late:
            self._put_aside(job.only(late), UnavailableError("the profile source did not answer for everybody"))
        return len(late)

    def _put_aside(self, job: EnrichJob, error: UnavailableError) -> None:
        if job.attempt >= self.max_attempts:
            raise error
        self.retries.again(job)


def _report(error: UnavailableError) -> CallReport:
    """A source that refuses us is left alone too, until somebody has fixed what the breaker gives as the reason."""
    if isinstance(error, ThrottledError):
        return CallReport(slow_down=True)
    return CallReport(failure=error.detail if isinstance(error, MisconfiguredError) else Reason.NO_ANSWER)


def _known(job: EnrichJob, found: Profiles) -> Known:
    profiles = {}
    for recipient in job.recipients:
        if recipient.profile is not None:
            given = {name: recipient.profile[name] for name in PROFILE_FIELDS if name in recipient.profile}
            profiles[recipient.notification_id] = Profile(id="", **given)
        elif recipient.user_id and recipient.user_id in found.known:
            profiles[recipient.notification_id] = found.known[recipient.user_id]
    return Known(profiles, found.unresolved, found.unreadable, found.preferences)
