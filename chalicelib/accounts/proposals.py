"""Settings that need two managers where campaigns do (`VESTNIK_CAMPAIGN_APPROVAL`): the sender and where links may
lead. One manager proposes a value, another approves it or sends it back; until then the old one stays (ADR 0025)."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from chalicelib.clock import Clock, rfc3339
from chalicelib.configuration.site_settings import Setting, SiteSettings
from chalicelib.errors import ChangedError, ConflictError, ForbiddenError, Phrase
from chalicelib.etags import Seen, tag_of
from chalicelib.storage.configuration import StoredSetting, find_setting, save_setting

GUARDED = ("allowed_hosts", "redirect_url", "sender")
_OPEN, _SENT_BACK, _OVER = "open", "sent_back", "over"


class Proposal(NamedTuple):
    """A proposed value of a setting. `base` is the tag of the value that it was proposed for; `comment` and
    `sent_back_by` come from whoever sent it back."""

    name: str
    value: Any
    base: str
    by: str
    at: str
    version: int
    state: str = _OPEN
    comment: str = ""
    sent_back_by: str = ""

    @property
    def waits(self) -> bool:
        """Whether it waits for another manager."""
        return self.state == _OPEN

    @property
    def fields(self) -> dict[str, Any]:
        """What the deciding manager has seen."""
        return {name: getattr(self, name) for name in ("value", "base", "by", "at", "state")}

    @property
    def tag(self) -> str:
        """Of the proposal, as somebody has seen it."""
        return tag_of(self.fields)


class Proposals:
    """Proposals and decisions. Each method raises UnavailableError (retryable)."""

    def __init__(self, *, site: SiteSettings, clock: Clock) -> None:
        self._site = site
        self._clock = clock

    def shown(self) -> Mapping[str, Proposal]:
        """By setting: what waits, and what was sent back last."""
        found = {name: _find(name) for name in GUARDED}
        return {name: one for name, one in found.items() if one is not None and one.state != _OVER}

    def propose(self, name: str, value: Any, *, by: str, seen: Seen | None = None) -> Setting:
        """Asks another manager for a value; returns the setting as it stays until then. Proposing the current value
        withdraws one's own proposal. With `seen`, only if the setting is unchanged. Raises: InvalidError,
        NotFoundError, ConflictError (permanent: another's proposal waits), ChangedError (permanent)."""
        now, before = self._site.get(name), _find(name)
        if seen is not None:
            seen.require(now.fields, what=Phrase("the setting {name}", name=name))
        value = self._site.checked(name, value)
        if before is not None and before.waits and before.by != by:
            raise ConflictError(Phrase("another change of the setting {name} waits for approval", name=name))
        if value != now.value:
            self._save(Proposal(name, value, now.tag, by, rfc3339(self._clock()), _version(before)))
        elif before is not None and before.waits:
            self._save(before._replace(state=_OVER))
        return now

    def approve(self, name: str, *, by: str, seen: Seen) -> Setting:
        """Puts what was seen into force. Nobody can approve their own proposal. Raises: ForbiddenError, ConflictError
        (permanent: nothing waits), ChangedError (permanent: it is not what was seen, or the setting is not what it was
        proposed for), InvalidError."""
        waiting = self._waiting(name)
        if waiting.by == by:
            raise ForbiddenError(
                Phrase("a setting must be approved by somebody other than the manager who proposed it")
            )
        seen.require(waiting.fields, what=Phrase("the proposal"))
        now = self._site.get(name)
        if now.value != waiting.value:  # otherwise an approval got this far, and its reply was lost
            if now.tag != waiting.base:
                raise ChangedError(
                    Phrase("the setting {name} was changed since this was proposed: send it back", name=name)
                )
            now = self._site.put(name, waiting.value, by=by, seen=Seen((waiting.base,)))
        self._save(waiting._replace(state=_OVER))
        return now

    def send_back(self, name: str, *, by: str, comment: str, seen: Seen) -> None:
        """The old value stays; the comment is shown to whoever proposed. Raises: ConflictError, ChangedError
        (permanent)."""
        waiting = self._waiting(name)
        seen.require(waiting.fields, what=Phrase("the proposal"))
        self._save(waiting._replace(state=_SENT_BACK, comment=comment, sent_back_by=by))

    def _waiting(self, name: str) -> Proposal:
        found = _find(name) if name in GUARDED else None
        if found is None or not found.waits:
            raise ConflictError(Phrase("no change to the setting {name} waits for approval", name=name))
        return found

    def _save(self, proposal: Proposal) -> None:
        """Raises: ConflictError (permanent): somebody else was faster; UnavailableError (retryable)."""
        kept = proposal._asdict()
        kept.pop("version")
        at, by = rfc3339(self._clock()), proposal.sent_back_by or proposal.by
        if not save_setting(_stored_name(proposal.name), StoredSetting(kept, proposal.version + 1, at, by)):
            raise ConflictError(
                Phrase("the setting {name} is being changed by others: read it and try again", name=proposal.name)
            )


def _stored_name(name: str) -> str:
    return f"proposal#{name}"


def _find(name: str) -> Proposal | None:
    stored = find_setting(_stored_name(name))
    return None if stored is None else Proposal(**stored.value, version=stored.version)


def _version(before: Proposal | None) -> int:
    return before.version if before else 0
