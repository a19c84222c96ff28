"""Uploaded lists hold addresses, so whoever needs one no longer deletes it."""

from chalicelib.campaigns.lists import ListStore, fields_of
from chalicelib.campaigns.store import CampaignStore, shown_spec
from chalicelib.clock import is_id
from chalicelib.errors import ConflictError, NotFoundError
from chalicelib.etags import Seen
from chalicelib.service_scope import EVERYTHING, Sight
from chalicelib.storage.rows.campaigns import ListRow

_OVER = ("completed", "cancelled")
_PAGE = 100
_TRIES = 3


def forget_list(
    list_id: str,
    *,
    lists: ListStore,
    campaigns: CampaignStore,
    seen: Seen | None = None,
    sight: Sight = EVERYTHING,
) -> None:
    """Deletes a list for good; one that is deleted, or is not in `sight`, stays so, and a failure half way is mended by
    repeating it. Raises: NotFoundError (permanent: there never was such a list), ChangedError (permanent: it is not
    what was `seen`), ConflictError (permanent: it is being read, or a campaign that is not over is for it),
    UnavailableError (retryable)."""
    for _ in range(_TRIES):
        row = lists.find(list_id, sight=sight)
        if row is None:
            if is_id(list_id):
                return
            raise NotFoundError(f"there is no list {list_id}")
        if row.deleting_at is None:
            if seen is not None:
                seen.require(fields_of(row), what=f"the list {list_id}")
            _refuse_needed(row, campaigns, sight)
            if not lists.close(row):
                continue
        lists.delete(list_id)
        return
    raise ConflictError("the list is being changed by others; try again")


def _refuse_needed(row: ListRow, campaigns: CampaignStore, sight: Sight) -> None:
    if row.state == "loading":
        raise ConflictError("the list is being read")
    cursor: str | None = None
    while True:
        heads, cursor = campaigns.page(limit=_PAGE, cursor=cursor)
        for head in heads:
            if head.state not in _OVER and shown_spec(head).audience.list_id == row.list_id:
                name = head.id if sight.has(head.service, by=head.created_by) else "of another service or a manager"
                raise ConflictError(f"the campaign {name} is for this list: cancel it first")
        if cursor is None:
            return
