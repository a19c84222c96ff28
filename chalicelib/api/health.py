"""Whether this stage is alive; needs no key."""

import json

from chalice.app import Response

from chalicelib.api.declarations import routes
from chalicelib.api.problem import answered
from chalicelib.observability import Line, write_line
from chalicelib.settings import settings


@routes.route("/healthz", methods=["GET"])
@answered
def healthz() -> Response:
    """Alive: the code is loaded and its settings are complete."""
    write_line("api", [Line(counts={"healthz_200": 1})])
    content = {"status": "ok", "stage": settings().stage}
    return Response(json.dumps(content), headers={"Content-Type": "application/json", "Cache-Control": "no-store"})
