"""Every public page, for whoever registers them: `app.py`, `own_function.py`. What a route is stands in PUBLIC_ROUTES
once this was imported.
"""

from chalicelib.public import links, preferences, unsubscribe
from chalicelib.public.visitor import PUBLIC_ROUTES

BLUEPRINTS = (links.routes, preferences.routes, unsubscribe.routes)

__all__ = ["BLUEPRINTS", "PUBLIC_ROUTES"]
