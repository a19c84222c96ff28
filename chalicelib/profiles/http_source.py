"""Profiles from the cinema's own service, in batches, where the stage's `profiles_url` is set; point it at a read
replica (docs/architecture.md).

`POST <profiles_url>` with `{"ids": [...]}` is answered with `{"users": [user, …], "unknown": [id, …]}`, users in the
API's shape; unknown fields are ignored. An id in neither list was not answered and is asked for again; a user in
another shape has failed. 429 asks for a slower pace. A service that refuses, redirects or answers something else is up,
but the stage is misconfigured, which is distinguished from a service that does not answer.
"""

from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from chalicelib.errors import MisconfiguredError, ThrottledError, UnavailableError
from chalicelib.isolation import together
from chalicelib.observability import log_failure, logger
from chalicelib.profiles.model import User
from chalicelib.storage.users import Profile, Profiles

if TYPE_CHECKING:
    import requests

_POOL = 4
_PROOFS = 3  # this many unreadable users in a row: it is not a profile service
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
        self._understood = False
        self._strangers: set[str] = set()  # since it was understood last

    def get_many(self, ids: Iterable[str], *, fresh: bool, preferences: bool = False) -> Profiles:  # noqa: ARG002
        """See `ProfileSource`; `fresh` is passed on. Preferences are Vestnik's own: the service has none. Raises:
        MisconfiguredError (retryable) if it is not one user's fault."""
        wanted = frozenset(ids)
        known: dict[str, Profile] = {}
        unknown: set[str] = set()
        unreadable: set[str] = set()

        def ask(some: Sequence[str]) -> None:
            answer = self._ask(some, fresh=fresh)
            unknown.update(answer.unknown)
            for given in answer.users:
                profile = _profile(given)
                if profile is not None:
                    known[profile.id] = profile
                elif isinstance(given, dict) and isinstance(given.get("id"), str):
                    unreadable.add(given["id"])

        def alone(one: str, error: Exception) -> None:
            log_failure("profile", error)
            unreadable.add(one)
            if len(unreadable) >= _PROOFS:
                self._require_sense(known, unreadable)

        # One user's data may spoil the whole answer: ask for the others without them.
        together(ask, sorted(wanted), alone=alone)
        strange = (unreadable & wanted) - known.keys()
        self._require_sense(known or (unknown - strange), strange)
        if strange:
            logger().warning("users of the profile service cannot be read", users=len(strange))
        known = {one: profile for one, profile in known.items() if one in wanted}
        return Profiles(known, wanted - known.keys() - unknown - strange, frozenset(strange))

    def _require_sense(self, sense: Collection[str], strange: Collection[str]) -> None:
        """An unreadable user fails alone as long as the service is otherwise understood. Raises: MisconfiguredError
        (retryable): nothing else has been understood lately, or ever."""
        if sense:
            self._understood, self._strangers = True, set()
            return
        self._strangers.update(strange)
        if strange and (not self._understood or len(self._strangers) >= _PROOFS):
            raise MisconfiguredError("the profile service answers with something other than profiles")

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
    """None for a user whose data cannot be read: the others continue."""
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
