"""`/preferences/{token}`: what a user gets, on which channels, and when not. Opened from a letter, without a login. It
shows the channels by which this user can be reached; preferences for the others stay as they are."""

from collections.abc import Collection, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from chalice.app import Response

from chalicelib.clock import now
from chalicelib.errors import NotFoundError, Phrase
from chalicelib.manifest import CHANNELS
from chalicelib.profiles.model import profile_of
from chalicelib.profiles.preferences import DIGEST_CATEGORY, SWITCHABLE, Preferences
from chalicelib.public.pages import page, words
from chalicelib.public.preference_form import Filled, ReaderState, field_of, is_filled, pause_day, read_form, shown_as
from chalicelib.public.views import Visitor, public_page
from chalicelib.security.signing import Purpose
from chalicelib.settings import settings
from chalicelib.stage.app import stage
from chalicelib.storage.users import Profile
from chalicelib.wall_clock import zone_of


@public_page("/preferences/{token}", methods=["GET", "HEAD", "POST"])
def own_preferences(visitor: Visitor) -> Response:
    """GET shows, POST saves. A form with a mistake saves nothing and says what is wrong; what is no form of this page,
    such as a scanner's POST, is answered like a GET."""
    user_id = stage().tokens.read(Purpose.PREFERENCES, visitor.path["token"]).user_id
    if user_id is None:
        raise NotFoundError(Phrase("only users have preferences"))
    user = _user(user_id)
    standing = ReaderState(user, stage().unsubscribe.against(user))
    stored = stage().preferences.get(user_id)
    if visitor.method != "POST" or not is_filled(visitor.form):
        return _shown(visitor, stored, standing, saved=False)

    def filled_in(before: Preferences) -> Filled:
        return read_form(visitor.form, zone_of(_zone_of(user)), before, on_now=standing.on(before))

    filled = filled_in(stored)
    if filled.mistakes:
        return _shown(visitor, filled.chosen, standing, saved=False, mistakes=filled.mistakes)
    saved = stage().preferences.change(user_id, lambda before: filled_in(before).chosen, named=filled.turned)
    return _shown(visitor, saved, ReaderState(user, stage().unsubscribe.against(user)), saved=True)


def _shown(
    visitor: Visitor, stored: Preferences, standing: ReaderState, *, saved: bool, mistakes: tuple[str, ...] = ()
) -> Response:
    user = standing.user
    say, zone, channels = words(visitor.locale), _zone_of(user), _reached_by(user)
    was = standing.on(stored)
    on = {name for name in visitor.form if name.startswith("on.")} if mistakes else was
    categories, times = _categories(stored, channels, say, on=on, shut=standing.shut()), _times(stored, zone_of(zone))
    values = {**times, "nothing": "" if stored.everything else "on"}
    values |= {one["field"]: one["chosen"] for each in categories if (one := each["digest"])}
    return page(
        "preferences",
        locale=visitor.locale,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if mistakes else HTTPStatus.OK,
        saved=saved,
        mistakes=[say["preferences"]["mistakes"][one] for one in mistakes],
        channels=",".join(channels),
        was=visitor.form.get("was", "") if mistakes else shown_as(was, values),
        against=[
            f"{say['channels'][channel]}: {say['preferences']['against'][why]}" for channel, why in standing.notices()
        ],
        categories=categories,
        nothing=not stored.everything,
        zone=zone.replace("_", " "),
        **(_typed(visitor.form) if mistakes else times),
    )


def _times(stored: Preferences, zone: ZoneInfo) -> dict[str, str]:
    paused = stored.paused_until if stored.paused_until and stored.paused_until > now() else None
    quiet = stored.quiet_hours
    return {
        "quiet_from": quiet.start if quiet else "",
        "quiet_to": quiet.end if quiet else "",
        "paused_until": pause_day(paused, zone),
    }


def _typed(form: Mapping[str, str]) -> dict[str, str]:
    # What somebody typed stays in the form until it is right.
    return {name: form.get(name, "") for name in ("quiet_from", "quiet_to", "paused_until")}


def _categories(
    stored: Preferences, channels: Sequence[str], say: Mapping[str, Any], *, on: Collection[str], shut: Collection[str]
) -> list[dict[str, Any]]:
    return [
        {
            "name": say["categories"][category]["name"],
            "about": say["categories"][category]["about"],
            "channels": [
                {
                    "field": field_of(category, channel),
                    "name": say["channels"].get(channel, channel),
                    "on": field_of(category, channel) in on,
                    "shut": field_of(category, channel) in shut,
                }
                for channel in channels
            ],
            "digest": None if category == DIGEST_CATEGORY else _digest_choice(stored, category, say),
        }
        for category in SWITCHABLE
    ]


def _digest_choice(stored: Preferences, category: str, say: Mapping[str, Any]) -> dict[str, Any]:
    wish = stored.digests.get(category)
    return {
        "field": f"digest.{category}",
        "chosen": wish.every if wish else "",
        "choices": {every: say["preferences"]["digest"][every or "now"] for every in ("", "day", "week")},
    }


def _user(user_id: str) -> Profile:
    """Raises: NotFoundError (permanent): an erased user's old letters open nothing; UnavailableError (retryable)."""
    found = profile_of(stage().profile_source, user_id)
    if found is None:
        raise NotFoundError(Phrase("this user no longer exists"))
    return found


def _zone_of(user: Profile) -> str:
    return user.timezone or settings().default_timezone


def _reached_by(user: Profile) -> list[str]:
    """The channels of this stage on which the user has an address or an endpoint."""
    registered = stage().endpoints.channels_of(user.id)
    return [
        name
        for name, channel in CHANNELS.items()
        if (not channel.needs or getattr(settings(), channel.needs))
        and (name in registered if channel.endpoints else user.address(channel.address_field))
    ]
