"""Profiles from the cinema's own service, in batches. `enrich` uses it where the stage's `profiles_url` is set; point
it at a read replica (docs/architecture.md).

`POST <profiles_url>` with `{"ids": [...]}` is answered by `{"users": [user, …], "unknown": [id, …]}`, a user in the
shape of the API; fields of its own are ignored. An id that is in neither list was not answered and is asked for again.
429 asks for a slower pace. A service that refuses, redirects or answers something else is there: the stage is not as it
should be, which is told apart from a service that does not answer.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from chalicelib.apart import together
from chalicelib.errors import MisconfiguredError, ThrottledError, UnavailableError
from chalicelib.observability import logger
from chalicelib.profiles.model import Profile, User
from chalicelib.profiles.source import Profiles

if TYPE_CHECKING:
    import requests

_POOL = 4
_PROOFS = 3  # users of whom each by itself gives no answer that can be read: it is no profile service
_MAY_PASS = (408, 425)  # of what is below 500


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    users: tuple[Any, ...] = ()
    unknown: frozenset[str] = frozenset()


class HttpProfiles:
    """The cinema's user service."""

    def __init__(self, url: str, *, timeout_seconds: float) -> None:
        self._url = url
        self._timeout = timeout_seconds

    def get_many(self, ids: Iterable[str], *, fresh: bool, preferences: bool = False) -> Profiles:  # noqa: ARG002
        """See `ProfileSource`; `fresh` is sent along and means what the service makes of it. Preferences are Vestnik's
        own: the service has none."""
        wanted = frozenset(ids)
        answers: list[_Answer] = []
        unreadable: list[str] = []

        def alone(one: str, error: Exception) -> None:
            unreadable.append(one)
            if not answers and len(unreadable) >= min(len(wanted), _PROOFS):
                raise MisconfiguredError("the profile service answers with something other than profiles") from error

        # One user's data may spoil the whole answer: the others are asked for without them.
        together(lambda some: answers.append(self._ask(some, fresh=fresh)), sorted(wanted), alone=alone)
        unknown = frozenset[str]().union(*(answer.unknown for answer in answers))
        profiles = [_profile(given) for answer in answers for given in answer.users]
        if None in profiles:
            logger().warning("users of the profile service cannot be read", users=profiles.count(None))
        known = {profile.id: profile for profile in profiles if profile is not None and profile.id in wanted}
        return Profiles(known=known, unresolved=wanted - known.keys() - unknown)

    def _ask(self, ids: Sequence[str], *, fresh: bool) -> _Answer:
        import requests

        try:
            response = self._session.post(
                self._url,
                json={"ids": list(ids), "fresh": fresh},
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise UnavailableError(f"the profile service did not answer ({type(error).__name__})") from error
        _check(response.status_code)
        return _Answer.model_validate_json(response.content)

    @cached_property
    def _session(self) -> "requests.Session":
        # Imported here: a stage on DynamoDB starts without it.
        import requests
        from requests.adapters import HTTPAdapter

        session = requests.Session()
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=_POOL, max_retries=0)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return session


def _check(status: int) -> None:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise ThrottledError("the profile service asks for a slower pace (429)")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _MAY_PASS:
        raise UnavailableError(f"the profile service did not answer ({status})")
    if status != HTTPStatus.OK:
        raise MisconfiguredError(f"the profile service refuses this stage ({status})")


def _profile(given: Any) -> Profile | None:
    """None for a user whose data cannot be read: that one is asked for again, the others go on."""
    try:
        fields = {name: given[name] for name in User.model_fields if name in given}
        user = _user(fields)
    except (TypeError, ValidationError):
        return None
    fields = user.model_dump()
    fields["email_confirmed"] = bool(user.email_confirmed)
    return Profile(**fields)


def _user(fields: dict[str, Any]) -> User:
    try:
        return User.model_validate(fields)
    except ValidationError as error:
        if {mistake["loc"] for mistake in error.errors()} != {("phone",)}:
            raise
    return User.model_validate({**fields, "phone": None})  # a number that no plan has must not keep letters away
