"""A form that is sent twice (a double click, a reload) is executed once: the second gets the answer of the first.

The form is identified by the second part of its token and by its content: a form that was changed and sent again is
another one. Answers are stored like those of the API's calls (`flow/idempotency.py`), sealed with the session's id.
"""

import hashlib
import json
import time
from collections.abc import Callable

from chalice.app import Response

from chalicelib.admin.page_requests import Visit
from chalicelib.errors import BusyError
from chalicelib.flow.idempotency import told
from chalicelib.observability import aside
from chalicelib.stage.app import stage
from chalicelib.storage.calls import Turn

_LOOKS, _BETWEEN_SECONDS = 40, 0.25  # how long the second waits for the first


def once(visit: Visit, place: str, make: Callable[[], Response]) -> Response:
    """What `make` answers to this form here, or has answered before. A refusal did nothing and is not remembered.
    Raises: BusyError (later), UnavailableError (retryable), and whatever `make` raises."""
    _, _, form = visit.typed("token").partition(".")
    if not visit.fresh or not form:
        return make()
    call = _name(visit, place)
    turn = _turn(call)
    if isinstance(turn, str):
        return Response(**json.loads(told(turn, secret=visit.session.id, call=call)))
    try:
        response = make()
    except Exception as error:
        with aside("form"):
            stage().idempotency.let_go(turn, error)
        raise
    with aside("form"):
        answer = {"body": response.body, "headers": response.headers, "status_code": response.status_code}
        stage().idempotency.keep(turn, json.dumps(answer), secret=visit.session.id)
    return response


def _turn(call: str) -> Turn | str:
    for _ in range(_LOOKS):
        try:
            return stage().idempotency.begin(call, body=call)
        except BusyError:
            time.sleep(_BETWEEN_SECONDS)
    return stage().idempotency.begin(call, body=call)


def _name(visit: Visit, place: str) -> str:
    files = [hashlib.sha256(content).hexdigest() for content in visit.files.values()]
    held = [visit.session.id, place, sorted(visit.path.items()), sorted(visit.form.items()), files]
    return f"form#{hashlib.sha256(json.dumps(held).encode()).hexdigest()}"
