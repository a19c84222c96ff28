"""The rows that hold the outcomes of a chunk on one channel: read and written whole, or marked without being read.

`steps` are written under the condition that nobody has written others since they were read (`v`); what may send a
letter, or keep it from being sent, also that nothing was heard since (`m` counts what was). Marks need no condition: a
set of numbers takes them in any order. Those of a run count from its moment, which its homes name: DynamoDB keeps two
digits in a byte.

A letter's spot never changes, and travels with it: in its jobs, and in the tags of its events. Where it does not, the
notification's own row knows it. A row without one is of the last release, which kept each delivery in a row.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from chalicelib.clock import BEGAN
from chalicelib.deliveries import OWN, PLACES, DeliveryKey, S, Spot
from chalicelib.errors import InvalidError, Phrase
from chalicelib.marks import MARKS, Numbers, mark_number
from chalicelib.outcomes import Outcomes
from chalicelib.storage.dynamodb import write_if
from chalicelib.storage.ledger_rows import Item, read_rows
from chalicelib.storage.rows.ledger import ATTENTION, NOTIFICATION_PART, LedgerRow

OUTCOMES_PREFIX = "outcomes#"
PROVIDERS_OF = "sent_to"  # of a chunk's e-mails: a provider's number times PLACES, and the letter's place
_TOLD_PREFIX = "p"  # and a place: the provider's id as an event has told it
_MINUTE = timedelta(minutes=1)
MISSHAPEN = Phrase("a delivery is malformed")


class OutcomesKey(NamedTuple):
    """Names the outcomes of a chunk on a channel."""

    home: str
    chunk: str
    channel: str

    @property
    def place(self) -> tuple[str, str]:
        """The keys of the row."""
        return self.home, f"{OUTCOMES_PREFIX}{self.chunk}#{self.channel}"

    @classmethod
    def of(cls, home: str, part: str) -> "OutcomesKey":
        """The inverse of `place`."""
        _, chunk, channel = part.split("#", 2)
        return cls(home, chunk, channel)


class Stored(NamedTuple):
    """The outcomes, and what their next writing depends on. `version` is 0 where there is no row yet."""

    outcomes: Outcomes
    version: int = 0
    heard: int = 0
    expires: int = 0
    attention_at: str | None = None  # since when one of them waits for a person
    told_ids: Mapping[int, str] = {}


def home_since(name: str, at: datetime) -> str:
    """A home whose marks are stored as of this moment: `<name>_<minutes since 2026>`."""
    return f"{name}_{max(0, (at - BEGAN) // _MINUTE):x}"


def _since(home: str) -> int:
    """What the marks of a home are counted from, as a mark's number."""
    minutes = home.partition("_")[2]
    return mark_number(BEGAN + int(minutes, 16) * _MINUTE, 0) if minutes else 0


def numbers_in(item: Item, home: str, marks: Iterable[str]) -> Numbers:
    """Those of some marks of a row. Raises: ValueError, LookupError, TypeError: they cannot be read."""
    since = _since(home)
    return {mark: frozenset([since + int(one) for one in item[mark]["NS"]]) for mark in marks}


def stored_number(home: str, number: int) -> str:
    """A mark's number as it is stored."""
    return str(number - _since(home))


def stored_of(item: Item) -> Stored:
    """A row. Raises: InvalidError (permanent): it cannot be read."""
    try:
        numbers = numbers_in(item, item["notification_id"]["S"], [name for name in item if name in MARKS])
        told = {name: value for name, value in item.items() if name[:1] == _TOLD_PREFIX and name[1:].isdecimal()}
        return Stored(
            outcomes=Outcomes.of(item["steps"]["S"], numbers),
            version=int(item["v"]["N"]),
            heard=int(item["m"]["N"]) if "m" in item else 0,
            expires=int(item["expires_at_epoch"]["N"]),
            attention_at=item["attention_at"]["S"] if "attention_at" in item else None,
            told_ids={int(name[1:]): value["S"] for name, value in told.items()},
        )
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
        raise InvalidError(MISSHAPEN) from error


def read_items(keys: Collection[OutcomesKey], *, consistent: bool = True) -> dict[OutcomesKey, Item]:
    """The rows that exist; a hundred per request. Raises: UnavailableError (retryable)."""
    places = {key.place: key for key in keys}
    return {places[at]: item for at, item in read_rows(places, consistent=consistent).items()}


def write_outcomes(
    key: OutcomesKey,
    outcomes: Outcomes,
    *,
    over: Stored,
    at: str,
    expires: int,
    blind: bool,
    sent_to: Collection[tuple[int, int]] = (),
) -> Stored | None:
    """Writes the steps over those that were read, at a moment; None if somebody was faster. `blind`: whatever was heard
    since; `sent_to`: for some places, whose servers take their letters. Raises: UnavailableError (retryable)."""
    waits = any(status is S.UNCERTAIN for status, _ in outcomes.places())
    since = (over.attention_at or at) if waits else None
    attention = {"attention": {"S": ATTENTION}, "attention_at": {"S": since}} if since else {}
    written = Stored(outcomes, over.version + 1, over.heard, expires, since, over.told_ids)
    values = {
        "steps": {"S": outcomes.text()},
        "v": {"N": str(written.version)},
        "expires_at_epoch": {"N": str(expires)},
        **attention,
    }
    numbers = sorted({str(provider * PLACES + place) for place, provider in sent_to})
    to = {PROVIDERS_OF: {"NS": numbers}} if numbers else {}
    made = _update(key, values, to, over, blind) if over.version else _create(key, {**values, **to}, outcomes)
    return written if made else None


