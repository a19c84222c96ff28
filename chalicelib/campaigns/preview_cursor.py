"""Where the count of an audience continues, and what it has found so far."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from chalicelib.campaigns.audience import Audience
from chalicelib.campaigns.audience_look import Unread
from chalicelib.campaigns.audience_sources import PART
from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.targets import Cursor
from chalicelib.storage.cursor import table_key, whole

COUNTED = ("recipients", "excluded", "unknown", "no_address", "opted_out", "suppressed", "no_translation", "final")


class CountSoFar(NamedTuple):
    """The counts of earlier calls."""

    at: dict[str, Any] | None
    counts: Counter[str]
    unread: dict[str, Unread]
    languages: Counter[str]


def nothing_yet() -> CountSoFar:
    """Before the first call."""
    return CountSoFar(None, Counter(), {}, Counter())


def so_far(spec: Campaign) -> Callable[[Mapping[str, Any]], CountSoFar]:
    """Reads a cursor of this audience; raises for anything else."""

    def read(state: Mapping[str, Any]) -> CountSoFar:
        at = state["at"]
        at = _place_of(at, spec.audience)
        counts = Counter({name: whole(count) for name, count in state["counts"].items() if name in COUNTED})
        unread = {name: Unread(name, whole(people), _text(shape)) for name, (people, shape) in state["unread"].items()}
        languages = Counter({_text(name): whole(people) for name, people in state.get("languages", {}).items()})
        return CountSoFar(at, counts, unread, languages)

    return read


def _place_of(at: Any, audience: Audience) -> Cursor:
    parts = audience.is_of_users + len(audience.joined_lists)
    if parts == 1:
        return {"block": whole(at["block"])} if audience.joined_lists else table_key(at)
    number, inner = whole(at[PART]), at["at"]
    if number >= parts:
        raise ValueError(number)
    if inner is not None:
        of_users = audience.is_of_users and number == 0
        inner = table_key(inner) if of_users else {"block": whole(inner["block"])}
    return {PART: number, "at": inner}


def _text(value: object) -> str:
    if isinstance(value, str) and value:
        return value
    raise ValueError(value)
