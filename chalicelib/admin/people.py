"""Notifications and users: what became of a letter, and why somebody got none."""

import json
from datetime import date
from typing import Any

from chalice.app import Blueprint

from chalicelib.admin.frame import Visit, action, page
from chalicelib.admin.look import Go, Page, url
from chalicelib.clock import now
from chalicelib.control.managers import Role
from chalicelib.errors import InvalidError, NotFoundError
from chalicelib.pipeline.cancel import cancel
from chalicelib.pipeline.ledger import DeliveryKey
from chalicelib.pipeline.statuses import NOTIFICATION_STATUSES
from chalicelib.wiring.desk import history, revive
from chalicelib.wiring.ledger import ledger
from chalicelib.wiring.letters import templates
from chalicelib.wiring.people import directory, preferences

routes = Blueprint(__name__)
_PAGE = 20


@page(routes, "/admin/notifications")
def find_notification(visit: Visit) -> Page:
    """One by its id, or those of a user; else those of a day, by template and status."""
    wanted = visit.query.get("id", "").strip()
    found = _found(wanted) if wanted else None
    query = {name: visit.query.get(name, "").strip() for name in ("day", "template", "status")}
    day = _day(query["day"])
    listed: list[dict[str, Any]] = []
    cursor = None
    if not wanted:
        listed, cursor = history().of_day(
            day, template=query["template"] or None, status=query["status"] or None, cursor=visit.query.get("cursor")
        )
    elif found is None:
        listed, cursor = history().of_user(wanted, limit=_PAGE, cursor=visit.query.get("cursor"))
    following = {"id": wanted, "cursor": cursor} if wanted else {**query, "day": f"{day}", "cursor": cursor}
    shown: dict[str, Any] = {
        "wanted": wanted,
        "found": found,
        "query": {**query, "day": f"{day}"},
        "templates": sorted(templates().keys()),
        "statuses": NOTIFICATION_STATUSES,
        "listed": listed,
        "following": url("/admin/notifications", **{k: v for k, v in following.items() if v}) if cursor else None,
    }
    return Page("notifications", shown)


@page(routes, "/admin/notifications/{id}")
def one_notification(visit: Visit) -> Page:
    """Its whole timeline."""
    return Page("notification", {"one": history().notification(visit.path["id"])})


@action(
    routes, "/admin/notifications/{id}/cancel", role=Role.EDITOR, does="notification.cancel", again=one_notification
)
def cancel_notification(visit: Visit) -> Go:
    """Stops what has not been sent."""
    cancel(visit.path["id"], ledger=ledger())
    return Go(f"/admin/notifications/{visit.path['id']}", done="cancelled")


@action(
    routes, "/admin/notifications/{id}/resend", role=Role.OPERATOR, does="notification.resend", again=one_notification
)
def resend_notification(visit: Visit) -> Go:
    """Once more what failed or is uncertain."""
    channel = visit.typed("channel")
    if not channel:
        raise InvalidError.of("channel", "expected the channel of the delivery")
    revive().send_again(DeliveryKey(visit.path["id"], channel))
    return Go(f"/admin/notifications/{visit.path['id']}", done="decided")


@page(routes, "/admin/users")
def find_user(visit: Visit) -> Page:
    """By the cinema's id of the user, or by an address."""
    wanted = visit.query.get("id", "").strip()
    if "@" in wanted:
        found = directory().with_email(wanted, limit=_PAGE)
    else:
        found = list(directory().get_many([wanted], fresh=True).known.values()) if wanted else []
    return Page("users", {"wanted": wanted, "found": found})


@page(routes, "/admin/users/{id}")
def one_user(visit: Visit) -> Page:
    """Who it is, what they want, and all that they got or did not get."""
    user_id = visit.path["id"]
    profile = directory().get(user_id)
    notifications, cursor = history().of_user(user_id, limit=_PAGE, cursor=visit.query.get("cursor"))
    shown: dict[str, Any] = {
        "profile": profile,
        "attributes": {name: _shown(value) for name, value in profile.attributes.items()},
        "wishes": preferences().get(user_id).stored(),
        "notifications": notifications,
        "following": url(f"/admin/users/{user_id}", cursor=cursor) if cursor else None,
    }
    return Page("user", shown)


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text) if text else now().date()
    except ValueError as error:
        raise InvalidError.of("day", "expected a day such as 2026-01-31") from error


def _found(notification_id: str) -> dict[str, Any] | None:
    try:
        return history().notification(notification_id)
    except NotFoundError:
        return None
