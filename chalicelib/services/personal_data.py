"""Everything stored about one user: exported as a whole, or erased (GDPR, articles 15 and 17).

What remains after an erasure are counters, rows that name nobody, and opt-outs under a keyed hash.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TypeVar

from chalicelib.composed import Composed
from chalicelib.errors import NotFoundError, Phrase
from chalicelib.live.user_data import LivePart
from chalicelib.pipeline.digest_queue import DigestQueue
from chalicelib.profiles.address_opt_outs import AddressOptOuts, addresses_of
from chalicelib.profiles.directory import Directory
from chalicelib.profiles.preferences import PreferenceStore
from chalicelib.services.address_data import AddressData
from chalicelib.services.endpoint_registration import EndpointRegistration
from chalicelib.services.owned_data import OwnedNotifications
from chalicelib.storage.frequency_caps import FrequencyCaps
from chalicelib.storage.short_links import ShortLinks, describe

_T = TypeVar("_T")


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
        # Addresses that the user has left are somebody else's now: only this user's own opt-outs end there.
        for key in _or_none(lambda: self.directory.left(user_id)) or ():
            self.mailboxes.orphan_key(user_id, key)
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
