"""The user's own say: what they get, on which channel, and when not. `pipeline/eligibility.py` asks; the API, the
preference page and the unsubscribe link write.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Annotated, Any, NamedTuple, Self

from pydantic import ConfigDict, Field, StrictBool, field_validator, model_validator

from chalicelib.categories import CATEGORIES
from chalicelib.clock import Clock, Moment, parse_rfc3339, rfc3339
from chalicelib.errors import ConflictError, FieldError, InvalidError, Phrase
from chalicelib.profiles.digest_preferences import DigestWish
from chalicelib.profiles.preference_changes import WRITTEN_TO, Words, spoken
from chalicelib.profiles.quiet_hours import quiet_until
from chalicelib.reasons import Reason
from chalicelib.schemas import StrictModel, recalled
from chalicelib.storage.dynamodb import find, reaching_dynamodb, save_if
from chalicelib.storage.rows.people import PreferencesRow
from chalicelib.text import Line

_CHANGE_TRIES = 5
Hours = tuple[str, str]  # local times: from, to
DIGEST_CATEGORY = "digest"  # of the letter that what was collected is sent as
TimeOfDay = Annotated[Line, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["22:00"])]


class QuietHours(StrictModel):
    """Local times between which nothing arrives; letters wait for the end."""

    start: TimeOfDay = Field(alias="from")
    end: TimeOfDay = Field(alias="to")

    @model_validator(mode="after")
    def _some_time_is_left(self) -> Self:
        if self.start == self.end:
            raise ValueError(Phrase("expected from and to to differ"))
        return self


class Preferences(StrictModel):
    """What a user wants; what is left out is wanted. A category that cannot be switched off may only be
    true."""

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
        """Whether a category is on for a channel, the pause and `everything` aside."""
        return self.categories.get(category, {}).get(channel, True)

    def with_category(self, category: str, channel: str, *, wanted: bool) -> "Preferences":
        """The same with one switch set."""
        channels = {**self.categories.get(category, {}), channel: wanted}
        return self.model_copy(update={"categories": {**self.categories, category: channels}})

    def stored(self) -> dict[str, Any]:
        """As JSON, in the shape of the API."""
        return self.model_dump(mode="json", by_alias=True)


class Stated(NamedTuple):
    """What a user wants, and when each switch was turned."""

    preferences: Preferences
    words: Words


Tell = Callable[[str, Stated], None]


class PreferenceStore:
    """Preferences of one stage; a user without a row wants everything. `channels` are those that may be switched.
    `tell` hears what is stored for a user; it may raise UnavailableError (retryable): the change is to be repeated."""

    def __init__(self, *, channels: Collection[str], clock: Clock, tell: Tell) -> None:
        self._channels = channels
        self._clock = clock
        self._tell = tell

    def get(self, user_id: str) -> Preferences:
        """One user's preferences. Raises: UnavailableError (retryable)."""
        return _read_in(self.stored(user_id) or {})

    def stored(self, user_id: str) -> Mapping[str, Any] | None:
        """What a user has set, as it is stored; None where nothing was. Raises: UnavailableError (retryable)."""
        row = find(PreferencesRow, user_id)
        return row.preferences if row else None

    def of_many(self, user_ids: Collection[str]) -> dict[str, Stated]:
        """Of those who have set any. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            rows = list(PreferencesRow.batch_get(list(user_ids), consistent_read=True)) if user_ids else []
        return {row.user_id: Stated(_read_in(row.preferences), row.words) for row in rows}

    def put(self, user_id: str, preferences: Preferences, *, named: Collection[str] = ()) -> Preferences:
        """Replaces a user's preferences. Raises: as `change`."""
        return self.change(user_id, lambda _: preferences, named=named)

    def change(
        self, user_id: str, change: Callable[[Preferences], Preferences], *, named: Collection[str] = ()
    ) -> Preferences:
        """Applies `change` to what is stored at that moment, so that two changes at once are both kept. `named` are
        the switches that were set on purpose (`words.spoken`). Raises: InvalidError (permanent: an unknown channel),
        ConflictError (permanent: others kept changing it), UnavailableError (retryable)."""
        for _ in range(_CHANGE_TRIES):
            row = find(PreferencesRow, user_id)
            before = _read_in(row.preferences if row else {})
            changed, at = change(before), rfc3339(self._clock())
            self._check(changed)
            known = row.words if row else {}
            words = spoken(before, known, changed, channels=WRITTEN_TO, named=frozenset(named), at=at)
            at_first = PreferencesRow.user_id.does_not_exist()
            unchanged = PreferencesRow.updated_at == row.updated_at if row else at_first
            new = PreferencesRow(user_id, preferences=changed.stored(), words=words, updated_at=at)
            if save_if(new, unchanged):
                self._tell(user_id, Stated(changed, words))  # all of it, so that a repetition makes up for a failure
                return changed
        raise ConflictError(Phrase("these preferences are being changed by others; try again"))

    def delete(self, user_id: str) -> None:
        """Forgets a user's preferences. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            PreferencesRow(user_id).delete()

    def _check(self, preferences: Preferences) -> None:
        errors = [
            FieldError(
                f"categories.{category}.{channel}", Phrase("expected one of {known}", known=", ".join(self._channels))
            )
            for category, channels in preferences.categories.items()
            for channel in channels
            if channel not in self._channels
        ]
        if errors:
            raise InvalidError(Phrase("the preferences are not as expected"), errors)


def objection(preferences: Mapping[str, Any], *, category: str, channel: str, at: datetime) -> str | None:
    """Why this user does not want it, as a reason for `skipped`; None where nothing stands against it."""
    if preferences.get("everything") is False:
        return Reason.OPTED_OUT_OF_EVERYTHING
    paused_until = preferences.get("paused_until")
    if paused_until and parse_rfc3339(paused_until) > at:
        return Reason.PAUSED
    if preferences.get("categories", {}).get(category, {}).get(channel) is False:
        return Reason.OPTED_OUT
    return None


def quiet_for(
    preferences: Mapping[str, Any], *, zone: str, at: datetime, default: Hours | None = None
) -> datetime | None:
    """Until when it is quiet for this user: in their own hours, else in the site's; None when nothing has to wait."""
    own = preferences.get("quiet_hours")
    hours = (own["from"], own["to"]) if own else default
    return quiet_until(*hours, zone=zone, at=at) if hours else None


def _read_in(stored: Mapping[str, Any]) -> Preferences:
    # What an earlier version stored of categories that are gone must not shut the user out of the page.
    categories = {name: on for name, on in stored.get("categories", {}).items() if name in CATEGORIES}
    digests = {name: wish for name, wish in stored.get("digests", {}).items() if name in CATEGORIES}
    return recalled(Preferences, {**stored, "categories": categories, "digests": digests})
