"""`/preferences/{token}`: what a user gets, when not, and for how long nothing. It is opened from a letter, without a
login. It shows the channels by which this user can be reached; what was said of the others stays as it is."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from chalice.app import Blueprint, Response
from pydantic import ValidationError

from chalicelib.categories import CATEGORIES
from chalicelib.channels.registry import CHANNELS
from chalicelib.clock import now
from chalicelib.control.tokens import Purpose
from chalicelib.errors import NotFoundError
from chalicelib.profiles.digest import DigestWish
from chalicelib.profiles.model import Profile
from chalicelib.profiles.preferences import DIGEST_CATEGORY, Preferences, QuietHours
from chalicelib.public.pages import page, words
from chalicelib.public.visitor import Visitor, public_page
from chalicelib.settings import settings
from chalicelib.wiring.people import endpoints, preferences, profile_source
from chalicelib.wiring.signing import tokens

routes = Blueprint(__name__)


@public_page(routes, "/preferences/{token}", methods=["GET", "HEAD", "POST"])
def own_preferences(visitor: Visitor) -> Response:
    """GET shows, POST saves; a form with a mistake saves nothing and says what is wrong."""
    user_id = tokens().read(Purpose.PREFERENCES, visitor.path["token"]).user_id
    if user_id is None:
        raise NotFoundError("only users have preferences")
    user = _user(user_id)
    if visitor.method != "POST":
        return _shown(visitor, preferences().get(user_id), user, saved=False)
    chosen, mistakes = _read(visitor.form, ZoneInfo(_zone_of(user)), preferences().get(user_id))
    if mistakes:
        return _shown(visitor, chosen, user, saved=False, mistakes=mistakes)
    return _shown(visitor, preferences().put(user_id, chosen), user, saved=True)


def _shown(
    visitor: Visitor, stored: Preferences, user: Profile, *, saved: bool, mistakes: tuple[str, ...] = ()
) -> Response:
    say, zone, channels = words(visitor.locale), _zone_of(user), _reached_by(user)
    return page(
        "preferences",
        locale=visitor.locale,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if mistakes else HTTPStatus.OK,
        saved=saved,
        mistakes=[say["preferences"]["mistakes"][one] for one in mistakes],
        channels=",".join(channels),
        categories=_categories(stored, channels, say),
        nothing=not stored.everything,
        zone=zone.replace("_", " "),
        **(_typed(visitor.form) if mistakes else _times(stored, ZoneInfo(zone))),
    )


def _times(stored: Preferences, zone: ZoneInfo) -> dict[str, str]:
    paused = stored.paused_until if stored.paused_until and stored.paused_until > now() else None
    quiet = stored.quiet_hours
    return {
        "quiet_from": quiet.start if quiet else "",
        "quiet_to": quiet.end if quiet else "",
        "paused_until": paused.astimezone(zone).date().isoformat() if paused else "",
    }


def _typed(form: Mapping[str, str]) -> dict[str, str]:
    # What somebody typed stays before them until it is right.
    return {name: form.get(name, "") for name in ("quiet_from", "quiet_to", "paused_until")}


def _categories(stored: Preferences, channels: Sequence[str], say: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": say["categories"][category]["name"],
            "about": say["categories"][category]["about"],
            "channels": [
                {
                    "field": _field(category, channel),
                    "name": say["channels"].get(channel, channel),
                    "on": stored.wants(category, channel),
                }
                for channel in channels
            ],
            "digest": None if category == DIGEST_CATEGORY else _digest_choice(stored, category, say),
        }
        for category in _switchable()
    ]


def _digest_choice(stored: Preferences, category: str, say: Mapping[str, Any]) -> dict[str, Any]:
    wish = stored.digests.get(category)
    return {
        "field": f"digest.{category}",
        "chosen": wish.every if wish else "",
        "choices": {every: say["preferences"]["digest"][every or "now"] for every in ("", "day", "week")},
    }


def _digests(form: Mapping[str, str], before: Preferences) -> dict[str, DigestWish]:
    """What the form chooses; an hour that was set over the API stays."""
    wishes = {}
    for category in _switchable():
        every = form.get(f"digest.{category}", "")
        known = before.digests.get(category)
        if known is not None and known.every == every:
            wishes[category] = known
        elif every in ("day", "week") and category != DIGEST_CATEGORY:
            wishes[category] = DigestWish.model_validate({"every": every})
    return wishes


def _read(form: Mapping[str, str], zone: ZoneInfo, before: Preferences) -> tuple[Preferences, tuple[str, ...]]:
    """What the form says, and the names of its mistakes. A switch that is off is not in a form at all, so that the form
    names the channels that it shows."""
    mistakes = []
    shown = form.get("channels", ",".join(CHANNELS)).split(",")
    quiet, wrong = _quiet(form.get("quiet_from", ""), form.get("quiet_to", ""))
    mistakes += [wrong] if wrong else []
    paused, wrong = _paused(form.get("paused_until", ""), zone)
    mistakes += [wrong] if wrong else []
    chosen = Preferences(
        everything="nothing" not in form,
        categories={
            category: {
                channel: _field(category, channel) in form if channel in shown else before.wants(category, channel)
                for channel in CHANNELS
            }
            for category in _switchable()
        },
        digests=_digests(form, before),
        quiet_hours=quiet,
        paused_until=paused,
    )
    return chosen, tuple(mistakes)


def _quiet(start: str, end: str) -> tuple[QuietHours | None, str | None]:
    if not start and not end:
        return None, None
    if not start or not end:
        return None, "quiet_half"
    try:
        return QuietHours.model_validate({"from": start[:5], "to": end[:5]}), None  # some browsers add seconds
    except ValidationError:
        return None, "quiet_time"


def _paused(day: str, zone: ZoneInfo) -> tuple[datetime | None, str | None]:
    if not day:
        return None, None
    try:
        chosen = date.fromisoformat(day)
        return datetime(chosen.year, chosen.month, chosen.day, tzinfo=zone).astimezone(UTC), None
    except (ValueError, OverflowError):
        return None, "pause_date"


def _switchable() -> list[str]:
    return [name for name, category in CATEGORIES.items() if not category.transactional]


def _field(category: str, channel: str) -> str:
    return f"on.{category}.{channel}"


def _user(user_id: str) -> Profile:
    """Raises: NotFoundError (permanent): an erased user's old letters open nothing."""
    found = profile_source().get_many([user_id], fresh=True)
    if user_id not in found.known:
        raise NotFoundError("there is no such user any more")
    return found.known[user_id]


def _zone_of(user: Profile) -> str:
    return user.timezone or settings().default_timezone


def _reached_by(user: Profile) -> list[str]:
    """The channels on which this user has an address, or an endpoint of their own."""
    registered = {endpoint.channel for endpoint in endpoints().of(user.id)}
    return [
        name
        for name, channel in CHANNELS.items()
        if (name in registered if channel.endpoints else user.address(channel.address_field))
    ]
