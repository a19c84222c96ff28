"""Uploaded lists hold addresses, so whoever needs one no longer deletes it. Called by the API."""

from chalicelib.campaigns.lists import ListStore, fields_of
from chalicelib.campaigns.store import CampaignStore, shown_spec
from chalicelib.errors import ConflictError
from chalicelib.seen import Seen

_OVER = ("completed", "cancelled")
_PAGE = 100


def forget_list(list_id: str, *, lists: ListStore, campaigns: CampaignStore, seen: Seen | None = None) -> None:
    """Deletes a list for good; a failure half way is mended by repeating it. Raises: NotFoundError, ChangedError (it is
    not what was `seen`), ConflictError (permanent: it is being read, or a campaign that is not over is for it),
    UnavailableError (retryable)."""
    row = lists.get(list_id)
    if seen is not None:
        seen.require(fields_of(row), what=f"the list {list_id}")
    if row.state == "loading":
        raise ConflictError("the list is being read")
    cursor: str | None = None
    while True:
        heads, cursor = campaigns.page(limit=_PAGE, cursor=cursor)
        for head in heads:
            if head.state not in _OVER and shown_spec(head).audience.list_id == list_id:
                raise ConflictError(f"the campaign {head.id} is for this list: cancel it first")
        if cursor is None:
            break
    lists.delete(list_id)
