"""Loading and deleting uploaded lists. They hold addresses, so they are deleted once no longer needed."""

from chalicelib.campaigns.jobs import LoadJob
from chalicelib.campaigns.model import shown_spec
from chalicelib.clock import is_id
from chalicelib.errors import ConflictError, NotFoundError, Phrase
from chalicelib.etags import Seen
from chalicelib.flow.queues import JobQueue, Outgoing
from chalicelib.manifest import Queue
from chalicelib.schemas import passed
from chalicelib.service_scope import EVERYTHING, Sight
from chalicelib.states import OVER, ListState
from chalicelib.storage.campaigns import Campaigns
from chalicelib.storage.recipient_lists import RecipientList, RecipientLists

_PAGE = 100
_TRIES = 3


def load_list(list_id: str, *, lists: RecipientLists, queues: JobQueue, sight: Sight = EVERYTHING) -> RecipientList:
    """Reads an uploaded file in the background. Raises: NotFoundError, ConflictError (permanent: it was read already,
    and campaigns may rely on it), UnavailableError (retryable)."""
    lists.get(list_id, sight=sight)
    begun = lists.begin_loading(list_id)
    if begun is None:
        raise ConflictError(Phrase("the list was loaded already; upload another one under a new id"))
    queues.put(Queue.LOAD, [Outgoing(passed(LoadJob(list_id=list_id)))])
    return begun


def forget_list(
    list_id: str,
    *,
    lists: RecipientLists,
    campaigns: Campaigns,
    seen: Seen | None = None,
    sight: Sight = EVERYTHING,
) -> None:
    """Deletes a list for good; idempotent, and completes a deletion that failed half-way. Raises: NotFoundError
    (permanent: there never was such a list), ChangedError (permanent: it is not what was `seen`), ConflictError
    (permanent: it is being read, or used by an unfinished campaign), UnavailableError (retryable)."""
    for _ in range(_TRIES):
        found = lists.find(list_id, sight=sight)
        if found is None:
            if is_id(list_id):
                return
            raise NotFoundError(Phrase("there is no list {id}", id=list_id))
        if found.deleting_at is None:
            if seen is not None:
                seen.require(found.fields(), what=Phrase("the list {id}", id=list_id))
            _refuse_needed(found, campaigns, sight)
            if not lists.close(found):
                continue
        lists.delete(list_id)
        return
    raise ConflictError(Phrase("the list is being changed by others; try again"))


def _refuse_needed(found: RecipientList, campaigns: Campaigns, sight: Sight) -> None:
    if found.state == ListState.LOADING:
        raise ConflictError(Phrase("the list is being read"))
    cursor: str | None = None
    while True:
        heads, cursor = campaigns.page(limit=_PAGE, cursor=cursor)
        for head in heads:
            if head.state not in OVER and shown_spec(head).audience.list_id == found.list_id:
                name = head.id if sight.has(head.service, by=head.created_by) else "of another service or a manager"
                raise ConflictError(Phrase("the campaign {id} is for this list: cancel it first", id=name))
        if cursor is None:
            return
