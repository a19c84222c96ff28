"""The list of campaigns: searched, filtered, sorted, and counted by state."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from heapq import nlargest, nsmallest
from operator import attrgetter, itemgetter
from typing import Any, Literal, NamedTuple, get_args

from chalicelib.campaigns.tags import folded
from chalicelib.clock import rfc3339
from chalicelib.storage.campaign_desk import DeskEntry
from chalicelib.storage.cursor import read_place, write_cursor
from chalicelib.text import one_line

Sort = Literal["-created", "created", "-when", "when", "name", "-name", "-sent", "sent", "-opens", "opens"]
SORTS: Sequence[Sort] = get_args(Sort)
ALL, DECISION, ARCHIVED = "all", "decision", "archived"  # the tabs beside one for each state


class DeskQuery(NamedTuple):
    """What is asked of the list. `q` is any part of a name; `archived`: only what was put away, else what was not;
    `decision`: only what waits for a person to decide."""

    state: str | None = None
    q: str | None = None
    template: str | None = None
    author: str | None = None
    tag: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    archived: bool = False
    decision: bool = False
    sort: Sort = "-created"


class DeskPage(NamedTuple):
    """`counts` by tab are of all that the other filters let through; `cursor` is None on the last page."""

    entries: Sequence[DeskEntry]
    counts: Mapping[str, int]
    cursor: str | None


class FilterChoices(NamedTuple):
    """What there is to choose from in the filters."""

    templates: Sequence[str]
    authors: Sequence[str]
    tags: Sequence[str]


def known_in(entries: Iterable[DeskEntry]) -> FilterChoices:
    """In the order in which people look for them."""
    templates, authors, tags = set[str](), set[str](), dict[str, str]()
    for one in entries:
        templates.add(one.template)
        authors.add(one.author)
        for tag in one.tags:
            tags.setdefault(folded(tag), tag)
    return FilterChoices(
        sorted(templates - {""}), sorted(authors - {""}, key=folded), [tag for _, tag in sorted(tags.items())]
    )


def page_of(entries: Iterable[DeskEntry], asked: DeskQuery, *, limit: int, cursor: str | None) -> DeskPage:
    """A page of the campaigns that were asked for. Raises: InvalidError (permanent: a foreign cursor)."""
    found = _filtered(entries, asked)
    counts = Counter(one.state for one in found if not one.archived_at)
    counts |= {
        ALL: counts.total(),
        DECISION: sum(one.decides is not None for one in found),
        ARCHIVED: sum(bool(one.archived_at) for one in found),
    }
    key, backwards = _KEYS[asked.sort.removeprefix("-")], asked.sort.startswith("-")
    shown = [((key(one), one.id), one) for one in found if _is_shown(one, asked)]
    if cursor is not None:
        after = read_place(cursor, scope=_scope(asked), read=lambda place: _read(place, asked.sort))
        shown = [pair for pair in shown if (pair[0] < after if backwards else pair[0] > after)]
    first = (nlargest if backwards else nsmallest)(limit + 1, shown, key=itemgetter(0))
    page, following = [one for _, one in first[:limit]], None
    if len(first) > limit:
        value, id_ = first[limit - 1][0]
        following = write_cursor({"at": value, "id": id_}, scope=_scope(asked))
    return DeskPage(page, counts, following)


def _is_shown(one: DeskEntry, asked: DeskQuery) -> bool:
    if bool(one.archived_at) != asked.archived or asked.state not in (None, one.state):
        return False
    return not asked.decision or one.decides is not None


def opens_of(one: DeskEntry) -> float | None:
    """The share of delivered letters that people opened; None where none is known to be delivered."""
    delivered = one.results.total.get("delivered", 0)
    return one.results.total.get("opened", 0) / delivered if delivered else None


def _filtered(entries: Iterable[DeskEntry], asked: DeskQuery) -> list[DeskEntry]:
    part, tag = folded(one_line(asked.q or "")), folded(one_line(asked.tag or ""))
    after = rfc3339(asked.created_after) if asked.created_after else ""
    before = rfc3339(asked.created_before) if asked.created_before else "~"
    return [
        one
        for one in entries
        if after <= one.created_at < before
        and (asked.template is None or asked.template == one.template)
        and (asked.author is None or asked.author in (one.author, one.created_by))
        and (not part or part in folded(one.name))
        and (not tag or any(folded(own) == tag for own in one.tags))
    ]


_KEYS: Mapping[str, Callable[[DeskEntry], Any]] = {
    "created": attrgetter("created_at"),
    "when": lambda one: one.next_run_at or one.results.newest_at or "",
    "name": lambda one: folded(one.name),
    "sent": lambda one: one.results.total.get("sent", 0),
    "opens": lambda one: -1.0 if (rate := opens_of(one)) is None else rate,
}


def _read(key: Mapping[str, Any], sort: Sort) -> tuple[Any, str]:
    at, id_ = key["at"], key["id"]
    known = (int, float) if sort.removeprefix("-") in ("sent", "opens") else (str,)
    if type(at) not in known or type(id_) is not str:
        raise TypeError("no place of this list")
    return at, id_


def _scope(asked: DeskQuery) -> str:
    return f"campaigns by {asked.sort}"
