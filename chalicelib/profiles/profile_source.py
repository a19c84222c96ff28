"""Where `enrich` reads profiles: our own directory or the cinema's own service. Both answer for a whole chunk."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

from chalicelib.errors import UnavailableError
from chalicelib.profiles.model import Profile, Wishes


class Profiles(NamedTuple):
    """An answer: the `known` users by id, the ids that were asked for in vain (`unresolved`: ask again), and those of
    whom something was said that nobody can read (`unreadable`: they have failed). Who is in none does not exist.
    `preferences` of those who have set any; None: the source has none to give."""

    known: Mapping[str, Profile]
    unresolved: frozenset[str] = frozenset()
    unreadable: frozenset[str] = frozenset()
    preferences: Wishes | None = None


class ProfileSource(Protocol):
    """`profiles.directory.Directory` and `profiles.http.HttpProfiles` are these."""

    def get_many(self, ids: Iterable[str], *, fresh: bool, preferences: bool = False) -> Profiles:
        """Those of `ids` (≤ 100). `fresh` asks for what was written a moment ago: an instant notification may follow
        the registration by milliseconds; `preferences` for those too, if that costs no request more. Raises:
        UnavailableError (retryable): nobody was answered."""
        ...


def profile_of(source: ProfileSource, user_id: str) -> Profile | None:
    """One user as of now; None: there is no such user. Raises: UnavailableError (retryable): the source was asked in
    vain, which is not to say that there is none."""
    found = source.get_many([user_id], fresh=True)
    if user_id in found.unresolved or user_id in found.unreadable:
        raise UnavailableError("the profile source did not answer for this user")
    return found.known.get(user_id)
