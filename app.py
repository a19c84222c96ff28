"""The Chalice app: registers the blueprints; nothing else. Where a call waits for the start, what is seldom called is
imported with the first call of it (ADR 0115)."""

from chalicelib import cold_start

cold_start.begin()

from functools import cache
from typing import Any

from chalice.app import Chalice

from chalicelib.api import websocket
from chalicelib.api.problem import as_problem
from chalicelib.settings import configured_handler, is_for_a_snapshot, is_started_by_a_call


class Vestnik(Chalice):
    """Registers the managers' pages, and what else is seldom called, when one of them is called."""

    def __call__(self, event: Any, context: Any) -> dict[str, Any]:
        asked = event.get("requestContext", {})
        path = str(asked.get("resourcePath"))
        if asked.get("httpMethod") not in self.routes.get(path, {}):
            cold_start.begin()
            (_managers_pages if path.startswith("/admin") else _seldom_called)()
            cold_start.end()
        answer: dict[str, Any] = super().__call__(event, context)
        return answer


app = Vestnik(app_name="vestnik", configure_logs=False)  # its handler would take our logger's place
app.api.binary_types.append("multipart/form-data")  # an uploaded file arrives as it is, whatever its characters
app.experimental_feature_flags.update(["WEBSOCKETS"])
app.register_middleware(as_problem, "http")


@cache
def _often_called() -> None:
    from chalicelib.api import busy_routes

    app.register_blueprint(busy_routes.routes)


@cache
def _seldom_called() -> None:
    from chalicelib.api import routes as api
    from chalicelib.public import routes as public
    from chalicelib.public import standalone_app

    for blueprint in (api.routes, public.routes, public.sending, standalone_app.functions):
        app.register_blueprint(blueprint)


@cache
def _managers_pages() -> None:
    from chalicelib.admin import routes as admin

    app.register_blueprint(admin.routes)


# Lambda finds these by name, `app.<function>`: a blueprint would leave them unwrapped.
on_connect = app.on_ws_connect()(websocket.on_connect)
on_message = app.on_ws_message()(websocket.on_message)
on_disconnect = app.on_ws_disconnect()(websocket.on_disconnect)

if not configured_handler().startswith("app.on_"):  # the functions of the WebSocket answer no HTTPS call
    _often_called()
if not is_started_by_a_call():
    _seldom_called()
    _managers_pages()

cold_start.end()

if is_for_a_snapshot():
    from chalicelib.stage import snapshot
    from chalicelib.stage.app import Stage

    snapshot.register(Stage)
