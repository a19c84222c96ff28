"""Time and ids, in one place so that tests can control them."""

import base64
import os
import re
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator

from chalicelib.errors import Phrase

Clock = Callable[[], datetime]

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)  # from here count moments that are stored as numbers
# The root of every derived id: the same input gives the same id on every machine, for ever.
_NAMESPACE = uuid.UUID("6f2c3b52-7b0e-5d0f-9a36-0d6a1f2b7c11")
# A space may stand for the T (RFC 3339 §5.6), and for an offset's plus that was not escaped in a query.
_RFC3339 = re.compile(r"(20\d\d-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d(?:\.\d{1,9})?)([Zz]|[+ -]\d\d:\d\d)")
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2099, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


def _moment(value: object) -> object:
    # Stricter than pydantic, which also takes numbers and dates; other centuries are mistakes, and overflow.
    # In UTC too, in which it is stored: whatever is accepted can be read back.
    if value is None or (isinstance(value, datetime) and is_of_this_century(value)):
        return value
    if isinstance(value, str) and (found := _RFC3339.fullmatch(value.strip())):
        day, time, offset = found.groups()
        try:
            moment = datetime.fromisoformat(f"{day}T{time}{offset.upper().replace(' ', '+')}")
        except ValueError:
            pass  # the 31st of February
        else:
            if is_of_this_century(moment):
                return moment.astimezone(UTC)
    raise ValueError(Phrase("expected a time such as 2026-11-22T18:00:00Z (RFC 3339)"))


# A time in a request body.
Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]


def _day(value: object) -> object:
    if isinstance(value, str) and re.fullmatch(r"20\d\d-\d\d-\d\d", value.strip()):
        with suppress(ValueError):  # the 31st of February
            return date.fromisoformat(value.strip())
    raise ValueError(Phrase("expected a day such as 2026-12-01"))


# A day in a request's query.
Day = Annotated[date, BeforeValidator(_day)]


def now() -> datetime:
    """The current time, aware, UTC."""
    return datetime.now(UTC)


def is_of_this_century(moment: datetime) -> bool:
    """Whether the time is within the years that calls and forms may name, in UTC."""
    return _FIRST <= moment.replace(tzinfo=moment.tzinfo or UTC) <= _LAST


def rfc3339(moment: datetime) -> str:
    """`2026-11-22T10:00:00.123456Z`: fixed width, so that text order is time order (RFC 3339)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_rfc3339(text: str) -> datetime:
    """The inverse of `rfc3339`. Raises: ValueError."""
    return datetime.fromisoformat(text)


def new_id() -> str:
    """A fresh random UUID as text."""
    return str(uuid.uuid4())


def short_id() -> str:
    """Fresh and random as well, of 64 bits: enough where it is compared with few others."""
    return base64.urlsafe_b64encode(os.urandom(8)).decode().rstrip("=")


def is_id(text: str) -> bool:
    """Whether it looks like one of our ids. Nobody guesses one, so an id that is not found existed once."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def derived_id(*parts: str) -> str:
    """A UUID that depends on `parts` alone: the basis of every idempotent step."""
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(parts)))


def expiry_epoch(days: int, *, since: datetime | None = None) -> int:
    """The value of a table's TTL attribute `expires_at_epoch`, in seconds. DynamoDB deletes late (up to days): a reader
    that cares compares by itself."""
    return int(((since or now()) + timedelta(days=days)).timestamp())
