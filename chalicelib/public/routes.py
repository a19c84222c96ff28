"""Every public page, for `app.py` and `standalone_app.py`. After this import PUBLIC_ROUTES describes every route."""

from chalicelib.public import letter_page, links, preference_page  # noqa: F401
from chalicelib.public.views import PUBLIC_ROUTES, routes, sending

__all__ = ["PUBLIC_ROUTES", "routes", "sending"]
