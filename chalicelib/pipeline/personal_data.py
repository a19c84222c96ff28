"""All that is kept of one user: given out whole, or erased (GDPR, articles 15 and 17). Called by the API.

Each part of the service that keeps something of users adds a `PersonalPart` in `wiring/own_say.py`. What remains after
an erasure are counters and rows that name nobody.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from chalicelib.channels.registry import CHANNELS
from chalicelib.errors import ConflictError, NotFoundError
from chalicelib.pipeline.caps import Caps
from chalicelib.pipeline.collected import Collected
from chalicelib.pipeline.endpoint_desk import EndpointDesk
from chalicelib.pipeline.history import MAX_PAGE_SIZE, History
from chalicelib.pipeline.links import LinkBook, describe
from chalicelib.profiles.directory import Directory
from chalicelib.profiles.endpoints import EndpointBook
from chalicelib.profiles.model import Profile
from chalicelib.profiles.preferences import PreferenceStore
from chalicelib.profiles.suppressions import SuppressionList
from chalicelib.storage.base import find, reaching_dynamodb, update_if
from chalicelib.storage.ledger import NOTIFICATION_PART, REQUEST_PART, LedgerRow, NotificationRow, RequestRow

_TRIES = 5


class PersonalPart(Protocol):
    """What one part of the service keeps of users."""

    @property
    def name(self) -> str:
        """Its name in an export."""
        ...

    def export(self, user_id: str) -> Any:
        """All of it as JSON; None or empty where nothing is kept. Raises: UnavailableError (retryable)."""
        ...

    def erase(self, user_id: str) -> None:
        """Repeating it is harmless. Raises: UnavailableError (retryable)."""
        ...


class PersonalData:
    """The parts of one stage. The profile goes last: as long as it is there, an erasure that failed can be repeated."""

    def __init__(self, parts: Sequence[PersonalPart]) -> None:
        self._parts = parts

    def export(self, user_id: str) -> dict[str, Any]:
        """By part. Raises: NotFoundError (permanent: nothing is kept), UnavailableError (retryable)."""
        kept = {part.name: part.export(user_id) for part in self._parts}
        if not any(kept.values()):
            raise NotFoundError(f"nothing is kept of user {user_id}")
        return kept

    def erase(self, user_id: str) -> None:
        """Raises: NotFoundError (permanent: there is no such user any more), UnavailableError (retryable)."""
        for part in self._parts:
            part.erase(user_id)


class NotificationsPart:
    """The ledger: who a letter was for goes, and of a letter to one person its context; statuses and counts stay."""

    name = "notifications"

    def __init__(self, history: History) -> None:
        self._history = history

    def export(self, user_id: str) -> list[dict[str, Any]]:
        found, cursor = self._history.of_user(user_id, limit=MAX_PAGE_SIZE)
        while cursor:
            page, cursor = self._history.of_user(user_id, limit=MAX_PAGE_SIZE, cursor=cursor)
            found += page
        return found

    def erase(self, user_id: str) -> None:
        with reaching_dynamodb():
            heads = list(LedgerRow.by_user.query(user_id))
        for request_id in {head.request_id for head in heads if head.request_id}:
            _forget_recipient(request_id, user_id)
        # The heads last: they are what finds the requests.
        for head in heads:
            row = NotificationRow(head.notification_id, NOTIFICATION_PART)
            with reaching_dynamodb():
                row.update(
                    actions=[NotificationRow.recipient.set({}), NotificationRow.user_id.remove()],
                    condition=LedgerRow.notification_id.exists(),
                )


class LinksPart:
    """Short links: confirmations go, of the others the counts stay."""

    name = "links"

    def __init__(self, links: LinkBook) -> None:
        self._links = links

    def export(self, user_id: str) -> list[dict[str, Any]]:
        return [describe(row) for row in self._links.of_user(user_id)]

    def erase(self, user_id: str) -> None:
        self._links.erase_user(user_id)


class PreferencesPart:
    """What the user said of letters."""

    name = "preferences"

    def __init__(self, preferences: PreferenceStore) -> None:
        self._preferences = preferences

    def export(self, user_id: str) -> Mapping[str, Any] | None:
        return self._preferences.stored(user_id)

    def erase(self, user_id: str) -> None:
        self._preferences.delete(user_id)


class SuppressionsPart:
    """The user's addresses on the suppression list. Goes before the profile, which knows the addresses."""

    name = "suppressions"

    def __init__(self, suppressions: SuppressionList, directory: Directory) -> None:
        self._suppressions = suppressions
        self._directory = directory

    def export(self, user_id: str) -> list[dict[str, Any]]:
        found = []
        for channel, address in self._addresses(user_id):
            try:
                found.append(self._suppressions.get(channel, address)._asdict())
            except NotFoundError:
                continue
        return found

    def erase(self, user_id: str) -> None:
        for channel, address in self._addresses(user_id):
            self._suppressions.erase(channel, address)

    def _addresses(self, user_id: str) -> list[tuple[str, str]]:
        profile = _or_none(lambda: self._directory.get(user_id))
        if profile is None:
            return []
        pairs = [(channel, profile.address(spec.address_field)) for channel, spec in CHANNELS.items()]
        return [(channel, address) for channel, address in pairs if address]


class EndpointsPart:
    """Devices, webhooks and chats, with the logs of what was sent there."""

    name = "endpoints"

    def __init__(self, desk: EndpointDesk, book: EndpointBook) -> None:
        self._desk = desk
        self._book = book

    def export(self, user_id: str) -> list[dict[str, Any]]:
        return [one.model_dump(mode="json", exclude={"target", "secret"}) for one in self._book.of(user_id)]

    def erase(self, user_id: str) -> None:
        self._desk.erase(user_id)


class CapsPart:
    """Which letters count against the user's caps."""

    name = "caps"

    def __init__(self, caps: Caps) -> None:
        self._caps = caps

    def export(self, user_id: str) -> Mapping[str, list[str]]:
        return self._caps.of(user_id)

    def erase(self, user_id: str) -> None:
        self._caps.erase(user_id)


class DigestsPart:
    """Letters that wait to be sent together."""

    name = "digests"

    def __init__(self, collected: Collected) -> None:
        self._collected = collected

    def export(self, user_id: str) -> list[dict[str, Any]]:
        return self._collected.of(user_id)

    def erase(self, user_id: str) -> None:
        self._collected.erase(user_id)


class ProfilePart:
    """The directory's row."""

    name = "user"

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def export(self, user_id: str) -> dict[str, Any] | None:
        profile = _or_none(lambda: self._directory.get(user_id))
        return profile.to_dict() if profile else None

    def erase(self, user_id: str) -> None:
        """Raises: NotFoundError (permanent)."""
        self._directory.delete(user_id)


def _or_none(read: Callable[[], Profile]) -> Profile | None:
    try:
        return read()
    except NotFoundError:
        return None


def _forget_recipient(request_id: str, user_id: str) -> None:
    """An empty recipient keeps the places of the others, whose ids follow from them; it has no address."""
    for _ in range(_TRIES):
        row = find(RequestRow, request_id, REQUEST_PART)
        if row is None:
            return
        recipients = [{} if one.get("user_id") == user_id else one for one in row.recipients]
        letter = row.letter if any(recipients) else {**row.letter, "context": {}}
        without = [RequestRow.recipients.set(recipients), RequestRow.letter.set(letter)]
        if update_if(row, without, RequestRow.recipients == row.recipients):
            return
    raise ConflictError("others of the same request are being erased; try again")
