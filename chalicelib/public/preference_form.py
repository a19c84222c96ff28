"""What somebody has filled in on `/preferences/{token}`. Only what was changed is said: a switch that was left as it
was shown says nothing, whatever has happened to it since.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from chalicelib.channels.registry import CHANNELS
from chalicelib.profiles.digest import DigestWish
from chalicelib.profiles.preferences import DIGEST_CATEGORY, Preferences, QuietHours
from chalicelib.profiles.words import SWITCHABLE, word_key


class Filled(NamedTuple):
    """The preferences that follow, the switches that were turned (as `words` names them), and what is wrong."""

    chosen: Preferences
    turned: frozenset[str]
    mistakes: tuple[str, ...]


def read_form(form: Mapping[str, str], zone: ZoneInfo, before: Preferences, *, on_now: Collection[str]) -> Filled:
    """`on_now` are the switches that the page would show as on: a form that does not say what it showed showed these.
    A switch that is off is not in a form at all, so that the form names the channels that it shows."""
    mistakes = []
    quiet, wrong = _quiet(form.get("quiet_from", ""), form.get("quiet_to", ""))
    mistakes += [wrong] if wrong else []
    paused, wrong = _paused(form.get("paused_until", ""), zone)
    mistakes += [wrong] if wrong else []
    shown = form.get("channels", ",".join(CHANNELS)).split(",")
    was = set(form["was"].split(",")) if "was" in form else set(on_now)
    turned = {
        (category, channel): field_of(category, channel) in form
        for category in SWITCHABLE
        for channel in CHANNELS
        if channel in shown and (field_of(category, channel) in form) != (field_of(category, channel) in was)
    }
    chosen = Preferences(
        everything="nothing" not in form,
        categories={
            category: {
                channel: turned.get((category, channel), before.wants(category, channel)) for channel in CHANNELS
            }
            for category in SWITCHABLE
        },
        digests=_digests(form, before),
        quiet_hours=quiet,
        paused_until=paused,
    )
    return Filled(chosen, frozenset(word_key(*one) for one in turned), tuple(mistakes))


def field_of(category: str, channel: str) -> str:
    """The name of a switch in the form."""
    return f"on.{category}.{channel}"


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


def _digests(form: Mapping[str, str], before: Preferences) -> dict[str, DigestWish]:
    """What the form chooses; an hour that was set over the API stays."""
    wishes = {}
    for category in SWITCHABLE:
        every = form.get(f"digest.{category}", "")
        known = before.digests.get(category)
        if known is not None and known.every == every:
            wishes[category] = known
        elif every in ("day", "week") and category != DIGEST_CATEGORY:
            wishes[category] = DigestWish.model_validate({"every": every})
    return wishes
