"""The Chalice app: registers the blueprints; nothing else."""

from chalicelib import cold_start

cold_start.begin()

from chalice.app import Chalice

from chalicelib.admin import routes as admin
from chalicelib.api import routes as api
from chalicelib.api import websocket
from chalicelib.api.problem import as_problem
from chalicelib.public import routes as public
from chalicelib.public import standalone_app
from chalicelib.settings import is_for_a_snapshot

app = Chalice(app_name="vestnik", configure_logs=False)  # its handler would take our logger's place
app.api.binary_types.append("multipart/form-data")  # an uploaded file arrives as it is, whatever its characters
app.experimental_feature_flags.update(["WEBSOCKETS"])
app.register_middleware(as_problem, "http")
for blueprint in (api.routes, admin.routes, public.routes, public.sending, standalone_app.functions):
    app.register_blueprint(blueprint)

# Lambda finds these by name, `app.<function>`: a blueprint would leave them unwrapped.
on_connect = app.on_ws_connect()(websocket.on_connect)
on_message = app.on_ws_message()(websocket.on_message)
on_disconnect = app.on_ws_disconnect()(websocket.on_disconnect)

cold_start.end()

if is_for_a_snapshot():
    from chalicelib.stage import snapshot
    from chalicelib.stage.app import Stage

    snapshot.register(Stage)
