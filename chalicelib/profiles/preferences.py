"""A user's preferences: what they get, on which channel, and when not."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Annotated, Any, NamedTuple, Self

from pydantic import ConfigDict, Field, StrictBool, field_validator, model_validator

from chalicelib.categories import CATEGORIES
from chalicelib.clock import Clock, Moment, rfc3339
from chalicelib.errors import ConflictError, FieldError, InvalidError, Phrase
from chalicelib.manifest import CHANNELS
from chalicelib.profiles.digest_preferences import DigestWish
from chalicelib.schemas import StrictModel, recalled
from chalicelib.storage.preferences import (
    StoredPreferences,
    delete_preferences,
    find_preferences,
    preferences_of,
    save_preferences,
)
from chalicelib.text import Line, shaped

_CHANGE_TRIES = 5
DIGEST_CATEGORY = "digest"  # the category of a digest itself
EVERYTHING = "*"  # every category, those that are to come too
SWITCHABLE = tuple(name for name, one in CATEGORIES.items() if not one.transactional)
# Channels whose address others may have too → its field in a profile.
WRITTEN_TO = {name: spec.address_field for name, spec in CHANNELS.items() if spec.address_field != "id"}
LONG_AGO = "0"  # before any moment: what was said before moments were kept

TimeOfDay = Annotated[
    Line, shaped(r"^([01][0-9]|2[0-3]):[0-5][0-9]$", Phrase("expected a time such as 18:00"), examples=["22:00"])
]
Words = Mapping[str, Any]  # `<category>#<channel>` or EVERYTHING → [moment, whether it is wanted]


class QuietHours(StrictModel):
    """Local times between which nothing arrives; letters wait for the end."""

    start: TimeOfDay = Field(alias="from")
    end: TimeOfDay = Field(alias="to")

    @model_validator(mode="after")
    def _some_time_is_left(self) -> Self:
        if self.start == self.end:
            raise ValueError(Phrase("from and to must differ"))
        return self


class Preferences(StrictModel):
    """What a user wants; whatever is left out is wanted. A category that cannot be switched off may only be true."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "everything": True,
                    "categories": {"marketing": {"email": False}},
                    "quiet_hours": {"from": "22:00", "to": "08:00"},
                    "paused_until": None,
                }
            ]
        }
    )

    everything: Annotated[StrictBool, Field(description="false: only letters about the account")] = True
    categories: Mapping[str, Mapping[str, StrictBool]] = Field(default_factory=dict)
    digests: Annotated[
        Mapping[str, DigestWish], Field(description="categories whose letters are collected, daily or weekly")
    ] = Field(default_factory=dict)
    quiet_hours: QuietHours | None = None
    paused_until: Annotated[Moment | None, Field(description="until then letters are skipped")] = None

    @field_validator("categories")
    @classmethod
    def _known(cls, categories: Mapping[str, Mapping[str, bool]]) -> Mapping[str, Mapping[str, bool]]:
        for name, channels in categories.items():
            if name not in CATEGORIES:
                raise ValueError(Phrase("{name} is not one of {known}", name=name, known=", ".join(CATEGORIES)))
            if CATEGORIES[name].transactional and not all(channels.values()):
                raise ValueError(Phrase("letters of the category {name} cannot be switched off", name=name))
        return categories

    @field_validator("digests")
    @classmethod
    def _collectable(cls, digests: Mapping[str, DigestWish]) -> Mapping[str, DigestWish]:
        for name in digests:
            if name not in CATEGORIES:
                raise ValueError(Phrase("{name} is not one of {known}", name=name, known=", ".join(CATEGORIES)))
            if CATEGORIES[name].transactional or name == DIGEST_CATEGORY:
                raise ValueError(Phrase("letters of the category {name} are not collected", name=name))
        return digests

    def wants(self, category: str, channel: str) -> bool:
        """Whether a category is on for a channel, apart from the pause and `everything`."""
        return self.categories.get(category, {}).get(channel, True)

    def with_category(self, category: str, channel: str, *, wanted: bool) -> "Preferences":
        """The same with one switch set."""
        channels = {**self.categories.get(category, {}), channel: wanted}
        return self.model_copy(update={"categories": {**self.categories, category: channels}})

    def stored(self) -> dict[str, Any]:
        """As JSON, in the shape of the API."""
        return self.model_dump(mode="json", by_alias=True)


def word_key(category: str, channel: str) -> str:
    """The name of a switch among a user's words."""
    return f"{category}#{channel}"


