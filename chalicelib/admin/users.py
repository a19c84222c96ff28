"""Notifications and users: what became of a letter, and why somebody got none."""

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib.accounts.managers import Role
from chalicelib.admin.number_format import read_moment
from chalicelib.admin.responses import mistakes_of
from chalicelib.admin.templating import Go, Page, url
from chalicelib.admin.views import Visit, action, page
from chalicelib.clock import now
from chalicelib.deliveries import NOTIFICATION_STATUSES, DeliveryKey
from chalicelib.errors import InvalidError, NotFoundError, Phrase
from chalicelib.http_errors import status_of
from chalicelib.profiles.address_opt_outs import AddressObjections
from chalicelib.reasons import suppressed
from chalicelib.services.history import MAX_DAYS
from chalicelib.services.operator_actions import cancel
from chalicelib.settings import settings
from chalicelib.stage.app import stage

_PAGE = 20
_ASKED = ("since", "until", "template", "status")


@page("/admin/notifications", shows="notification.search")
def find_notification(visit: Visit) -> Page:
    """One by its id, or a user's; otherwise those of a span of time, by template and status."""
    wanted = visit.query.get("id", "").strip()
    asked = {name: value for name in _ASKED if (value := visit.query.get(name, "").strip())}
    if not {"since", "until"} & asked.keys():
        asked["since"] = _a_day_ago()
    shown: dict[str, Any] = {
        "wanted": wanted,
        "found": _found(wanted) if wanted else None,
        "query": {**dict.fromkeys(_ASKED, ""), **asked},
        "most_days": MAX_DAYS,
        "templates": stage().template_keys.read(),
        "statuses": NOTIFICATION_STATUSES,
        "listed": [],
        "following": None,
    }
    try:
        listed, cursor = _listed(visit, wanted, asked) if shown["found"] is None else ([], None)
    except InvalidError as error:
        mistaken = {**shown, "mistakes": mistakes_of(error)}
        return Page("notifications", mistaken, status_of(error))
    following = {"id": wanted} if wanted else asked
    shown["following"] = url("/admin/notifications", **following, cursor=cursor) if cursor else None
    return Page("notifications", {**shown, "listed": listed})


@page("/admin/notifications/{id}", shows="notification.look")
def one_notification(visit: Visit) -> Page:
    """With its whole timeline."""
    return Page("notification", {"one": stage().history.notification(visit.path["id"])})


@action("/admin/notifications/{id}/cancel", role=Role.EDITOR, does="notification.cancel", again=one_notification)
def cancel_notification(visit: Visit) -> Go:
    """Cancels what has not been sent."""
    cancel(visit.path["id"], ledger=stage().ledger)
    return Go(f"/admin/notifications/{visit.path['id']}", done="cancelled")


@action("/admin/notifications/{id}/resend", role=Role.OPERATOR, does="notification.resend", again=one_notification)
def resend_notification(visit: Visit) -> Go:
    """Sends again what failed or is uncertain."""
    channel = visit.typed("channel")
    if not channel:
        raise InvalidError.of("channel", Phrase("expected the channel of the delivery"))
    stage().operator_actions.send_again(DeliveryKey(visit.path["id"], channel))
    return Go(f"/admin/notifications/{visit.path['id']}", done="decided")


@page("/admin/users", shows="user.search")
def find_user(visit: Visit) -> Page:
    """By the cinema's user id, or by an address: then with the letters to the bare address."""
    wanted = visit.query.get("id", "").strip()
    letters: list[dict[str, Any]] = []
    cursor: str | None = None
    if "@" in wanted:
        found = stage().directory.with_email(wanted, limit=_PAGE)
        owner = stage().address_hashes.owner("email", wanted)
        letters, cursor = stage().history.of_user(owner, limit=_PAGE, cursor=visit.query.get("cursor"))
    else:
        found = list(stage().directory.get_many([wanted], fresh=True).known.values()) if wanted else []
    following = url("/admin/users", id=wanted, cursor=cursor) if cursor else None
    shown = {"wanted": wanted, "found": found, "letters": letters, "following": following}
    against = stage().unsubscribe.against_address("email", wanted) if "@" in wanted else None
    return Page("users", {**shown, "against": list(_against(against)) if against else []})


@page("/admin/users/{id}", shows="user.look")
def one_user(visit: Visit) -> Page:
    """Their profile, their preferences, and everything that they got or did not get."""
    user_id = visit.path["id"]
    profile = stage().directory.get(user_id)
    notifications, cursor = stage().history.of_user(user_id, limit=_PAGE, cursor=visit.query.get("cursor"))
    shown: dict[str, Any] = {
        "profile": profile,
        "attributes": {name: _shown(value) for name, value in profile.attributes.items()},
        "wishes": stage().preferences.get(user_id).stored(),
        "against": [
            (channel, category, reason)
            for channel, one in stage().unsubscribe.against(profile).items()
            for category, reason in _against(one)
        ],
        "notifications": notifications,
        "following": url(f"/admin/users/{user_id}", cursor=cursor) if cursor else None,
    }
    return Page("user", shown)


def _against(one: AddressObjections) -> Iterable[tuple[str | None, str]]:
    """(category, reason) of everything that keeps letters from an address; the category is None if it concerns every
    letter."""
    if one.suppressed is not None:
        yield None, suppressed(one.suppressed)
    for category, objection in one.objections.items():
        yield category, objection.reason


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _listed(visit: Visit, wanted: str, asked: Mapping[str, str]) -> tuple[list[dict[str, Any]], str | None]:
    cursor = visit.query.get("cursor")
    if wanted:
        return stage().history.of_user(wanted, limit=_PAGE, cursor=cursor)
    since, until = (read_moment(asked.get(name), field=name, zone=_zone()) for name in ("since", "until"))
    return stage().history.search(
        since=since, until=until, template=asked.get("template"), status=asked.get("status"), cursor=cursor
    )


def _a_day_ago() -> str:
    """As a form writes it: the default before anything was searched."""
    return f"{(now() - timedelta(days=1)).astimezone(ZoneInfo(_zone())):%Y-%m-%dT%H:%M}"


def _zone() -> str:
    return settings().default_timezone


def _found(notification_id: str) -> dict[str, Any] | None:
    try:
        return stage().history.notification(notification_id)
    except NotFoundError:
        return None
