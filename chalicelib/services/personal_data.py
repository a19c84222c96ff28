"""Everything stored about one user: exported, or erased (GDPR, articles 15 and 17).

What is stored about their addresses is in `address_data.py`. After an erasure only counters, rows that name nobody, and
opt-outs under a keyed hash remain.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from chalicelib.errors import NotFoundError, Phrase
from chalicelib.pipeline.caps import Caps
from chalicelib.pipeline.digest_queue import DigestQueue
from chalicelib.profiles.address_opt_outs import Mailboxes, addresses_of
from chalicelib.profiles.directory import Directory
from chalicelib.profiles.preferences import PreferenceStore
from chalicelib.profiles.suppressions import SuppressionList
from chalicelib.services.address_data import AddressData
from chalicelib.services.endpoint_registration import EndpointDesk
from chalicelib.storage.endpoints import EndpointBook

_T = TypeVar("_T")


class PersonalPart(Protocol):
    """What one part of the service stores about users."""

    @property
    def name(self) -> str:
        """Its name in an export."""
        ...

    def export(self, user_id: str) -> Any:
        """All of it as JSON; None or empty if nothing is stored. Raises: UnavailableError (retryable)."""
        ...

    def erase(self, user_id: str) -> None:
        """Idempotent. Raises: UnavailableError (retryable)."""
        ...


class PersonalData:
    """Export and erasure by user. The profile goes last: as long as it exists, a failed erasure can be repeated."""

    def __init__(self, parts: Sequence[PersonalPart]) -> None:
        self._parts = parts

    def export(self, user_id: str) -> dict[str, Any]:
        """By part. Raises: NotFoundError (permanent: nothing is stored), UnavailableError (retryable)."""
        kept = {part.name: part.export(user_id) for part in self._parts}
        if not any(kept.values()):
            raise NotFoundError(Phrase("nothing is kept of user {id}", id=user_id))
        return kept

    def erase(self, user_id: str) -> None:
        """Idempotent. Raises: NotFoundError (permanent: there never was such a user), UnavailableError (retryable)."""
        for part in self._parts:
            part.erase(user_id)


class PreferencesPart:
    """The user's preferences."""

    name = "preferences"

    def __init__(self, preferences: PreferenceStore) -> None:
        self._preferences = preferences

    def export(self, user_id: str) -> Mapping[str, Any] | None:
        return self._preferences.stored(user_id)

    def erase(self, user_id: str) -> None:
        self._preferences.delete(user_id)


class SuppressionsPart:
    """Why nothing is sent to the user's addresses. It outlives them: `AddressesPart` takes the addresses out of it."""

    name = "suppressions"

    def __init__(self, suppressions: SuppressionList, directory: Directory) -> None:
        self._suppressions = suppressions
        self._directory = directory

    def export(self, user_id: str) -> list[dict[str, Any]]:
        found = []
        for channel, address in _addresses(self._directory, user_id):
            try:
                found.append(self._suppressions.get(channel, address)._asdict())
            except NotFoundError:
                continue
        return found

    def erase(self, user_id: str) -> None:
        pass


class AddressesPart:
    """What is stored about the user's addresses. Runs before the profile, which knows them, is erased. Addresses that
    the user has left belong to somebody else now: only the user's own opt-outs there, and what waits for the user, are
    ended."""

    name = "addresses"

    def __init__(self, addresses: AddressData, mailboxes: Mailboxes, directory: Directory) -> None:
        self._addresses = addresses
        self._mailboxes = mailboxes
        self._directory = directory

    def export(self, user_id: str) -> dict[str, Any]:
        found = {}
        for channel, address in _addresses(self._directory, user_id):
            kept = self._addresses.export(channel, address)
            if any(kept.values()):
                found[address] = kept
        return found

    def erase(self, user_id: str) -> None:
        for channel, address in _addresses(self._directory, user_id):
            self._addresses.erase(channel, address, user_id=user_id)
        for key in _or_none(lambda: self._directory.left(user_id)) or ():
            self._mailboxes.orphan_key(user_id, key)


class EndpointsPart:
    """Devices, webhooks and chats, with the logs of what was sent there."""

    name = "endpoints"

    def __init__(self, desk: EndpointDesk, book: EndpointBook) -> None:
        self._desk = desk
        self._book = book

    def export(self, user_id: str) -> list[dict[str, Any]]:
        return [one.visible for one in self._book.of(user_id)]

    def erase(self, user_id: str) -> None:
        self._desk.erase(user_id)


class CapsPart:
    """The letters that count towards the user's caps."""

    name = "caps"

    def __init__(self, caps: Caps) -> None:
        self._caps = caps

    def export(self, user_id: str) -> Mapping[str, list[str]]:
        return self._caps.of(user_id)

    def erase(self, user_id: str) -> None:
        self._caps.erase(user_id)


class DigestsPart:
    """Letters that wait for a digest."""

    name = "digests"

    def __init__(self, queue: DigestQueue) -> None:
        self._queue = queue

    def export(self, user_id: str) -> list[dict[str, Any]]:
        return self._queue.of(user_id)

    def erase(self, user_id: str) -> None:
        self._queue.erase(user_id)


class ProfilePart:
    """The directory's row."""

    name = "user"

    def __init__(self, directory: Directory, mailboxes: Mailboxes) -> None:
        self._directory = directory
        self._mailboxes = mailboxes

    def export(self, user_id: str) -> dict[str, Any] | None:
        profile = _or_none(lambda: self._directory.get(user_id))
        return profile.to_dict() if profile else None

    def erase(self, user_id: str) -> None:
        """Raises: NotFoundError (permanent: there never was such a user)."""
        if _or_none(lambda: self._directory.get(user_id)) is not None:
            self._mailboxes.note_erased(user_id)  # first: whoever repeats the call finds the one or the other
            with suppress(NotFoundError):
                self._directory.delete(user_id)
        elif not self._mailboxes.was_erased(user_id):
            raise NotFoundError(Phrase("there is no user {id}", id=user_id))


def _addresses(directory: Directory, user_id: str) -> Iterable[tuple[str, str]]:
    profile = _or_none(lambda: directory.get(user_id))
    return addresses_of(profile) if profile else ()


def _or_none(read: Callable[[], _T]) -> _T | None:
    try:
        return read()
    except NotFoundError:
        return None
