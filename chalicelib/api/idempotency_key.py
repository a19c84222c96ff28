"""`Idempotency-Key`: any POST may be repeated. The same key, caller, path and body get the same answer, marked as a
replay, and no second effect.

Only the answer is remembered here. That a call which died half-way has no second effect is up to the domain: what it
creates gets its id from `Call.own_id`, which the repeated call has too (ADR 0053).
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from chalice.app import Response
from pydantic import BaseModel

from chalicelib.errors import InvalidError, Phrase
from chalicelib.etags import Seen
from chalicelib.stage.app import stage

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
        raise InvalidError.of(HEADER, Phrase("expected 1 to {most} printable ASCII characters", most=KEY_CHARACTERS))
    return key


def digest_of(*asked: Any) -> str:
    """Equal for equal JSON, however it is written."""
    text = json.dumps(asked, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def asked_of(body: BaseModel | None, query: BaseModel | None, seen: Seen | None) -> str:
    """What makes two calls the same request, including what each caller has seen."""
    given = [one.model_dump(mode="json", exclude_unset=True) if one else None for one in (body, query)]
    return digest_of(*given, *([list(seen)] if seen else []))


def once(call: str, make: Callable[[], Response], *, body: str, secret: str) -> Response:
    """What `make` answers to this call, or has answered before. Raises: as `Calls.once`."""

    def answer() -> dict[str, Any]:
        response = make()
        return {"status": response.status_code, "headers": response.headers, "body": response.body}

    kept, replayed = stage().idempotency.once(call, answer, body=body, secret=secret)
    headers = {**kept["headers"], REPLAYED: "true"} if replayed else kept["headers"]
    return Response(kept["body"], headers=headers, status_code=kept["status"])
