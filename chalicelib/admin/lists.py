"""Uploaded audiences: a CSV file becomes a list for campaigns, and can be looked into."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from chalice.app import Response

from chalicelib.accounts.audit import note
from chalicelib.accounts.managers import Role
from chalicelib.admin.templating import Go, Page, url, words
from chalicelib.admin.views import Visit, action, page
from chalicelib.campaigns.list_columns import MAX_COLUMNS
from chalicelib.campaigns.list_file import MAX_ROWS, Reading
from chalicelib.campaigns.list_preview import check_file
from chalicelib.campaigns.list_refused import MAX_KEPT, as_csv, refused_page
from chalicelib.campaigns.list_uploads import CONTENT_TYPE, KEPT_DAYS, MAX_BYTES
from chalicelib.campaigns.lists import forget_list, rename_list
from chalicelib.errors import ConflictError, InvalidError, NotFoundError, Phrase
from chalicelib.etags import tag_of
from chalicelib.stage.app import stage
from chalicelib.states import ListState
from chalicelib.storage.list_addresses import ListAddresses
from chalicelib.storage.recipient_lists import RecipientList
from chalicelib.text import one_line
from chalicelib.translation import translated

_PAGE, _ROWS, _BAD_LINES = 20, 50, 20
_NEWEST = 100  # lists in which an address is looked for
_LONGEST_NAME = 200
MAX_FILE_BYTES = 4_000_000  # Lambda takes 6 MB, in which a file is a third longer (base64); longer ones: a script
_WITHOUT_FILE = (ListState.WAITING, ListState.FAILED)
LIMITS: Mapping[str, int] = {
    "rows": MAX_ROWS,
    "columns": MAX_COLUMNS,
    "bytes": MAX_FILE_BYTES,
    "largest": MAX_BYTES,
    "mb": MAX_FILE_BYTES // 1_000_000,
    "largest_mb": MAX_BYTES // 1_000_000,
}


@page("/admin/lists")
def audience_lists(visit: Visit) -> Page:
    """Newest first, or those with some words in their name."""
    text = visit.query.get("q", "").strip()
    found, cursor = stage().lists.page(limit=_PAGE, cursor=visit.query.get("cursor"), words=text)
    following = url("/admin/lists", q=text or None, cursor=cursor) if cursor else None
    shown = {"lists": found, "text": text, "following": following, "form": visit.form, "limits": LIMITS}
    return Page("lists", shown, sends_to=stage().uploads.place if visit.manager.may(Role.EDITOR) else "")


@action("/admin/lists", role=Role.EDITOR, does="list.upload", again=audience_lists, largest_file=MAX_FILE_BYTES)
def upload_list(visit: Visit) -> Go:
    """It is read once somebody has said what its columns are. `direct`: the script sends the file itself, as the list's
    page tells it."""
    name, direct = _name(visit), bool(visit.typed("direct"))
    file = b"" if direct else _file(visit)
    row = stage().lists.add(name, by=visit.manager.key)
    note(things=[row.list_id])
    if direct:
        return Go(f"/admin/lists/{row.list_id}")
    stage().uploads.put(row.list_id, file)
    return Go(f"/admin/lists/{row.list_id}/columns")


@page("/admin/lists/holding", shows="list.look")
def lists_holding(visit: Visit) -> Page:
    """Which lists an address is on."""
    address = visit.query.get("address", "").strip()
    found = ListAddresses().holding(address, newest=_NEWEST) if address else []
    return Page("lists_holding", {"address": address, "found": found, "newest": _NEWEST})


@page("/admin/lists/{id}", shows="list.look")
def one_list(visit: Visit) -> Page | Response:
    """Its recipients, and the lines of its file that were left out; with `refused`, those as a file."""
    found = stage().lists.find(visit.path["id"])
    if found is None:
        raise NotFoundError(Phrase("there is no list {id}", id=visit.path["id"]))
    if "refused" in visit.query:
        return _download(found, visit.locale)
    text = visit.query.get("q", "").strip()
    rows, cursor = (
        stage().list_rows.page(found, limit=_ROWS, cursor=visit.query.get("cursor"), text=text)
        if found.state == ListState.READY and found.deleting_at is None
        else ([], None)
    )
    shown: dict[str, Any] = {
        "list": found,
        "columns": Reading.of(found.reading).columns,
        "rows": rows,
        "text": text,
        "following": url(f"/admin/lists/{found.list_id}", q=text or None, cursor=cursor) if cursor else None,
        "refused": _refused(found),
        "most_kept": MAX_KEPT,
        "kept_days": KEPT_DAYS,
        "limits": LIMITS,
        "content_type": CONTENT_TYPE,
        "seen": tag_of(_named(found)),
        "form": visit.form,
    }
    waits = found.state in _WITHOUT_FILE and found.deleting_at is None and visit.manager.may(Role.EDITOR)
    shown["put"] = stage().uploads.url(found.list_id) if waits else ""
    return Page("list", shown, sends_to=stage().uploads.place if waits else "")


@action("/admin/lists/{id}/name", role=Role.EDITOR, does="list.rename", again=one_list)
def rename(visit: Visit) -> Go:
    """Campaigns for it stay as they are."""
    rename_list(visit.path["id"], _name(visit), lists=stage().lists, seen=visit.seen, of=_named)
    return Go(f"/admin/lists/{visit.path['id']}", done="saved")


@action("/admin/lists/{id}/file", role=Role.EDITOR, does="list.upload", again=one_list, largest_file=MAX_FILE_BYTES)
def upload_again(visit: Visit) -> Go:
    """A file for a list that has none that can be read."""
    found = stage().lists.get(visit.path["id"])
    if found.state not in _WITHOUT_FILE:
        raise ConflictError(Phrase("the list was loaded already; upload another one under a new id"))
    stage().uploads.put(found.list_id, _file(visit))
    return Go(f"/admin/lists/{found.list_id}/columns")


@action("/admin/lists/{id}/delete", role=Role.EDITOR, does="list.delete", again=one_list)
def delete(visit: Visit) -> Go:
    """Once no campaign that may still be sent is for it."""
    forget_list(visit.path["id"], lists=stage().lists, campaigns=stage().campaigns)
    return Go("/admin/lists", done="removed")


def _named(found: RecipientList) -> dict[str, str]:
    """What the form of the name is made from: the file may be read meanwhile."""
    return {"name": found.name}


def _name(visit: Visit) -> str:
    name = one_line(visit.typed("name"))
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise InvalidError.of("name", Phrase("expected 1 to {most} characters", most=_LONGEST_NAME))
    return name


def _file(visit: Visit) -> bytes:
    files = visit.sent("file")
    if len(files) != 1:
        raise InvalidError.of("file", Phrase("expected a CSV file with a header"))
    check_file(files[0].content)
    return files[0].content


def _refused(found: RecipientList) -> list[dict[str, Any]]:
    """The first ones, with what stands in them while that is kept."""
    if not found.bad_count:
        return []
    kept, _ = refused_page(found.list_id, limit=_BAD_LINES, uploads=stage().uploads)
    return [one._asdict() for one in kept] or [{**one, "cells": None} for one in found.bad_lines]


def _download(found: RecipientList, locale: str) -> Response:
    lines = stage().uploads.refused(found.list_id)
    if lines is None:
        raise NotFoundError(Phrase("the lines of this list that were left out are no longer kept"))
    say = words(locale)["lists"]
    table = as_csv(lines.content, titles=(say["line"], say["why"]), said=lambda why: translated(why, locale=locale))
    headers = {
        "Content-Type": "text/csv; charset=utf-8",
        "Content-Disposition": f'attachment; filename="{found.list_id}-left-out.csv"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(table, headers=headers, status_code=HTTPStatus.OK.value)
