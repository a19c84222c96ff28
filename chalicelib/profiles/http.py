"""Profiles from the cinema's own service, in batches. `enrich` uses it where the stage's `profiles_url` is set; point
it at a read replica (docs/architecture.md).

`POST <profiles_url>` with `{"ids": [...]}` is answered by `{"users": [user, …], "unknown": [id, …]}`, a user in the
shape of the API; fields of its own are ignored. An id that is in neither list was not answered and is asked for again.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from chalicelib.errors import UnavailableError
from chalicelib.profiles.model import Profile, User
from chalicelib.profiles.source import Profiles

if TYPE_CHECKING:
    import requests

_POOL = 4


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
        answer = self._ask(wanted, fresh=fresh)
        known = {}
        for given in answer.users:
            profile = _profile(given)
            if profile is not None and profile.id in wanted:
                known[profile.id] = profile
        return Profiles(known=known, unresolved=wanted - known.keys() - answer.unknown)

    def _ask(self, ids: frozenset[str], *, fresh: bool) -> _Answer:
        import requests

        try:
            response = self._session.post(
                self._url,
                json={"ids": sorted(ids), "fresh": fresh},
                timeout=self._timeout,
                allow_redirects=False,
            )
            response.raise_for_status()
            if response.status_code != requests.codes.ok:
                raise UnavailableError(f"the profile service answered {response.status_code}")
            return _Answer.model_validate_json(response.content)
        except (requests.RequestException, ValidationError) as error:
            raise UnavailableError(f"the profile service did not answer ({type(error).__name__})") from error

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
