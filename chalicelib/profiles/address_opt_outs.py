"""What readers say of letters to an address, kept by its keyed hash (`opt_outs.py` knows the rules). Called by
`services/unsubscribe.py`.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from chalicelib.clock import Clock, rfc3339
from chalicelib.profiles.address_rows import AddressRows, show
from chalicelib.profiles.opt_outs import Objection, Said
from chalicelib.profiles.preference_changes import EVERYTHING, SWITCHABLE, Words
from chalicelib.profiles.preferences import Preferences
from chalicelib.profiles.suppressions import note, suppressed
from chalicelib.reasons import SuppressionReason
from chalicelib.storage.rows.people import SuppressionRow

_ERASURE_KNOWN = timedelta(days=365)


class Against(NamedTuple):
    """`suppressed`: why nothing at all is sent; `objections`: by category."""

    suppressed: str | None
    objections: Mapping[str, Objection]


class Mailboxes:
    """The addresses of one stage."""

    def __init__(self, *, rows: AddressRows, clock: Clock) -> None:
        self._rows = rows
        self._clock = clock

    def unsubscribe(self, channel: str, address: str, key: str, *, by: str) -> None:
        """The mailbox itself wants no letters of a category, or of EVERYTHING; said again it counts from then. Raises:
        UnavailableError (retryable)."""
        self._rows.change(channel, address, self._objecting(key, by, lambda row: show(row, channel, address)))

    def unsubscribe_hashed(self, channel: str, hashed: str, key: str, *, by: str) -> None:
        """The same of an address that only its hash is known of. Raises: as `unsubscribe`."""

        def listed(row: SuppressionRow) -> None:
            row.listed_channel = channel

        self._rows.change_row(f"{channel}#{hashed}", self._objecting(key, by, listed))

    def hash_of(self, channel: str, address: str) -> str:
        """What an address is known by. Raises: UnavailableError (retryable)."""
        return self._rows.hash_of(channel, address)

    def _objecting(
        self, key: str, by: str, listed: Callable[[SuppressionRow], None]
    ) -> Callable[[SuppressionRow], bool]:
        at = self._clock()

        def objecting(row: SuppressionRow) -> bool:
            before = Said.of(row.said)
            row.said, row.expires_at_epoch = before.without(key, rfc3339(at)).stored(), None
            if before.objects(key):
                return True  # said again: the list has it
            row.created_at = row.created_at if suppressed(row, at) else rfc3339(at)
            listed(row)
            note(row, "added", by, SuppressionReason.UNSUBSCRIBED, at)
            return True

        return objecting

    def hear(
        self, user_id: str, channel: str, address: str, wishes: Preferences, words: Words, *, confirmed: bool
    ) -> None:
        """What a user wants is said of the address too, now that it is theirs. Repeating it changes nothing. Raises:
        UnavailableError (retryable)."""
        voice = self._voice(user_id)

        def heard(row: SuppressionRow) -> bool:
            said = Said.of(row.said).hearing(voice, channel, wishes, words, confirmed=confirmed)
            return _say(row, said)

        self._rows.change(channel, address, heard)

    def orphan(self, user_id: str, channel: str, address: str) -> None:
        """A user is erased: what they said of the address stays as its own, and what was accepted for them is not sent.
        Raises: UnavailableError (retryable)."""
        self.orphan_key(user_id, self._rows.key(channel, address))

    def orphan_key(self, user_id: str, key: str) -> None:
        """The same of an address that the user has left, known by its key alone. Raises: as `orphan`."""
        voice, at = self._voice(user_id), rfc3339(self._clock())

        def orphaned(row: SuppressionRow) -> bool:
            row.gone = {**(row.gone or {}), voice: at}
            _say(row, Said.of(row.said).orphaned(voice))
            return True

        self._rows.change_row(key, orphaned)

    def note_erased(self, user_id: str) -> None:
        """Keeps for a year, by hash, that a user was erased: to erase them again is success. Raises: UnavailableError
        (retryable)."""
        at = self._clock()

        def erased(row: SuppressionRow) -> bool:
            row.erased_at, row.expires_at_epoch = rfc3339(at), int((at + _ERASURE_KNOWN).timestamp())
            return True

        self._rows.change("user", user_id, erased)

    def was_erased(self, user_id: str) -> bool:
        """Whether it is known. Raises: UnavailableError (retryable)."""
        return self._rows.read("user", user_id) is not None

    def against(self, user_id: str | None, channel: str, address: str) -> Against:
        """What stands against letters to an address, but for what one user says themself. Raises: UnavailableError
        (retryable)."""
        row, at = self._rows.read(channel, address), self._clock()
        if row is None:
            return Against(None, {})
        said, voice = Said.of(row.said), self._voice(user_id) if user_id is not None else None
        found = {name: said.objection(name, at, besides=voice) for name in SWITCHABLE}
        return Against(suppressed(row, at), {name: one for name, one in found.items() if one is not None})

    def told(self, channel: str, address: str) -> list[dict[str, Any]]:
        """What was said against letters to an address, and when, without who said it. Raises: UnavailableError
        (retryable)."""
        row = self._rows.read(channel, address)
        said = Said.of(row.said if row else None)
        return [
            {"category": None if key == EVERYTHING else key, "at": at}
            for voice in said.against.values()
            for key, at in voice.items()
        ]

    def _voice(self, user_id: str) -> str:
        return self._rows.hash_of("user", user_id)


def _say(row: SuppressionRow, said: Said) -> bool:
    if said.stored() == row.said:
        return False
    row.said, row.expires_at_epoch = said.stored(), None
    if said.unsubscribed() is None and (row.reason is None or row.removed_at is not None):
        row.listed_channel = None  # a later yes has lifted what the list showed
    return True
