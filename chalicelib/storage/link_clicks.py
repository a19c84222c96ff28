"""Which links of a chunk's letters were followed: one row a chunk and channel, under a key of its own, since programs
follow every link of every letter, faster than the partition of a run's outcomes takes it (ADR 0113).

A mark is the link's code behind `L` (a person) or `M` (a program); its numbers are as in `marks.py`.
"""

from collections.abc import Collection, Mapping
from typing import Any

from chalicelib.deliveries import PLACES
from chalicelib.marks import LINK_MARK, Heard, Numbers
from chalicelib.storage.dynamodb import write_if
from chalicelib.storage.ledger_rows import read_rows
from chalicelib.storage.outcomes import OutcomesKey, numbers_in, stored_number
from chalicelib.storage.rows.ledger import LedgerRow

_PREFIX = "clicks#"


def note_click(key: OutcomesKey, place: int, heard: Heard, *, expires: int) -> None:
    """The first of each letter and link; a later one is not written. Raises: UnavailableError (retryable)."""
    number = heard.number(place)
    known = [one for one in read_clicks([key]).get(key, {}).get(heard.mark, ()) if one % PLACES == place]
    if known and min(known) <= number:
        return
    home, part = _place(key)
    write_if(
        "UpdateItem",
        LedgerRow,
        Key={"notification_id": {"S": home}, "part": {"S": part}},
        UpdateExpression=f"SET expires_at_epoch = if_not_exists(expires_at_epoch, :expires) ADD {heard.mark} :number",
        ExpressionAttributeValues={
            ":expires": {"N": str(expires)},
            ":number": {"NS": [stored_number(key.home, number)]},
        },
    )


def read_clicks(keys: Collection[OutcomesKey]) -> dict[OutcomesKey, Numbers]:
    """Of those with any, as of a second ago; a hundred per request. Raises: UnavailableError (retryable)."""
    places = {_place(key): key for key in keys}
    return {places[at]: _numbers(places[at], item) for at, item in read_rows(places, consistent=False).items()}


def _numbers(key: OutcomesKey, item: Mapping[str, Any]) -> Numbers:
    return numbers_in(item, key.home, [name for name in item if LINK_MARK.fullmatch(name)])


def _place(key: OutcomesKey) -> tuple[str, str]:
    return f"{_PREFIX}{key.home}-{key.chunk}", f"{_PREFIX}{key.channel}"
