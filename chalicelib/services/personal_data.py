"""Everything stored about one user or one address: exported as a whole, or erased (GDPR, articles 15 and 17).

What remains are counters, rows that name nobody, and opt-outs and suppressions under a keyed hash, so that later
letters still respect them. Letters on their way to a bare address carry it in queues; they are skipped as `erased`."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from chalicelib.addresses import owner_at, same_address_key
from chalicelib.composed import Composed
from chalicelib.errors import NotFoundError, Phrase
from chalicelib.live.user_data import LivePart
from chalicelib.pipeline.digest_queue import DigestQueue
from chalicelib.profiles.address_opt_outs import AddressOptOuts, addresses_of
from chalicelib.profiles.directory import Directory
from chalicelib.profiles.preferences import PreferenceStore
from chalicelib.profiles.suppressions import SuppressionList
from chalicelib.security.signing import AddressHashes
from chalicelib.services.endpoint_registration import EndpointRegistration
from chalicelib.services.history import MAX_PAGE_SIZE, History
from chalicelib.storage.frequency_caps import FrequencyCaps
from chalicelib.storage.list_addresses import ListAddresses
from chalicelib.storage.notifications import forget_recipient, requests_of
from chalicelib.storage.requests import forget_recipients
from chalicelib.storage.short_links import ShortLinks, describe
from chalicelib.storage.sole_users import SoleUsers

_T = TypeVar("_T")

Theirs = Callable[[Mapping[str, Any]], bool]  # whether a recipient of a request is the one who is meant


class OwnedNotifications(Composed):
    """The ledger: recipients are erased, and the context of letters to a single person; statuses and counts stay."""

    history: History

    def export(self, owner: str) -> list[dict[str, Any]]:
        found, cursor = self.history.of_user(owner, limit=MAX_PAGE_SIZE)
        while cursor:
            page, cursor = self.history.of_user(owner, limit=MAX_PAGE_SIZE, cursor=cursor)
            found += page
        return found

    def erase(self, owner: str) -> None:
        """Of a user."""
        self.erase_of(owner, lambda recipient: recipient.get("user_id") == owner)

    def erase_of(self, owner: str, theirs: Theirs) -> None:
        """Raises: ConflictError (permanent: others of the same request are being erased), UnavailableError
        (retryable)."""
        found = requests_of(owner)
        for request_id in {one for one in found.values() if one}:
            forget_recipients(request_id, theirs)
        # The notifications last: they are what finds the requests.
        for notification_id in found:
            forget_recipient(notification_id)


def written_to(channel: str, address: str) -> Theirs:
    """Whether a recipient was given by this address."""
    key = same_address_key(channel, address)

    def theirs(recipient: Mapping[str, Any]) -> bool:
        return channel == "email" and same_address_key(channel, recipient.get("email") or "") == key

    return theirs


class AddressData(Composed):
    notifications: OwnedNotifications
    links: ShortLinks
    suppressions: SuppressionList
    mailboxes: AddressOptOuts
    lists: ListAddresses
    caps: FrequencyCaps
    hashes: AddressHashes

    def export(self, channel: str, address: str) -> dict[str, Any]:
        """Grouped by the part of the service that stores it; empty if nothing is stored. Raises: UnavailableError
        (retryable)."""
        owner = self.hashes.owner(channel, address)
        return {
            "notifications": self.notifications.export(owner),
            "links": [describe(row) for row in self.links.of_user(owner)],
            "suppressions": self._suppression(channel, address),
            "objections": self.mailboxes.told(channel, address),
            "caps": {**self.caps.of(self.hashes.mailbox(channel, address)), **self.caps.of(owner)},
            "lists": self.lists.rows_of(address) if channel == "email" else [],
        }

    def erase(self, channel: str, address: str, *, user_id: str | None = None) -> None:
        """Idempotent. `user_id`: the user who is erased with it; their opt-outs stay with the address. Raises:
        ConflictError (permanent: others of the same request are being erased), UnavailableError (retryable)."""
        owner = self.hashes.owner(channel, address)
        if user_id is not None:
            self.mailboxes.orphan(user_id, channel, address)
        # first: from now on nothing that is waiting is sent
        self.suppressions.erase(channel, address, with_user=user_id is not None)
        if channel == "email":
            self.lists.forget(address)
        for counted in {owner, self.hashes.mailbox(channel, address)}:
            self.caps.erase(counted)
        self.links.erase_user(owner)
        self.notifications.erase_of(owner, written_to(channel, address))

    def _suppression(self, channel: str, address: str) -> list[dict[str, Any]]:
        try:
            return [self.suppressions.get(channel, address)._asdict()]
        except NotFoundError:
            return []


class PersonalData(Composed):
    """What each part of the service stores about users. Whatever stores more of them is added here, in both methods."""

    notifications: OwnedNotifications
    links: ShortLinks
    addresses: AddressData
    mailboxes: AddressOptOuts
    preferences: PreferenceStore
    caps: FrequencyCaps
    digests: DigestQueue
    endpoints: EndpointRegistration
    live: LivePart
    directory: Directory
    sole: SoleUsers

    def export(self, user_id: str) -> dict[str, Any]:
        """By part of the service. Raises: NotFoundError (permanent: nothing is stored), UnavailableError
        (retryable)."""
        profile = _or_none(lambda: self.directory.get(user_id))
        addresses = {address: self.addresses.export(channel, address) for channel, address in self._addresses(user_id)}
        stored = {
            "notifications": self.notifications.export(user_id),
            "links": [describe(row) for row in self.links.of_user(user_id)],
            "suppressions": [one for found in addresses.values() for one in found["suppressions"]],
            "addresses": {address: found for address, found in addresses.items() if any(found.values())},
            "preferences": self.preferences.stored(user_id),
            "caps": self.caps.of(user_id),
            "digests": self.digests.of(user_id),
            "endpoints": self.endpoints.shown(user_id),
            "live": self.live.export(user_id),
            "user": profile.to_dict() if profile else None,
        }
        if not any(stored.values()):
            raise NotFoundError(Phrase("nothing is stored about user {id}", id=user_id))
        return stored

    def erase(self, user_id: str) -> None:
        """May be repeated: the profile, which knows the addresses, goes last, so that an erasure that failed half-way
        can be completed. Raises: NotFoundError (permanent: there never was such a user), UnavailableError
        (retryable)."""
        self.notifications.erase(user_id)
        self.links.erase_user(user_id)
        for channel, address in self._addresses(user_id):
            self.addresses.erase(channel, address, user_id=user_id)
        # Addresses that the user has left are somebody else's now: only what is this user's own ends there.
        for key in _or_none(lambda: self.directory.left(user_id)) or ():
            self.mailboxes.orphan_key(user_id, key)
            self.sole.forget(owner_at(key), user_id)
        self.preferences.delete(user_id)
        self.caps.erase(user_id)
        self.digests.erase(user_id)
        self.endpoints.erase(user_id)
        self.live.erase(user_id)
        self._erase_profile(user_id)

    def _erase_profile(self, user_id: str) -> None:
        if _or_none(lambda: self.directory.get(user_id)) is not None:
            self.mailboxes.note_erased(user_id)  # first: whoever repeats the call finds the one or the other
            with suppress(NotFoundError):
                self.directory.delete(user_id)
        elif not self.mailboxes.was_erased(user_id):
            raise NotFoundError(Phrase("there is no user {id}", id=user_id))

    def _addresses(self, user_id: str) -> Iterable[tuple[str, str]]:
        profile = _or_none(lambda: self.directory.get(user_id))
        return addresses_of(profile) if profile else ()


def _or_none(read: Callable[[], _T]) -> _T | None:
    try:
        return read()
    except NotFoundError:
        return None
