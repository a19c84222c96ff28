"""A campaign's links with their visits. They are spread over many partitions of an index, which are
read in parallel: a single one could not take a fast campaign's writes (ADR 0063)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from chalicelib.storage.cursor import read_place, write_cursor
from chalicelib.storage.dynamodb import TableMeta, reaching_dynamodb
from chalicelib.storage.rows.links import LinkRow, campaign_shards
from chalicelib.storage.short_links import describe, link_of
from chalicelib.storage.visit_counts import with_visits

_T = TypeVar("_T")


class _Partition(NamedTuple):
    """One partition of an index."""

    index: Any
    key: str

    def holds(self, row: LinkRow) -> bool:
        """Each link has one place, though older code may also have put it into the old index."""
        return self.index is not LinkRow.by_campaign or row.campaign_shard is None


class _Place(NamedTuple):
    """A link's position in the list."""

    created_at: str
    code: str


def of_campaign(campaign_id: str, *, limit: int, cursor: str | None) -> tuple[list[dict[str, Any]], str | None]:
    """A page of a campaign's links with their counts, oldest first. Raises: InvalidError (permanent: not our cursor),
    UnavailableError (retryable)."""
    scope = f"links-of-campaign:{campaign_id}"
    after = read_place(cursor, scope=scope, read=_read_place) if cursor else _Place("", "")
    found = [row for rows in _side_by_side(campaign_id, lambda one: _next(one, after, limit + 1)) for row in rows]
    page = sorted(found, key=_place)[:limit]
    following = len(found) > limit and {name: {"S": value} for name, value in _place(page[-1])._asdict().items()}
    listed = with_visits([link_of(row) for row in page])
    return [describe(one) for one in listed], write_cursor(following, scope=scope) if following else None


def _partitions(campaign_id: str) -> list[_Partition]:
    shards = [_Partition(LinkRow.by_campaign_shard, shard) for shard in campaign_shards(campaign_id)]
    return [*shards, _Partition(LinkRow.by_campaign, campaign_id)]


def _side_by_side(campaign_id: str, read: Callable[[_Partition], _T]) -> list[_T]:
    with reaching_dynamodb(), ThreadPoolExecutor(TableMeta.max_pool_connections) as pool:
        return list(pool.map(read, _partitions(campaign_id)))


def _next(one: _Partition, after: _Place, limit: int) -> list[LinkRow]:
    """The next links of a partition, and those created at the same moment as the last one: the index keeps them in no
    order."""
    since = LinkRow.created_at >= after.created_at if after.created_at else None
    rows: list[LinkRow] = []
    for row in filter(one.holds, one.index.query(one.key, since, page_size=limit)):
        if len(rows) >= limit and row.created_at != rows[-1].created_at:
            break
        if _place(row) > after:
            rows.append(row)
    return rows


def _place(row: LinkRow) -> _Place:
    return _Place(row.created_at, row.code)


def _read_place(key: dict[str, Any]) -> _Place:
    return _Place(str(key["created_at"]["S"]), str(key["code"]["S"]))
