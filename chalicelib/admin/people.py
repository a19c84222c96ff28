"""Notifications and users: what became of a letter, and why somebody got none."""

import json
from typing import Any

from chalice.app import Blueprint

from chalicelib.admin.frame import Visit, action, page
from chalicelib.admin.look import Go, Page, url
from chalicelib.control.managers import Role
from chalicelib.errors import InvalidError, NotFoundError
from chalicelib.pipeline.cancel import cancel
from chalicelib.pipeline.ledger import DeliveryKey
from chalicelib.wiring.ledger import history, ledger, revive
from chalicelib.wiring.people import directory, preferences

routes = Blueprint(__name__)
_PAGE = 20


@page(routes, "/admin/notifications")
def find_notification(visit: Visit) -> Page:
    """By its id; a user's are on the user's page."""
    wanted = visit.query.get("id", "").strip()
    found = _found(wanted) if wanted else None
    return Page("notifications", {"wanted": wanted, "found": found})


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
    """By the cinema's id of the user."""
    wanted = visit.query.get("id", "").strip()
    known = directory().get_many([wanted], fresh=True).known if wanted else {}
    return Page("users", {"wanted": wanted, "found": known.get(wanted)})


@page(routes, "/admin/users/{id}")
def one_user(visit: Visit) -> Page:
    """Who it is, what they want, and all that they got or did not get."""
    user_id = visit.path["id"]
    profile = directory().get(user_id)
    notifications, cursor = history().of_user(user_id, limit=_PAGE, cursor=visit.query.get("cursor"))
    shown: dict[str, Any] = {
        "profile": profile,
        "attributes": json.dumps(dict(profile.attributes), ensure_ascii=False, indent=1),
        "wishes": preferences().get(user_id).stored(),
        "notifications": notifications,
        "following": url(f"/admin/users/{user_id}", cursor=cursor) if cursor else None,
    }
    return Page("user", shown)


def _found(notification_id: str) -> dict[str, Any] | None:
    try:
        return history().notification(notification_id)
    except NotFoundError:
        return None
