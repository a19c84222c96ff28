"""The visits of links that letters share, in a few rows beside each: one could not take all of them."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING
from zlib import crc32

from pynamodb.expressions.update import Action

from chalicelib.storage.dynamodb import reaching_dynamodb
from chalicelib.storage.rows.links import VISIT_PLACES, LinkRow, visit_rows

if TYPE_CHECKING:
    from chalicelib.storage.short_links import ShortLink

_SHARED = re.compile("[a-z2-7]{16}")


def is_shared(code: str) -> bool:
    """Whether letters share the link."""
    return _SHARED.fullmatch(code) is not None


def count_beside(code: str, whose: str, counted: Sequence[Action], *, expires: int) -> None:
    """Counts a visit, by whose letter the link stood in. Raises: UnavailableError (retryable)."""
    actions = [*counted, LinkRow.kind.set("visits"), LinkRow.expires_at_epoch.set(expires)]
    place = visit_rows(code)[crc32(whose.encode()) % VISIT_PLACES]
    with reaching_dynamodb():  # PynamoDB's `update` would read what it has changed
        LinkRow._get_connection().update_item(place, actions=actions)


def with_visits(links: "Sequence[ShortLink]") -> "list[ShortLink]":
    """The same with the visits that stand beside them. Raises: UnavailableError (retryable)."""
    places = [place for one in links if is_shared(one.code) for place in visit_rows(one.code)]
    counts: dict[str, list[LinkRow]] = {}
    with reaching_dynamodb():
        for row in LinkRow.batch_get(places, consistent_read=True) if places else ():
            counts.setdefault(row.code.partition("#")[0], []).append(row)
    return [_sum(one, counts.get(one.code, ())) for one in links]


def _sum(link: "ShortLink", counts: Sequence[LinkRow]) -> "ShortLink":
    first = [one.first_visited_at for one in counts if one.first_visited_at]
    last = [one.last_visited_at for one in counts if one.last_visited_at]
    return link._replace(
        visits=link.visits + sum(int(one.visits) for one in counts),
        bot_visits=link.bot_visits + sum(int(one.bot_visits) for one in counts),
        first_visited_at=min(first, default=link.first_visited_at),
        last_visited_at=max(last, default=link.last_visited_at),
    )
