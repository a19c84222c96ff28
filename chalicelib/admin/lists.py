"""Uploaded audiences: a CSV file becomes a list for campaigns."""

from chalicelib.accounts.audit import note
from chalicelib.accounts.managers import Role
from chalicelib.admin.templating import Go, Page, url
from chalicelib.admin.views import Visit, action, page
from chalicelib.campaigns.lists import load_list
from chalicelib.errors import InvalidError, Phrase
from chalicelib.stage.app import stage

_PAGE = 20
_LONGEST_NAME = 200
MAX_FILE_BYTES = 4_000_000  # Lambda takes 6 MB, in which a file is a third longer (base64); longer ones: the API


@page("/admin/lists")
def audience_lists(visit: Visit) -> Page:
    """Newest first, with the result of each upload."""
    found, cursor = stage().lists.page(limit=_PAGE, cursor=visit.query.get("cursor"))
    following = url("/admin/lists", cursor=cursor) if cursor else None
    return Page("lists", {"lists": found, "following": following, "form": visit.form, "most": MAX_FILE_BYTES})


@action("/admin/lists", role=Role.EDITOR, does="list.upload", again=audience_lists, largest_file=MAX_FILE_BYTES)
def upload_list(visit: Visit) -> Go:
    """The file is read in the background, like one that came through the API."""
    name, files = visit.typed("name"), visit.sent("file")
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise InvalidError.of("name", Phrase("expected 1 to {most} characters", most=_LONGEST_NAME))
    if len(files) != 1:
        raise InvalidError.of("file", Phrase("expected a CSV file with a header"))
    row = stage().lists.add(name, by=visit.manager.key)
    note(things=[row.list_id])
    stage().uploads.put(row.list_id, files[0].content)
    load_list(row.list_id, lists=stage().lists, queues=stage().queues)
    return Go(f"/admin/lists/{row.list_id}", done="uploaded")


@page("/admin/lists/{id}")
def one_list(visit: Visit) -> Page:
    """How many rows are good, and which lines are not."""
    return Page("list", {"list": stage().lists.get(visit.path["id"])})
