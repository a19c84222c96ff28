"""A form that is sent twice (a double click, a reload) is executed once: the second gets the answer of the first.

The form is identified by the second part of its token and by its content: a form that was changed and sent again is
another one. Answers are stored like those of the API's calls (`flow/idempotency.py`), sealed with the session's id.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from chalice.app import Response

from chalicelib.admin.page_requests import Visit
from chalicelib.stage.app import stage

_LOOKS = 40  # ten seconds, in which the second waits for the first


def once(visit: Visit, place: str, make: Callable[[], Response]) -> Response:
    """What `make` answers to this form here, or has answered before. Raises: as `Calls.once`."""
    _, _, form = visit.typed("token").partition(".")
    if not visit.fresh or not form:
        return make()
    call = _name(visit, place)
    kept, _ = stage().idempotency.once(call, lambda: _kept(make()), body=call, secret=visit.session.id, looks=_LOOKS)
    return Response(**kept)


def _kept(response: Response) -> dict[str, Any]:
    return {"body": response.body, "headers": response.headers, "status_code": response.status_code}


def _name(visit: Visit, place: str) -> str:
    files = [hashlib.sha256(content).hexdigest() for content in visit.files.values()]
    held = [visit.session.id, place, sorted(visit.path.items()), sorted(visit.form.items()), files]
    return f"form#{hashlib.sha256(json.dumps(held).encode()).hexdigest()}"
