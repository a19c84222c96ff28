"""What is done to uploaded lists. They hold addresses, so they are deleted once no longer needed."""

from collections.abc import Callable

from chalicelib.campaigns.audience_use import refuse_used
from chalicelib.campaigns.jobs import LoadJob
from chalicelib.campaigns.list_file import AS_IT_SHOWS, Reading
from chalicelib.clock import is_id
from chalicelib.errors import ConflictError, NotFoundError, Phrase
from chalicelib.etags import Fields, Seen
from chalicelib.flow.queues import JobQueue, Outgoing
from chalicelib.manifest import Queue
from chalicelib.schemas import passed
from chalicelib.service_scope import EVERYTHING, Sight
from chalicelib.states import ListState
from chalicelib.storage.campaigns import Campaigns
from chalicelib.storage.recipient_lists import RecipientList, RecipientLists

_PAGE = 100
_TRIES = 3


def load_list(
    list_id: str,
    reading: Reading = AS_IT_SHOWS,
    *,
    lists: RecipientLists,
    queues: JobQueue,
    sight: Sight = EVERYTHING,
) -> RecipientList:
    """Reads an uploaded file in the background. Raises: NotFoundError, ConflictError (permanent: it was read already,
    and campaigns may rely on it, or is being read otherwise), UnavailableError (retryable)."""
    found = lists.get(list_id, sight=sight)
    begun = lists.begin_loading(list_id, reading=reading.kept())
    if begun is None:
        if found.state == ListState.LOADING:
            raise ConflictError(Phrase("the list is being read"))
        raise ConflictError(Phrase("the list was loaded already; upload another one under a new id"))
    queues.put(Queue.LOAD, [Outgoing(passed(LoadJob(list_id=list_id)))])
    return begun


def rename_list(
    list_id: str,
    name: str,
    *,
    lists: RecipientLists,
    seen: Seen | None = None,
    of: Callable[[RecipientList], Fields] = RecipientList.fields,
    sight: Sight = EVERYTHING,
) -> RecipientList:
    """Gives a list another name; `of`: what `seen` is a tag of. Raises: NotFoundError, ChangedError (permanent: it is
    not what was `seen`), ConflictError (permanent), UnavailableError (retryable)."""
    for _ in range(_TRIES):
        found = lists.get(list_id, sight=sight)
        if seen is not None:
            seen.require(of(found), what=Phrase("the list {id}", id=list_id))
        if lists.rename(found, name):
            return found._replace(name=name)
    raise ConflictError(Phrase("the list is being changed by others; try again"))


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
    refuse_used(
        lambda audience: found.list_id in audience.all_lists,
        campaigns=campaigns,
        sight=sight,
        by_known=lambda name: Phrase("the campaign {name} is for this list: cancel it first", name=name),
        by_others=Phrase("a campaign of another service or a manager is for this list"),
    )
