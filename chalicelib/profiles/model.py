"""What is known about a user. Producers write `UserBody`s through the API; workers read `Profile`s."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Annotated, Any, Protocol
from zoneinfo import available_timezones

from pydantic import AfterValidator, ConfigDict, Field, StrictBool

from chalicelib.addresses import normal_email, normal_phone
from chalicelib.errors import Phrase, UnavailableError
from chalicelib.locales import Locale
from chalicelib.schemas import StrictModel
from chalicelib.storage.users import Profile, Profiles
from chalicelib.text import JsonObject, Line, one_line, shaped

ATTRIBUTES_BYTES = 32_768
ATTRIBUTES_DEPTH = 10


class ProfileSource(Protocol):
    """Where workers read profiles: our own directory or the cinema's own service. Both answer for a whole chunk."""

    def get_many(self, ids: Iterable[str], *, fresh: bool, preferences: bool = False) -> Profiles:
        """Those of `ids` (at most 100). `fresh` asks for what was written a moment ago, as an instant notification may
        follow the registration by milliseconds; `preferences` asks for those too, if that costs no further request.
        Raises: UnavailableError (retryable): there was no answer for anybody."""
        ...


def profile_of(source: ProfileSource, user_id: str) -> Profile | None:
    """One user as of now; None: there is no such user. Raises: UnavailableError (retryable): the source gave no
    answer, which does not mean that there is none."""
    found = source.get_many([user_id], fresh=True)
    if user_id in found.unresolved or user_id in found.unreadable:
        raise UnavailableError("the profile source did not answer for this user")
    return found.known.get(user_id)


@cache
def _timezones() -> Mapping[str, str]:
    # It walks a folder of 600 files, among them some systems' own, which name no place.
    return {name.lower(): name for name in available_timezones() - {"localtime", "Factory"}}


def known_timezone(value: str) -> str:
    """The zone in IANA's spelling, whatever the case; anything else stays as it is."""
    return _timezones().get(one_line(value).replace(" ", "_").lower(), value)


def normal_timezone(value: str) -> str:
    """As `known_timezone`. Raises: ValueError (permanent; says what is expected): not a zone."""
    name = known_timezone(value)
    if name.lower() not in _timezones():
        raise ValueError(Phrase("expected an IANA time zone such as Europe/Moscow"))
    return name


def _attributes(value: dict[str, Any]) -> dict[str, Any]:
    if _depth(value) > ATTRIBUTES_DEPTH:
        raise ValueError(Phrase("expected at most {depth} levels", depth=ATTRIBUTES_DEPTH))
    if len(json.dumps(value).encode()) > ATTRIBUTES_BYTES:
        raise ValueError(Phrase("expected at most {size} bytes of JSON", size=ATTRIBUTES_BYTES))
    return value


def _depth(value: object) -> int:
    """Levels of nesting; stops one below the limit."""
    level, depth = [value], 0
    while depth <= ATTRIBUTES_DEPTH:
        level = [
            item
            for one in level
            if isinstance(one, dict | list)
            for item in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            break
        depth += 1
    return depth


UserId = Annotated[
    str,
    shaped(
        r"^[A-Za-z0-9._~@:-]{1,128}$",
        Phrase("expected the id of a user: up to 128 Latin letters, digits and . _ ~ @ : -"),
        examples=["u-1042"],
    ),
]
Email = Annotated[str, Field(max_length=254, examples=["anna@example.com"]), AfterValidator(normal_email)]
Phone = Annotated[
    Line, Field(max_length=64, description="E.164", examples=["+79261234567"]), AfterValidator(normal_phone)
]
Name = Annotated[Line, Field(min_length=1, max_length=200, examples=["Анна"])]
Timezone = Annotated[str, Field(max_length=64, examples=["Europe/Moscow"]), AfterValidator(normal_timezone)]
Attributes = Annotated[JsonObject, AfterValidator(_attributes)]


class UserBody(StrictModel):
    """A user as a service describes them. A field that is left out is unknown; without `email_confirmed` the previous
    value for the same address stays."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "email": "anna@example.com",
                    "name": "Анна",
                    "locale": "ru",
                    "timezone": "Europe/Moscow",
                    "attributes": {"plan": "family"},
                }
            ]
        }
    )

    email: Email | None = None
    phone: Phone | None = None
    name: Name | None = None
    locale: Locale | None = None
    timezone: Timezone | None = None
    attributes: Attributes = Field(default_factory=dict)
    email_confirmed: StrictBool | None = None


class UserPatch(UserBody):
    """A JSON merge patch (RFC 7396): given fields are set, null removes, `attributes` are merged by name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"locale": "en", "attributes": {"plan": None}}]})

    attributes: Attributes | None = None  # type: ignore[assignment]


class User(UserBody):
    """A whole user, with the id."""

    id: UserId