def mark_outcomes(key: OutcomesKey, numbers: Mapping[str, Iterable[int]], *, told_ids: Mapping[int, str]) -> bool:
    """Adds marks, and what the provider calls the letters at some places; False, with nothing done, if there is no such
    row. Idempotent. Raises: UnavailableError (retryable), InvalidError (permanent): the row is malformed."""
    names = {f"#{mark}": mark for mark in numbers}
    values: dict[str, Any] = {f":{mark}": _stored(key, some) for mark, some in numbers.items()}
    told = {f"{_TOLD_PREFIX}{place}": {"S": one} for place, one in told_ids.items()}
    first = ", ".join(f"{name} = if_not_exists({name}, :{name})" for name in told)
    return write_if(
        "UpdateItem",
        LedgerRow,
        Key=raw_key(key),
        UpdateExpression=f"{f'SET {first} ' if told else ''}ADD m :one, {', '.join(f'#{m} :{m}' for m in numbers)}",
        ConditionExpression="attribute_exists(v)",
        ExpressionAttributeNames=names,
        ExpressionAttributeValues={**values, **{f":{name}": one for name, one in told.items()}, ":one": {"N": "1"}},
    )


def _stored(key: OutcomesKey, numbers: Iterable[int]) -> dict[str, Any]:
    since = _since(key.home)
    return {"NS": sorted(str(one - since) for one in numbers)}


def _create(key: OutcomesKey, values: Mapping[str, Any], outcomes: Outcomes) -> bool:
    heard = {mark: _stored(key, numbers) for mark, numbers in outcomes.numbers.items() if numbers}
    return write_if(
        "PutItem",
        LedgerRow,
        Item={**raw_key(key), **values, **heard},
        ConditionExpression="attribute_not_exists(notification_id)",
    )


def _update(key: OutcomesKey, values: Mapping[str, Any], added: Mapping[str, Any], over: Stored, blind: bool) -> bool:
    more = "".join(f" ADD {name} :{name}" for name in added)
    gone = "" if "attention" in values or not over.attention_at else " REMOVE attention, attention_at"
    condition, before = "v = :before", {":before": {"N": str(over.version)}}
    if not blind and over.heard:
        condition, before[":heard"] = f"{condition} AND m = :heard", {"N": str(over.heard)}
    elif not blind:
        condition += " AND attribute_not_exists(m)"
    return write_if(
        "UpdateItem",
        LedgerRow,
        Key=raw_key(key),
        UpdateExpression=f"SET {', '.join(f'{name} = :{name}' for name in values)}{gone}{more}",
        ConditionExpression=condition,
        ExpressionAttributeValues={**{f":{name}": one for name, one in {**values, **added}.items()}, **before},
    )


def raw_key(key: OutcomesKey) -> dict[str, Any]:
    home, part = key.place
    return {"notification_id": {"S": home}, "part": {"S": part}}


class Place(NamedTuple):
    """Where a delivery's outcome is; `old`: in a row of the last release, unless there is one of this."""

    outcomes: OutcomesKey
    place: int
    old: bool = False


Found = Stored | InvalidError  # what is stored, or that it cannot be read


def places_of(keys: Iterable[DeliveryKey]) -> dict[DeliveryKey, Place]:
    """Raises: UnavailableError (retryable)."""
    wanted = dict.fromkeys(keys)
    spots = spots_of({key.notification_id for key in wanted if key.spot is None})
    found = {}
    for key in wanted:
        text = key.spot or spots.get(key.notification_id)
        home, chunk, place = Spot.of(text or OWN, key.notification_id)
        found[key] = Place(OutcomesKey(home, chunk, key.channel), place, old=text is None)
    return found


def spots_of(notification_ids: Collection[str]) -> dict[str, str]:
    """The spots of those that have one. Raises: UnavailableError (retryable)."""
    keys = [(one, NOTIFICATION_PART) for one in notification_ids]
    return {one: item["spot"]["S"] for (one, _), item in read_rows(keys, attributes=["spot"]).items() if "spot" in item}


def read_stored(places: Collection[Place], *, consistent: bool = True) -> dict[OutcomesKey, Found]:
    """The outcomes at each place; there may be none yet. Raises: UnavailableError (retryable)."""
    wanted = dict.fromkeys(place.outcomes for place in places)
    return stored_among(read_items(wanted, consistent=consistent), places)


def stored_among(items: Mapping[OutcomesKey, Item], places: Collection[Place]) -> dict[OutcomesKey, Found]:
    """The same out of the rows that exist. Raises: UnavailableError (retryable; it may read the last release's)."""
    found: dict[OutcomesKey, Found] = {
        key: _found(items[key]) if key in items else Stored(Outcomes())
        for key in dict.fromkeys(place.outcomes for place in places)
    }
    old = [place.outcomes for place in places if place.old and place.outcomes not in items]
    if old:
        from chalicelib.storage.last_release import outcomes_of_last_release

        found |= outcomes_of_last_release(old)
    return found


def _found(item: Item) -> Found:
    try:
        return stored_of(item)
    except InvalidError as error:
        return error
