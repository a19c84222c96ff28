"""The opt-outs of one address, by whom and when, and what follows from them; pure rules.

Each voice objects for itself: the mailbox (a link in a letter to a bare address) and every user who has had the
address. An objection holds for whatever is written to the address, until its maker takes it back or a confirmed owner
of the address opts in later: the later choice wins. The table of the rules is in docs/links-and-preferences.md.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib.clock import parse_rfc3339, rfc3339
from chalicelib.profiles.preferences import EVERYTHING, LONG_AGO, SWITCHABLE, Preferences, Words, moment_of, word_key
from chalicelib.reasons import Reason, SuppressionReason, suppressed

EVERYBODY = ""  # in `gone`: the address was erased by itself, not with a user
MAILBOX = ""  # the voice of an address itself
_NEVER = ""


class Objection(NamedTuple):
    """An objection to letters of a category: since when, to everything or only to the category, by the mailbox itself
    or by a user of the address. `until`: a pause."""

    since: str | None
    everything: bool
    by_mailbox: bool
    until: str | None = None

    @property
    def reason(self) -> str:
        """Why a letter is skipped."""
        if self.until is not None:
            return Reason.PAUSED
        if self.by_mailbox:
            return suppressed(SuppressionReason.UNSUBSCRIBED)
        return Reason.OPTED_OUT_OF_EVERYTHING if self.everything else Reason.OPTED_OUT


class OptOuts(NamedTuple):
    """`against`: voice → EVERYTHING or a category → the time of the objection; `agreed`: category → the newest opt-in
    of a confirmed owner; `paused`: voice → until when nothing is wanted."""

    against: Mapping[str, Mapping[str, str]] = {}
    agreed: Mapping[str, str] = {}
    paused: Mapping[str, str] = {}

    @classmethod
    def of(cls, stored: Mapping[str, Any] | None) -> "OptOuts":
        """From its stored form."""
        return cls(**stored) if stored else cls()

    def stored(self) -> dict[str, Any] | None:
        """As JSON; None if empty."""
        return self._asdict() if any(self) else None

    def objection(self, category: str, at: datetime, *, besides: str | None = None) -> Objection | None:
        """The objection to letters of a category at a moment, `besides` one voice's; None if there is none. The
        mailbox's own comes first, then the widest."""
        yes = self.agreed.get(category, _NEVER)
        found = []
        for voice, said in self.against.items():
            for key in (EVERYTHING, category) if voice != besides else ():
                if key in said and said[key] >= yes:
                    found.append(Objection(said[key], key == EVERYTHING, voice == MAILBOX))
        if found:
            return max(found, key=lambda one: (one.by_mailbox, one.everything))
        until = max((until for voice, until in self.paused.items() if voice != besides), default=_NEVER)
        return Objection(None, True, False, until) if until > rfc3339(at) else None

    def unsubscribed(self) -> str | None:
        """Since when the mailbox itself objects to anything; None if it does not."""
        stands = [one for name in SWITCHABLE if (one := self._by_mailbox(name)) is not None]
        return min(stands, default=None)

    def objects(self, key: str) -> bool:
        """Whether the mailbox's own objection to a category, or to EVERYTHING, is in force."""
        names = SWITCHABLE if key == EVERYTHING else [key]
        mine = self.against.get(MAILBOX, {})
        return all(mine.get(key, _NEVER) >= self.agreed.get(name, LONG_AGO) for name in names)

    def without(self, key: str, at: str) -> "OptOuts":
        """The mailbox objects to a category or to EVERYTHING. Repeated, it counts from then: an opt-in in between may
        become effective only later, once its user has confirmed the address."""
        mine = self.against.get(MAILBOX, {})
        return self._replace(against={**self.against, MAILBOX: {**mine, key: at}})

    def forgiven(self) -> "OptOuts":
        """The mailbox's own objections are ended by hand."""
        return self._replace(against={voice: said for voice, said in self.against.items() if voice != MAILBOX})

    def hearing(self, voice: str, channel: str, wishes: Preferences, words: Words, *, confirmed: bool) -> "OptOuts":
        """A user's current preferences, in place of what the address had of them. `confirmed`: the user has proved to
        own the address, so each opt-in counts against earlier objections of others."""
        mine = {} if wishes.everything else {EVERYTHING: moment_of(words, EVERYTHING)}
        mine |= {
            name: moment_of(words, word_key(name, channel)) for name in SWITCHABLE if not wishes.wants(name, channel)
        }
        yes = {}
        if confirmed and wishes.everything:
            spoken = {name: words.get(word_key(name, channel), [_NEVER, False]) for name in SWITCHABLE}
            yes = {name: word[0] for name, word in spoken.items() if word[1] and name not in mine}
        others = {one: said for one, said in self.against.items() if one != voice}
        pauses = {one: until for one, until in self.paused.items() if one != voice}
        if wishes.paused_until:
            pauses[voice] = rfc3339(wishes.paused_until)
        return OptOuts(
            against={**others, voice: mine} if mine else others,
            agreed={**self.agreed, **{name: max(at, self.agreed.get(name, _NEVER)) for name, at in yes.items()}},
            paused=pauses,
        )

    def orphaned(self, voice: str) -> "OptOuts":
        """A user is erased: the objections stay, as the mailbox's; only a confirmed owner lifts them."""
        mine, left = self.against.get(voice, {}), dict(self.against.get(MAILBOX, {}))
        for key, at in mine.items():
            left[key] = max(at, left.get(key, _NEVER))
        others = {one: said for one, said in self.against.items() if one not in (voice, MAILBOX)}
        return OptOuts(
            against={**others, MAILBOX: left} if left else others,
            agreed=self.agreed,
            paused={one: until for one, until in self.paused.items() if one != voice},
        )

    def _by_mailbox(self, category: str) -> str | None:
        yes, mine = self.agreed.get(category, _NEVER), self.against.get(MAILBOX, {})
        return min((mine[key] for key in (EVERYTHING, category) if key in mine and mine[key] >= yes), default=None)


def objection(preferences: Mapping[str, Any], *, category: str, channel: str, at: datetime) -> str | None:
    """Why this user does not want it, as a reason for `skipped`; None if nothing stands against it."""
    if preferences.get("everything") is False:
        return Reason.OPTED_OUT_OF_EVERYTHING
    paused_until = preferences.get("paused_until")
    if paused_until and parse_rfc3339(paused_until) > at:
        return Reason.PAUSED
    if preferences.get("categories", {}).get(category, {}).get(channel) is False:
        return Reason.OPTED_OUT
    return None
