"""The form of `/preferences/{token}`: read, and what keeps letters from a reader beside it.

Only changes count: a switch left as it was shown says nothing, whatever has happened to it since. No switch is shown as
on for something that will not arrive, and beside it stands the reason and what the reader can do.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime, time
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from chalicelib.clock import is_of_this_century
from chalicelib.manifest import CHANNELS
from chalicelib.profiles.address_opt_outs import AddressObjections
from chalicelib.profiles.digest_preferences import DigestWish
from chalicelib.profiles.opt_outs import Objection
from chalicelib.profiles.preferences import DIGEST_CATEGORY, SWITCHABLE, Preferences, QuietHours, word_key
from chalicelib.storage.users import Profile
from chalicelib.wall_clock import wall_moment

_FIELDS = frozenset({"channels", "was", "nothing", "quiet_from", "quiet_to", "paused_until"})
_SWITCHES = ("on.", "digest.")


class Filled(NamedTuple):
    """The resulting preferences, the switches that were turned (as `words` names them), and what is wrong."""

    chosen: Preferences
    turned: frozenset[str]
    mistakes: tuple[str, ...]


def read_form(form: Mapping[str, str], zone: ZoneInfo, before: Preferences, *, on_now: Collection[str]) -> Filled:
    """`on_now` are the switches that the page would show as on now, for a form that does not say what it showed.
    Switches that are off are not submitted at all, so the form names the channels that it shows."""
    mistakes = []
    left = _left(form)
    quiet, wrong = before.quiet_hours, None
    if not left >= {"quiet_from", "quiet_to"}:
        quiet, wrong = _quiet(form.get("quiet_from", ""), form.get("quiet_to", ""))
    mistakes += [wrong] if wrong else []
    paused, wrong = before.paused_until, None
    if "paused_until" not in left:
        paused, wrong = _paused(form.get("paused_until", ""), zone, before.paused_until)
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
        everything=before.everything if "nothing" in left else "nothing" not in form,
        categories={
            category: {
                channel: turned.get((category, channel), before.wants(category, channel)) for channel in CHANNELS
            }
            for category in SWITCHABLE
        },
        digests=_digests(form, before, left),
        quiet_hours=quiet,
        paused_until=paused,
    )
    return Filled(chosen, frozenset(word_key(*one) for one in turned), tuple(mistakes))


def is_filled(form: Mapping[str, str]) -> bool:
    """Whether it is a form of this page at all: a scanner's empty POST or an unreadable body says nothing."""
    return any(name in _FIELDS or name.startswith(_SWITCHES) for name in form)


def shown_as(on: Collection[str], values: Mapping[str, str]) -> str:
    """The form's record of how it was shown: the switches that were on, and the values of its other fields."""
    return ",".join(sorted([*on, *(f"{name}={value}" for name, value in values.items())]))


def _left(form: Mapping[str, str]) -> set[str]:
    """The fields beside the switches that still hold what they were shown with."""
    shown = (one.partition("=") for one in form.get("was", "").split(",") if "=" in one)
    return {name for name, _, value in shown if form.get(name, "") == value}


def pause_day(paused_until: datetime | None, zone: ZoneInfo) -> str:
    """The day that the form shows for a pause; empty for none."""
    return paused_until.astimezone(zone).date().isoformat() if paused_until else ""


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


def _paused(day: str, zone: ZoneInfo, before: datetime | None) -> tuple[datetime | None, str | None]:
    if not day:
        return None, None
    if day == pause_day(before, zone):
        return before, None  # left as it was shown: an hour that was set through the API stays
    try:
        until = wall_moment(datetime.combine(date.fromisoformat(day), time()), zone.key)
    except (ValueError, OverflowError):
        return None, "pause_date"
    return (until, None) if is_of_this_century(until) else (None, "pause_date")


def _digests(form: Mapping[str, str], before: Preferences, left: Collection[str]) -> dict[str, DigestWish]:
    """The digests that the form chooses; an hour that was set through the API stays."""
    wishes = {}
    for category in SWITCHABLE:
        every = form.get(f"digest.{category}", "")
        known = before.digests.get(category)
        if known is not None and (known.every == every or f"digest.{category}" in left):
            wishes[category] = known
        elif every in ("day", "week") and category != DIGEST_CATEGORY and f"digest.{category}" not in left:
            wishes[category] = DigestWish.model_validate({"every": every})
    return wishes


class ReaderState(NamedTuple):
    """`against`: by channel, apart from what the reader has said."""

    user: Profile
    against: Mapping[str, AddressObjections]

    def on(self, stored: Preferences) -> set[str]:
        """The fields of the switches that are on: wanted, and nothing in the way."""
        return {
            field_of(category, channel)
            for category in SWITCHABLE
            for channel in CHANNELS
            if stored.wants(category, channel) and not self._stands(category, channel)
        }

    def shut(self) -> set[str]:
        """The fields of the switches that the reader cannot turn on."""
        return {
            field_of(category, channel)
            for channel, against in self.against.items()
            for category in SWITCHABLE
            if against.suppressed
            or (category in against.objections and not self._may_lift(channel, against.objections[category]))
        }

    def notices(self) -> list[tuple[str, str]]:
        """(channel, name of the text)."""
        found: dict[tuple[str, str], None] = {}
        for channel, against in self.against.items():
            if against.suppressed:
                found[channel, against.suppressed] = None
                continue
            for one in against.objections.values():
                if one.until is not None:
                    found[channel, "paused"] = None
                else:
                    found[channel, "lift" if self._may_lift(channel, one) else f"confirm_{channel}"] = None
        return list(found)

    def _stands(self, category: str, channel: str) -> bool:
        against = self.against.get(channel)
        return against is not None and (against.suppressed is not None or category in against.objections)

    def _may_lift(self, channel: str, objection: Objection) -> bool:
        return objection.until is None and self.user.owns(channel)
