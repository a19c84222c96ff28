"""Changes a setting of the site, for the API and the managers' pages.

Some need two managers where campaigns do (`VESTNIK_CAMPAIGN_APPROVAL`): the senders, where links may lead, and
the logo, by which its server learns who opens letters. One
proposes a value, another approves it or sends it back; until then the old one stays (ADR 0025).
"""

import json
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from pydantic import ConfigDict, TypeAdapter, ValidationError

from chalicelib.accounts.audit import note
from chalicelib.clock import Clock, rfc3339
from chalicelib.composed import Composed
from chalicelib.configuration.setting_shapes import CategoryRoute, ConfirmationAgain, EventRule
from chalicelib.configuration.site_settings import Setting, SiteSettings
from chalicelib.errors import ChangedError, ConflictError, ForbiddenError, InvalidError, Phrase, all_said
from chalicelib.etags import Seen, tag_of
from chalicelib.pipeline.letter_plan import route_errors
from chalicelib.services.confirmation import ConfirmationLetters
from chalicelib.services.event_intake import EventIntake
from chalicelib.storage.configuration import StoredSetting, find_setting, save_setting

_RULES = TypeAdapter(dict[str, EventRule], config=ConfigDict(defer_build=True))
_ROUTES = TypeAdapter(dict[str, CategoryRoute], config=ConfigDict(defer_build=True))
_LONGEST_NOTE = 2000  # characters of a value that the audit keeps whole

GUARDED = ("allowed_hosts", "logo", "redirect_url", "sender", "senders")
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


class SettingsChanges(Composed):
    """The settings, with the checks that need more than the value itself. `proposals`: where dangerous settings need
    two managers; None where one is enough."""

    site: SiteSettings
    events: EventIntake
    confirmations: ConfirmationLetters
    proposals: Proposals | None

    @property
    def guarded(self) -> Collection[str]:
        """The settings that need two managers here."""
        return GUARDED if self.proposals else ()

    def proposed(self) -> Mapping[str, Proposal]:
        """What waits for another manager, and what was sent back last. Raises: UnavailableError (retryable)."""
        return self.proposals.shown() if self.proposals else {}

    def change(self, name: str, value: Any, *, by: str, seen: Seen | None = None) -> Setting:
        """In force at once, or a proposal if it needs another manager. Raises: as `put`."""
        if self.proposals and name in GUARDED:
            note(before=_short(self.site.get(name).value), after=_short(value))
            return self.proposals.propose(name, value, by=by, seen=seen)
        return self.put(name, value, by=by, seen=seen)

    def approve(self, name: str, *, by: str, seen: Seen) -> Setting:
        """See `Proposals.approve`."""
        waiting = self.proposed().get(name)
        if waiting is not None:
            note(before=_short(self.site.get(name).value), after=_short(waiting.value))
        return self._two().approve(name, by=by, seen=seen)

    def send_back(self, name: str, *, by: str, comment: str, seen: Seen) -> None:
        """See `Proposals.send_back`."""
        self._two().send_back(name, by=by, comment=comment, seen=seen)

    def put(self, name: str, value: Any, *, by: str, seen: Seen | None = None) -> Setting:
        """Raises: InvalidError, NotFoundError, ConflictError, ChangedError (permanent: somebody else has changed it),
        ForbiddenError (permanent: it needs two managers, and a service is not one), UnavailableError (retryable)."""
        if name in self.guarded:
            raise ForbiddenError(
                Phrase(
                    "the setting {name} needs two managers here: one proposes it on the page Settings, another "
                    "approves it",
                    name=name,
                )
            )
        if name == "event_rules":
            self._check_rules(value)
        if name == "routes":
            self._check_routes(value)
        if name == "confirmation_again":
            self._check_confirmation(value)
        note(before=_short(self.site.get(name).value))
        changed = self.site.put(name, value, by=by, seen=seen)
        note(after=_short(changed.value))
        return changed

    def _two(self) -> Proposals:
        if self.proposals is None:
            raise ConflictError(Phrase("nothing waits for approval here: one manager is enough"))
        return self.proposals

    def _check_routes(self, value: Any) -> None:
        try:
            errors = list(route_errors(_ROUTES.validate_python(value)))
        except ValidationError:
            return
        if errors:
            raise InvalidError(Phrase("routes is not as expected"), errors)

    def _check_confirmation(self, value: Any) -> None:
        try:
            self.confirmations.check(ConfirmationAgain.model_validate(value))
        except ValidationError:
            return
        except InvalidError as error:
            why = Phrase("it fails its check: {why}", why=all_said(error.errors))
            raise InvalidError.of("value.template", why) from error

    def _check_rules(self, value: Any) -> None:
        # A shape that is wrong is told by the setting itself, with all its mistakes.
        try:
            rules = _RULES.validate_python(value)
        except ValidationError:
            return
        self.events.check_rules(rules)


def _short(value: Any) -> Any:
    """The old value for the audit; of one that is too long, its length."""
    length = len(json.dumps(value, default=str))
    return json.loads(json.dumps(value, default=str)) if length <= _LONGEST_NOTE else f"… ({length})"
