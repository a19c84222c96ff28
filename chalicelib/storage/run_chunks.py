"""The outcomes of a run, chunk by chunk."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from chalicelib.isolation import each
from chalicelib.marks import ENGAGED, ON_LINK
from chalicelib.observability import log_failure
from chalicelib.outcomes import Outcomes
from chalicelib.storage.chunk_letters import homes_of
from chalicelib.storage.link_clicks import read_clicks
from chalicelib.storage.outcomes import OUTCOMES_PREFIX, PROVIDERS_OF, OutcomesKey, stored_of
from chalicelib.storage.run_outcomes import pages_of_home

_CLICKED = {mark for mark, name in ENGAGED.items() if name in ON_LINK}
_LAST = f"{OUTCOMES_PREFIX}~"  # behind every chunk


class ChunkPlace(NamedTuple):
    """Where a pass over a run's chunks goes on: in which of its homes, behind which part."""

    home: int = 0
    part: str = OUTCOMES_PREFIX


class RunChunk(NamedTuple):
    """The outcomes of one chunk on a channel, whose servers its e-mails went to (`storage.outcomes`), and which links
    were followed in its letters (`storage.link_clicks`)."""

    key: OutcomesKey
    outcomes: Outcomes
    sent_to: Sequence[int] = ()
    clicks: Mapping[str, Collection[int]] = {}


def chunks_of_run(run_id: str, *, homes: int, after: ChunkPlace) -> Iterator[tuple[list[RunChunk], ChunkPlace | None]]:
    """The outcomes of a run, page by page (a megabyte), from a place on, and where to go on; None: there
    are no more. Raises: UnavailableError (retryable)."""
    names = homes_of(run_id, homes)
    for n in range(after.home, homes):
        first = after.part if n == after.home else OUTCOMES_PREFIX
        for items, more in pages_of_home(names[n], first, _LAST):
            # Nothing is between a part and itself with a space behind it.
            following = ChunkPlace(n, f"{more} ") if more else ChunkPlace(n + 1) if n + 1 < homes else None
            yield _chunks(names[n], items), following


def _chunks(home: str, items: Sequence[dict[str, Any]]) -> list[RunChunk]:
    def read(item: dict[str, Any]) -> RunChunk:
        key = OutcomesKey.of(home, item["part"]["S"])
        sent_to = [int(one) for one in item.get(PROVIDERS_OF, {}).get("NS", ())]
        return RunChunk(key, stored_of(item).outcomes, sent_to)

    chunks = each(read, items, alone=lambda item, error: log_failure("outcomes", error, part=item["part"]["S"]))
    clicks = read_clicks([one.key for one in chunks if _CLICKED & one.outcomes.numbers.keys()])
    return [one._replace(clicks=clicks.get(one.key, {})) for one in chunks]