def spoken(
    before: Preferences,
    words: Words,
    after: Preferences,
    *,
    channels: Iterable[str],
    named: frozenset[str],
    at: str,
) -> dict[str, Any]:
    """The words after a change of preferences at a moment. A switch speaks when it is turned, or when it is `named`
    (its key, or EVERYTHING): to repeat a wish is to say it."""
    found: dict[str, Any] = {}
    if not after.everything:
        turned = before.everything or EVERYTHING in named or EVERYTHING not in words
        found[EVERYTHING] = [at, False] if turned else words[EVERYTHING]
    for name in SWITCHABLE:
        for channel in channels:
            key, on, was = word_key(name, channel), after.wants(name, channel), before.wants(name, channel)
            known = words.get(key, [LONG_AGO, None])
            if on:
                turned = after.everything and (not (before.everything and was) or bool(named & {key, EVERYTHING}))
            else:
                turned = was or key in named or known[1] is not False
            if turned:
                found[key] = [at, on]
            elif known[1] is on:
                found[key] = known
    return found


def moment_of(words: Words, key: str) -> str:
    """When a switch was turned."""
    return str(words[key][0]) if key in words else LONG_AGO


class Stated(NamedTuple):
    """A user's preferences, and when each switch was turned."""

    preferences: Preferences
    words: Words


Tell = Callable[[str, Stated], None]


class PreferenceStore:
    """A user without a row wants everything. `channels` are those that may be switched. `tell` is called with what is
    stored for a user; it may raise UnavailableError (retryable): the change is to be repeated."""

    def __init__(self, *, clock: Clock, tell: Tell) -> None:
        self._clock = clock
        self._tell = tell

    def get(self, user_id: str) -> Preferences:
        """One user's preferences."""
        return _read_in(self.stored(user_id) or {})

    def stored(self, user_id: str) -> Mapping[str, Any] | None:
        """A user's own settings, as stored; None if there are none."""
        stored = find_preferences(user_id)
        return stored.preferences if stored else None

    def of_many(self, user_ids: Collection[str]) -> dict[str, Stated]:
        """Of those who have set any."""
        found = preferences_of(user_ids)
        return {user_id: Stated(_read_in(one.preferences), one.words) for user_id, one in found.items()}

    def put(self, user_id: str, preferences: Preferences, *, named: Collection[str] = ()) -> Preferences:
        """Replaces a user's preferences. Raises: as `change`."""
        return self.change(user_id, lambda _: preferences, named=named)

    def change(
        self, user_id: str, change: Callable[[Preferences], Preferences], *, named: Collection[str] = ()
    ) -> Preferences:
        """Applies `change` to the stored preferences, so that two simultaneous changes are both kept. `named` are the
        switches that were set on purpose (`preference_changes.spoken`). Raises: InvalidError (permanent: an unknown
        channel), ConflictError (permanent: others kept changing it)."""
        for _ in range(_CHANGE_TRIES):
            stored = find_preferences(user_id)
            before = _read_in(stored.preferences if stored else {})
            changed, at = change(before), rfc3339(self._clock())
            self._check(changed)
            known = stored.words if stored else {}
            words = spoken(before, known, changed, channels=WRITTEN_TO, named=frozenset(named), at=at)
            if save_preferences(user_id, StoredPreferences(changed.stored(), words, at), after=stored):
                self._tell(user_id, Stated(changed, words))  # everything, so that a repetition makes up for a failure
                return changed
        raise ConflictError(Phrase("these preferences are being changed by others; try again"))

    def delete(self, user_id: str) -> None:
        """Deletes a user's preferences."""
        delete_preferences(user_id)

    def _check(self, preferences: Preferences) -> None:
        errors = [
            FieldError(f"categories.{category}.{channel}", Phrase("expected one of {known}", known=", ".join(CHANNELS)))
            for category, channels in preferences.categories.items()
            for channel in channels
            if channel not in CHANNELS
        ]
        if errors:
            raise InvalidError(Phrase("the preferences are not as expected"), errors)


def _read_in(stored: Mapping[str, Any]) -> Preferences:
    # Categories that are gone must not shut the user out of the page.
    categories = {name: on for name, on in stored.get("categories", {}).items() if name in CATEGORIES}
    digests = {name: wish for name, wish in stored.get("digests", {}).items() if name in CATEGORIES}
    return recalled(Preferences, {**stored, "categories": categories, "digests": digests})
