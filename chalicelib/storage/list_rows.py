"""The rows of an uploaded list as people look at them: page by page, or those with a text in them."""

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from chalicelib.addresses import same_address_key
from chalicelib.storage.cursor import read_place, whole, write_cursor
from chalicelib.storage.list_index import blocks_of, page_of
from chalicelib.storage.recipient_lists import RecipientList, RecipientLists
from chalicelib.storage.rows.campaigns import ListRow
from chalicelib.storage.values import find

_BLOCKS_A_PAGE = 4  # that are searched
_SAME_DIGEST = 5  # blocks in which one address may stand, whatever the digests
_SEARCHED = ("email", "user_id", "name")
Row = Mapping[str, Any]


class ListRows:
    """Every method raises: UnavailableError (retryable)."""

    def __init__(self, lists: RecipientLists) -> None:
        self._lists = lists

    def page(
        self, found: RecipientList, *, limit: int, cursor: str | None = None, text: str = ""
    ) -> tuple[list[Row], str | None]:
        """In the order of the file. With `text`, the row of that address or user id, or else those that have it in the
        address, the id or the name; such a page may hold fewer than `limit`, even none: only the cursor says whether
        there are more. Raises: InvalidError (permanent: a foreign cursor)."""
        text = text.strip()
        if text and cursor is None and (standing := self._standing(found, text)):
            return standing[:limit], None
        scope = f"list\n{found.list_id}\n{text.casefold()}"
        at = read_place(cursor, scope=scope, read=lambda one: (whole(one["b"]), whole(one["r"]))) if cursor else (0, 0)
        rows, after = self._walk(found.list_id, at, limit, _has(text))
        return rows, write_cursor({"b": after[0], "r": after[1]}, scope=scope) if after else None

    def _standing(self, found: RecipientList, text: str) -> list[Row]:
        page = find(ListRow, found.list_id, page_of(text, rows=found.row_count))
        key, rows = same_address_key("email", text), list[Row]()
        for number in islice(blocks_of(text, page.rows or b"") if page else (), _SAME_DIGEST):
            rows += [
                row
                for row in self._lists.block(found.list_id, number) or ()
                if row.get("user_id") == text or same_address_key("email", row.get("email") or "") == key
            ]
        return rows

    def _walk(
        self, list_id: str, at: tuple[int, int], limit: int, wanted: Callable[[Row], bool]
    ) -> tuple[list[Row], tuple[int, int] | None]:
        number, row = at
        found: list[Row] = []
        for _ in range(_BLOCKS_A_PAGE):
            block = self._lists.block(list_id, number)
            if block is None:
                return found, None
            for place in range(row, len(block)):
                if wanted(block[place]):
                    found.append(block[place])
                if len(found) == limit:
                    return found, (number, place + 1)
            number, row = number + 1, 0
        return found, (number, 0)


def _has(text: str) -> Callable[[Row], bool]:
    wanted = text.casefold()
    return lambda row: any(wanted in str(row.get(name) or "").casefold() for name in _SEARCHED)
