"""`Idempotency-Key`: any POST may be repeated. The same key, caller, call and body have the same answer, marked as a
replay, and no second effect.

What is remembered is the answer alone. That a call which died half way is not done twice is the domain's part: what it
makes gets its id from `Call.own_id`, which the repeated call has too.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from chalice.app import Response
from pydantic import BaseModel

from chalicelib.errors import InvalidError
from chalicelib.etags import Seen
from chalicelib.flow.idempotency import told
from chalicelib.observability import aside
from chalicelib.wiring.desk import calls

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
KEY_CHARACTERS = 255
MEANING = (
    "1–255 printable ASCII characters: the same key, path and body within 24 hours have the same answer, with "
    f"`{REPLAYED}: true`, and no second effect; with another body 409, while the first is being done 409 with "
    "`Retry-After`"
)


def idempotency_key(headers: Mapping[str, str]) -> str | None:
    """The key of a call. Raises: InvalidError (permanent)."""
    key = headers.get(HEADER.lower())
    if key is None:
        return None
    if not 1 <= len(key) <= KEY_CHARACTERS or not (key.isascii() and key.isprintable()):
        raise InvalidError.of(HEADER, f"expected 1 to {KEY_CHARACTERS} printable ASCII characters")
    return key


def digest_of(*asked: Any) -> str:
    """The same for what is the same JSON, however it is written."""
    text = json.dumps(asked, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def asked_of(body: BaseModel | None, query: BaseModel | None, seen: Seen | None) -> str:
    """What makes two calls the same request; what one has seen another may not have."""
    given = [one.model_dump(mode="json", exclude_unset=True) if one else None for one in (body, query)]
    return digest_of(*given, *([list(seen)] if seen else []))


def once(call: str, make: Callable[[], Response], *, body: str, secret: str) -> Response:
    """What `make` answers to this `call`, or what it did. A refusal did nothing and is not remembered; after a failure
    the same call may be made again. Raises: ConflictError (permanent: another body), BusyError (later),
    UnavailableError (retryable), and what `make` does."""
    turn = calls().begin(call, body=body)
    if isinstance(turn, str):
        return _replay(told(turn, secret=secret, call=call))
    try:
        response = make()
    except Exception as error:
        with aside("call"):
            calls().let_go(turn, error)
        raise
    kept = {"status": response.status_code, "headers": response.headers, "body": response.body}
    with aside("call"):
        calls().keep(turn, json.dumps(kept), secret=secret)  # only batches and previews answer too much
    return response


def _replay(kept: str) -> Response:
    known = json.loads(kept)
    return Response(known["body"], headers={**known["headers"], REPLAYED: "true"}, status_code=known["status"])
