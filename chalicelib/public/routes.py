"""Every public page, for `app.py` and `standalone_app.py`. After this import PUBLIC_ROUTES describes every route."""

from chalicelib.public import links, unsubscribe
from chalicelib.public import preference_page as preferences
from chalicelib.public.views import PUBLIC_ROUTES

BLUEPRINTS = (links.routes, preferences.routes, unsubscribe.routes)

__all__ = ["BLUEPRINTS", "PUBLIC_ROUTES"]
