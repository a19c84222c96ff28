"""The desk: all campaigns, searched, filtered and sorted; and what is done with one or with many of them beside
starting and stopping."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple, cast

from chalicelib.accounts.audit import note
from chalicelib.accounts.managers import Role
from chalicelib.admin.number_format import read_moment
from chalicelib.admin.responses import mistakes_of
from chalicelib.admin.templating import Go, Page, url, words
from chalicelib.admin.views import Visit, action, page
from chalicelib.campaigns.desk import ALL, ARCHIVED, DECISION, SORTS, DeskPage, DeskQuery, Sort, known_in, page_of
from chalicelib.campaigns.tags import read_tags
from chalicelib.errors import InvalidError, Phrase
from chalicelib.http_errors import status_of
from chalicelib.service_scope import EVERYTHING
from chalicelib.settings import settings
from chalicelib.stage.app import stage
from chalicelib.states import CampaignState

LISTED = 25
_TABS = (ALL, DECISION, *CampaignState, ARCHIVED)
_FILTERS = ("q", "template", "author", "tag", "since", "until")
_COLUMNS = ("name", "created", "when", "sent", "opens")  # by which it sorts
_ASKED = ("tab", *_FILTERS, "sort")


@page("/admin/campaigns")
def campaign_list(visit: Visit) -> Page:
    """All of them by state, or those that were asked for."""
    asked = {name: value for name in _ASKED if (value := visit.query.get(name, "").strip())}
    tab = next((one for one in _TABS if one == asked.get("tab")), ALL)
    entries = stage().campaign_desk.entries(sight=EVERYTHING)
    query, wrong = _query(asked, tab), None
    try:
        after, before = _dates(asked)
        query = query._replace(created_after=after, created_before=before)
    except InvalidError as error:
        wrong = error
    found = page_of(entries, query, limit=LISTED, cursor=visit.query.get("cursor"))
    shown = {
        **_around(asked, tab, found),
        "entries": found.entries,
        "known": known_in(entries),
        "sort": query.sort,
        "orders": {column: _order(asked, query.sort, column) for column in _COLUMNS},
        "here_url": _here(asked, cursor=visit.query.get("cursor")),
        "any": bool(entries),
    }
    if wrong is not None:
        return Page("campaigns", {**shown, "mistakes": mistakes_of(wrong)}, status_of(wrong))
    return Page("campaigns", shown)


def _around(asked: Mapping[str, str], tab: str, found: DeskPage) -> dict[str, Any]:
    """What stands around the rows; a tab with nothing in it is left out."""
    return {
        "asked": asked,
        "tab": tab,
        "tabs": [
            (name, found.counts.get(name, 0), _here(asked, tab=name if name != ALL else None))
            for name in _TABS
            if name in (ALL, tab) or found.counts.get(name)
        ],
        "filtered": sorted(asked.keys() & set(_FILTERS)),
        "following": _here(asked, cursor=found.cursor) if found.cursor else None,
    }


def _query(asked: Mapping[str, str], tab: str) -> DeskQuery:
    sort = asked.get("sort")
    return DeskQuery(
        state=tab if tab in set(CampaignState) else None,
        decision=tab == DECISION,
        archived=tab == ARCHIVED,
        q=asked.get("q"),
        template=asked.get("template"),
        author=asked.get("author"),
        tag=asked.get("tag"),
        sort=cast(Sort, sort) if sort in SORTS else "-created",
    )


def _dates(asked: Mapping[str, str]) -> tuple[datetime | None, datetime | None]:
    """Whole days of the stage's zone, both included. Raises: InvalidError (permanent; names the field)."""
    since, until = (_day(asked.get(name), field=name) for name in ("since", "until"))
    zone = settings().default_timezone
    end = (until + timedelta(days=1)).isoformat() if until else None
    return (
        read_moment(since.isoformat() if since else None, field="since", zone=zone),
        read_moment(end, field="until", zone=zone),
    )


def _day(text: str | None, *, field: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise InvalidError.of(field, Phrase("expected a date such as 2026-01-31")) from error


def _here(asked: Mapping[str, str], **changes: str | None) -> str:
    return url("/admin/campaigns", **{**asked, **changes})


class Order(NamedTuple):
    """How the head of a column sorts: to where its link leads, and how the list is sorted by it now."""

    url: str
    now: str | None


def _order(asked: Mapping[str, str], sort: Sort, column: str) -> Order:
    up, down = column, f"-{column}"
    first, then = (up, down) if column == "name" else (down, up)
    now = {up: "ascending", down: "descending"}.get(sort)
    return Order(_here(asked, sort=then if sort == first else first), now)


@action("/admin/campaigns/{id}/tags", role=Role.EDITOR, does="campaign.tag")
def tag_campaign(visit: Visit) -> Go:
    """As they are typed, with commas, instead of those that were shown: what others add meanwhile stays."""
    shown, typed = read_tags(visit.typed("shown")), read_tags(visit.typed("tags"))
    stage().desk_commands.tag(visit.path["id"], add=typed, remove=shown)
    return Go(f"/admin/campaigns/{visit.path['id']}", done="tagged")


@action("/admin/campaigns/{id}/archive", role=Role.EDITOR, does="campaign.archive")
def archive_campaign(visit: Visit) -> Go:
    """Out of the list, with everything of it."""
    stage().desk_commands.archive(visit.path["id"])
    return Go(f"/admin/campaigns/{visit.path['id']}", done="archived")


@action("/admin/campaigns/{id}/unarchive", role=Role.EDITOR, does="campaign.unarchive")
def unarchive_campaign(visit: Visit) -> Go:
    """Into the list again."""
    stage().desk_commands.unarchive(visit.path["id"])
    return Go(f"/admin/campaigns/{visit.path['id']}", done="unarchived")


@action("/admin/campaigns/{id}/copy", role=Role.EDITOR, does="campaign.copy")
def copy_campaign(visit: Visit) -> Go:
    """A new draft, open to be changed."""
    named = words(visit.locale)["desk"]["copy_of"]
    copied = stage().desk_commands.copy(visit.path["id"], by=visit.manager.key, named=named)
    note(things=[copied.id])
    return Go(f"/admin/campaigns/{copied.id}/edit", done="copied")


@action("/admin/campaigns/{id}/delete", role=Role.EDITOR, does="campaign.delete")
def delete_campaign(visit: Visit) -> Go:
    """A draft that never ran."""
    stage().desk_commands.delete_draft(visit.path["id"])
    return Go("/admin/campaigns", done="deleted")
