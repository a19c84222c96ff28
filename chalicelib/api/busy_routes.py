"""The routes that the cinema's services call all day, and health: a start of the API imports them, and others when one
of those is called (`app.py`)."""

from chalicelib.api import (  # noqa: F401
    events,
    health,
    live,
    notifications,
    preferences,
    user_endpoints,
    users,
)
from chalicelib.api.declarations import routes

__all__ = ["routes"]
