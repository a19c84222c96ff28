"""Opt-outs from letters to an address, stored under its keyed hash; `opt_outs.py` has the rules (ADR 0048)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from chalicelib.clock import Clock, rfc3339
from chalicelib.profiles.model import ProfileSource, profile_of
from chalicelib.profiles.opt_outs import Objection, OptOuts
from chalicelib.profiles.preferences import (
    EVERYTHING,
    SWITCHABLE,
    WRITTEN_TO,
    Preferences,
    PreferenceStore,
    Stated,
    Words,
)
from chalicelib.reasons import SuppressionReason
from chalicelib.security.signing import AddressHashes
from chalicelib.storage.addresses import AddressRecord, Change, change_address, find_address
from chalicelib.storage.users import Profile

_ERASURE_KNOWN = timedelta(days=365)


class AddressObjections(NamedTuple):
    """`suppressed`: why nothing at all is sent; `objections`: by category."""

    suppressed: str | None
    objections: Mapping[str, Objection]


class AddressOptOuts:
    """The opt-outs of addresses. Each method raises UnavailableError (retryable)."""

    def __init__(self, *, hashes: AddressHashes, clock: Clock) -> None:
        self._hashes = hashes
        self._clock = clock

    def unsubscribe(self, channel: str, address: str, key: str, *, by: str) -> None:
        """The mailbox itself opts out of a category, or of EVERYTHING; repeated, it counts from then."""
        objecting = self._objecting(key, by, lambda one: one.listed(channel, address))
        change_address(self._hashes.key(channel, address), objecting)

    def unsubscribe_hashed(self, channel: str, hashed: str, key: str, *, by: str) -> None:
        """The same for an address of which only the hash is known. Raises: as `unsubscribe`."""
        objecting = self._objecting(key, by, lambda one: one._replace(listed_channel=channel))
        change_address(f"{channel}#{hashed}", objecting)

    def hash_of(self, channel: str, address: str) -> str:
        """What an address is known by."""
        return self._hashes.of(channel, address)

    def _objecting(self, key: str, by: str, listed: Callable[[AddressRecord], AddressRecord]) -> Change:
        at = self._clock()

        def objecting(one: AddressRecord) -> AddressRecord:
            before = OptOuts.of(one.said)
            said = one._replace(said=before.without(key, rfc3339(at)).stored(), expires_at_epoch=None)
            if before.objects(key):
                return said  # said again: the list has it
            created_at = one.created_at if one.suppressed(at) else rfc3339(at)
            return listed(said._replace(created_at=created_at)).noted(
                "added", by=by, reason=SuppressionReason.UNSUBSCRIBED, at=at
            )

        return objecting

    def hear(
        self, user_id: str, channel: str, address: str, wishes: Preferences, words: Words, *, confirmed: bool
    ) -> None:
        """Applies a user's preferences to an address that is theirs now. Idempotent."""
        voice = self._voice(user_id)

        def heard(one: AddressRecord) -> AddressRecord | None:
            now = _saying(one, OptOuts.of(one.said).hearing(voice, channel, wishes, words, confirmed=confirmed))
            return None if now is one else now

        change_address(self._hashes.key(channel, address), heard)

    def orphan(self, user_id: str, channel: str, address: str) -> None:
        """A user is erased: their opt-outs stay as the address's own, and what was accepted for them is not sent."""
        self.orphan_key(user_id, self._hashes.key(channel, address))

    def orphan_key(self, user_id: str, key: str) -> None:
        """The same for an address that the user has left, known by its key only. Raises: as `orphan`."""
        voice, at = self._voice(user_id), rfc3339(self._clock())

        def orphaned(one: AddressRecord) -> AddressRecord:
            return _saying(one._replace(gone={**(one.gone or {}), voice: at}), OptOuts.of(one.said).orphaned(voice))

        change_address(key, orphaned)

    def note_erased(self, user_id: str) -> None:
        """Remembers for a year, by hash, that a user was erased, so that erasing them again succeeds."""
        at = self._clock()
        until = int((at + _ERASURE_KNOWN).timestamp())
        key = self._hashes.key("user", user_id)
        change_address(key, lambda one: one._replace(erased_at=rfc3339(at), expires_at_epoch=until))

    def was_erased(self, user_id: str) -> bool:
        """Whether it is remembered."""
        return find_address(self._hashes.key("user", user_id)) is not None

    def against(self, user_id: str | None, channel: str, address: str) -> AddressObjections:
        """Everything that keeps letters from an address, except one user's own preferences."""
        record, at = find_address(self._hashes.key(channel, address)), self._clock()
        if record is None:
            return AddressObjections(None, {})
        said, voice = OptOuts.of(record.said), self._voice(user_id) if user_id is not None else None
        found = {name: said.objection(name, at, besides=voice) for name in SWITCHABLE}
        return AddressObjections(record.suppressed(at), {name: one for name, one in found.items() if one is not None})

    def told(self, channel: str, address: str) -> list[dict[str, Any]]:
        """The opt-outs of an address and their times, without who made them."""
        record = find_address(self._hashes.key(channel, address))
        said = OptOuts.of(record.said if record else None)
        return [
            {"category": None if key == EVERYTHING else key, "at": at}
            for voice in said.against.values()
            for key, at in voice.items()
        ]

    def _voice(self, user_id: str) -> str:
        return self._hashes.of("user", user_id)


def _saying(one: AddressRecord, said: OptOuts) -> AddressRecord:
    if said.stored() == one.said:
        return one
    # A later yes may have lifted what the list showed.
    lifted = said.unsubscribed() is None and (one.reason is None or one.removed_at is not None)
    listed = None if lifted else one.listed_channel
    return one._replace(said=said.stored(), expires_at_epoch=None, listed_channel=listed)


class PreferenceSync:
    """Carries what users want to the addresses that they have: said once by a user, it holds for whatever is written to
    the address. Each method raises UnavailableError (retryable)."""

    def __init__(self, *, source: ProfileSource, preferences: PreferenceStore, mailboxes: AddressOptOuts) -> None:
        self._source = source
        self._preferences = preferences
        self._mailboxes = mailboxes

    def said(self, user_id: str, stated: Stated) -> None:
        """A user has said what they want."""
        profile = profile_of(self._source, user_id)
        if profile is not None:
            self._hear(profile, stated)

    def moved(self, profiles: Sequence[Profile]) -> None:
        """Users are getting other addresses, or have confirmed theirs. Their old addresses keep what was said."""
        stated = self._preferences.of_many({one.id for one in profiles})
        for one in profiles:
            if one.id in stated:
                self._hear(one, stated[one.id])

    def _hear(self, profile: Profile, stated: Stated) -> None:
        for channel, address in addresses_of(profile):
            owned = profile.owns(channel)
            self._mailboxes.hear(profile.id, channel, address, stated.preferences, stated.words, confirmed=owned)


def addresses_of(profile: Profile) -> Iterable[tuple[str, str]]:
    """(channel, address) of each that others may have too."""
    for channel, name in WRITTEN_TO.items():
        address = profile.address(name)
        if address:
            yield channel, address
