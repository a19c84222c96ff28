"""What the links in a letter let its reader decide. Called by the public pages, once a token was verified."""

from chalicelib.control.tokens import LetterClaims
from chalicelib.pipeline.ledger import Ledger
from chalicelib.pipeline.moves import DeliveryKey
from chalicelib.profiles.preferences import Preferences, PreferenceStore
from chalicelib.profiles.suppressions import Reason, SuppressionList

_BY = "unsubscribe link"


class OwnSay:
    """The readers' decisions in one stage."""

    def __init__(self, *, preferences: PreferenceStore, suppressions: SuppressionList, ledger: Ledger) -> None:
        self._preferences = preferences
        self._suppressions = suppressions
        self._ledger = ledger

    def unsubscribe(self, claims: LetterClaims, *, everything: bool = False) -> None:
        """Stops letters of the same category (of a collected one: of all that are inside it) on the same channel, or
        everything but letters about the account. Somebody who is no user has no categories: all letters stop. Repeating
        it changes nothing. Raises: ConflictError, UnavailableError (retryable)."""
        for one in claims.each():
            self._stop(one, everything=everything)
        # Noted after it is done: what a letter led to is counted once, and never in place of the wish itself.
        self._ledger.engage(DeliveryKey(claims.notification_id, claims.channel), "unsubscribed")

    def _stop(self, claims: LetterClaims, *, everything: bool) -> None:
        if claims.user_id is None:
            self._suppressions.add(claims.channel, claims.address or "", reason=Reason.UNSUBSCRIBED, by=_BY)
            return

        def without(before: Preferences) -> Preferences:
            if everything:
                return before.model_copy(update={"everything": False})
            return before.with_category(claims.category, claims.channel, wanted=False)

        self._preferences.change(claims.user_id, without)
