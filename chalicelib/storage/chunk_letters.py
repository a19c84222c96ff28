"""Which letters a chunk holds, by place, and what their provider calls them.

`roster#<chunk>` is written before its letters are, so that whatever has an outcome has a name. `ids#<chunk>#<channel>`
is a row of its own: it would make the outcomes, which are written for every event, four times as large.
"""

import base64
import hashlib
import json
import uuid
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from chalicelib.clock import BEGAN, parse_rfc3339
from chalicelib.deliveries import OWN_CHUNK, Spot
from chalicelib.storage.dynamodb import write_if
from chalicelib.storage.ledger_rows import Item, read_rows
from chalicelib.storage.outcomes import Found, OutcomesKey, Place, home_since, stored_among
from chalicelib.storage.rows.ledger import LedgerRow

RUN_HOMES = 5  # of a fast run: a partition takes 1,000 writes a second, and 1,000 letters a second are 2,500
ROSTER_PREFIX, _IDS_PREFIX = "roster#", "ids#"
_BATCH = "i"  # and when they were sent, and the first place: the ids of some letters that were sent together
_ID_BYTES = 16
_NOBODY = bytes(_ID_BYTES)


def homes_of(run_id: str, homes: int = 1) -> list[str]:
    """The partitions of a run's chunks."""
    try:
        at = parse_rfc3339(run_id.rpartition("@")[2]).astimezone(UTC)
    except ValueError:
        at = BEGAN
    name = _short(run_id, 5)  # of runs of one minute
    return [home_since(f"{name}{n}", at) for n in range(homes)]


def spots_in_run(
    run_id: str, notification_ids: Sequence[str], *, homes: int = 1, variant: str | None = None
) -> dict[str, Spot]:
    """Places for letters that come together, all of one `variant`; the same for the same letters in the same order."""
    chunk = (variant or "") + _short("\n".join(notification_ids), 8)
    home = homes_of(run_id, homes)[zlib.crc32(chunk.encode()) % homes]
    return {one: Spot(home, chunk, place) for place, one in enumerate(notification_ids)}


def spots_in_request(request_id: str, notification_ids: Sequence[str], *, size: int) -> dict[str, Spot]:
    """Places for the letters of a request, in chunks of a size; of a repeated one its first."""
    spots: dict[str, Spot] = {}
    for n, one in enumerate(notification_ids):
        spots.setdefault(one, Spot(request_id, str(n // size + 1), n % size))
    return spots


def roster_items(spots: Mapping[str, Spot], *, expires: int) -> Iterator[dict[str, Any]]:
    """The rosters of letters with places, as rows; a letter that is a chunk of its own needs none."""
    chunks: dict[tuple[str, str], dict[int, str]] = {}
    for notification_id, (home, chunk, place) in spots.items():
        if chunk != OWN_CHUNK:
            chunks.setdefault((home, chunk), {})[place] = notification_id
    for (home, chunk), letters in chunks.items():
        places = range(max(letters) + 1)
        ids = b"".join(_bytes_of(letters[n]) if n in letters else _NOBODY for n in places)
        yield {
            "notification_id": {"S": home},
            "part": {"S": ROSTER_PREFIX + chunk},
            "ids": {"B": ids},
            "expires_at_epoch": {"N": str(expires)},
        }


def _bytes_of(notification_id: str) -> bytes:
    return bytes.fromhex(notification_id.replace("-", ""))


def roster_of(item: Mapping[str, Any]) -> list[str]:
    """The letters of a roster, by place; empty where none is known. Raises: ValueError, LookupError, TypeError: it
    cannot be read."""
    ids = item["ids"]["B"]
    parts = (ids[n : n + _ID_BYTES] for n in range(0, len(ids), _ID_BYTES))
    return ["" if one == _NOBODY else str(uuid.UUID(bytes=one)) for one in parts]


def read_rosters(chunks: Collection[tuple[str, str]]) -> dict[tuple[str, str], list[str]]:
    """Those of these chunks, as of a second ago. Raises: UnavailableError (retryable)."""
    places = {(home, ROSTER_PREFIX + chunk): (home, chunk) for home, chunk in chunks}
    return {places[at]: roster_of(item) for at, item in read_rows(places, consistent=False).items()}


def write_provider_ids(key: OutcomesKey, ids: Mapping[int, str], *, at: datetime, expires: int) -> None:
    """Keeps what a provider calls the letters at some places. Raises: UnavailableError (retryable)."""
    packed = zlib.compress(json.dumps(ids, separators=(",", ":")).encode())
    home, part = _ids_place(key)
    write_if(
        "UpdateItem",
        LedgerRow,
        Key={"notification_id": {"S": home}, "part": {"S": part}},
        UpdateExpression=f"SET {_BATCH}{at.timestamp() * 1000:.0f}{min(ids):02} = :ids, expires_at_epoch = :expires",
        ExpressionAttributeValues={":ids": {"B": packed}, ":expires": {"N": str(expires)}},
    )


def read_stored_and_ids(
    places: Collection[Place],
) -> tuple[dict[OutcomesKey, Found], dict[OutcomesKey, dict[int, str]]]:
    """The outcomes at each place, there may be none yet; and what providers call their letters, by place, the newest of
    each. A hundred rows per request. Raises: UnavailableError (retryable)."""
    outcomes = {one.outcomes.place: one.outcomes for one in places}
    ids = {_ids_place(one): one for one in outcomes.values() if one.chunk != OWN_CHUNK}
    items = read_rows([*outcomes, *ids])
    stored = stored_among({outcomes[at]: item for at, item in items.items() if at in outcomes}, places)
    return stored, {ids[at]: _ids_in(item) for at, item in items.items() if at in ids}


def _ids_in(item: Item) -> dict[int, str]:
    batches = sorted(name for name in item if name[:1] == _BATCH and name[1:].isdecimal())
    packed = [json.loads(zlib.decompress(item[name]["B"])) for name in batches]
    return {int(place): one for some in packed for place, one in some.items()}


def _ids_place(key: OutcomesKey) -> tuple[str, str]:
    return key.home, f"{_IDS_PREFIX}{key.chunk}#{key.channel}"


def _short(text: str, size: int) -> str:
    return base64.b32encode(hashlib.sha256(text.encode()).digest()[:size]).decode().rstrip("=").lower()
