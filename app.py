"""The Chalice app: registers the blueprints; nothing else."""

from chalice.app import Chalice

from chalicelib.api import control, meta, notifications, templates, users
from chalicelib.api.problem import as_problem

app = Chalice(app_name="vestnik")
app.register_middleware(as_problem, "http")
for module in (meta, control, notifications, templates, users):
    app.register_blueprint(module.routes)
