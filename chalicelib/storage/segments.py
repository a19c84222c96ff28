"""Saved segments: rules with a name, in the table of lists."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from chalicelib.clock import Clock, new_id, rfc3339
from chalicelib.errors import NotFoundError, Phrase
from chalicelib.service_scope import EVERYTHING, Sight
from chalicelib.storage.cursor import read_cursor, write_cursor
from chalicelib.storage.dynamodb import delete_if, reaching_dynamodb, save_if, update_if
from chalicelib.storage.rows.campaigns import SEGMENT_PART, ListRow
from chalicelib.storage.values import find, value_of

_LISTED = "segments"


class Segment(NamedTuple):
    """`rule` is an `audience_rules.Rule` as JSON; `version` grows by one with each change."""

    list_id: str
    name: str
    rule: Mapping[str, Any]
    version: int
    created_at: str
    created_by: str
    updated_at: str
    updated_by: str
    note: str | None = None
    service: str | None = None

    @property
    def id(self) -> str:
        """Its own."""
        return self.list_id

    def fields(self) -> dict[str, Any]:
        """What somebody has seen of it; its ETag follows from these."""
        return {"name": self.name, "note": self.note, "rule": self.rule}


class SavedSegments:
    """Every method raises: UnavailableError (retryable)."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def add(self, fields: Mapping[str, Any], *, by: str, id_: str | None = None, service: str | None = None) -> Segment:
        """A new one of a `service` with name, note and rule, or the existing one with this `id_`."""
        at = rfc3339(self._clock())
        made: dict[str, Any] = {"version": 1, "created_at": at, "created_by": by, "updated_at": at, "updated_by": by}
        row = ListRow(id_ or new_id(), SEGMENT_PART, listed=_LISTED, service=service, **made, **fields)
        return value_of(Segment, row) if save_if(row, ListRow.list_id.does_not_exist()) else self.get(row.list_id)

    def get(self, segment_id: str, *, sight: Sight = EVERYTHING) -> Segment:
        """As it is now. Raises: NotFoundError (permanent: there is none in `sight`)."""
        row = find(ListRow, segment_id, SEGMENT_PART)
        if row is None or not sight.has(row.service, by=row.created_by):
            raise NotFoundError(Phrase("there is no segment {id}", id=segment_id))
        return value_of(Segment, row)

    def find_each(self, ids: Iterable[str]) -> dict[str, Segment]:
        """Those of these that exist, as they are now; a request for each."""
        rows = [find(ListRow, one, SEGMENT_PART) for one in dict.fromkeys(ids)]
        return {row.list_id: value_of(Segment, row) for row in rows if row is not None}

    def page(self, *, limit: int, cursor: str | None) -> tuple[list[Segment], str | None]:
        """Newest first, and the cursor of the next page. Raises: InvalidError (permanent: a foreign cursor)."""
        start = read_cursor(cursor, scope=_LISTED) if cursor else None
        with reaching_dynamodb():
            page = ListRow.by_creation.query(
                _LISTED, scan_index_forward=False, limit=limit, page_size=limit, last_evaluated_key=start
            )
            ids = [row.list_id for row in page]
            keys = [(one, SEGMENT_PART) for one in ids]
            found = {row.list_id: row for row in ListRow.batch_get(keys, consistent_read=True)} if keys else {}
        following = page.last_evaluated_key
        shown = [value_of(Segment, found[one]) for one in ids if one in found]
        return shown, write_cursor(following, scope=_LISTED) if following else None

    def newest(self, limit: int) -> list[tuple[str, str]]:
        """Ids and names, newest first, in one request."""
        with reaching_dynamodb():
            found = ListRow.by_creation.query(_LISTED, scan_index_forward=False, limit=limit, page_size=limit)
            return [(row.list_id, row.name or "") for row in found]

    def change(self, seen: Segment, fields: Mapping[str, Any], *, by: str) -> Segment | None:
        """Writes the next version; None, with nothing done, if it has changed or gone since it was read."""
        values = {**fields, "version": seen.version + 1, "updated_at": rfc3339(self._clock()), "updated_by": by}
        actions = [
            getattr(ListRow, name).remove() if value is None else getattr(ListRow, name).set(value)
            for name, value in values.items()
        ]
        row = ListRow(seen.id, SEGMENT_PART)
        return value_of(Segment, row) if update_if(row, actions, ListRow.version == seen.version) else None

    def remove(self, seen: Segment) -> bool:
        """Deletes it; False, with nothing done, if it has changed or gone since it was read."""
        return delete_if(ListRow(seen.id, SEGMENT_PART), ListRow.version == seen.version)
