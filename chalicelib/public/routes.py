"""Every public page, for whoever registers them: `app.py`, `standalone_app.py`. What a route is stands in PUBLIC_ROUTES
once this was imported.
"""

from chalicelib.public import links, unsubscribe
from chalicelib.public import preference_page as preferences
from chalicelib.public.views import PUBLIC_ROUTES

BLUEPRINTS = (links.routes, preferences.routes, unsubscribe.routes)

__all__ = ["BLUEPRINTS", "PUBLIC_ROUTES"]
