"""Changes a setting of the site, for the API and the managers' pages."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from chalicelib.accounts.audit import note
from chalicelib.accounts.proposals import GUARDED, Proposal, Proposals
from chalicelib.composed import Composed
from chalicelib.configuration.setting_shapes import CategoryRoute, ConfirmationAgain, EventRule
from chalicelib.configuration.site_settings import Setting, SiteSettings
from chalicelib.errors import ConflictError, ForbiddenError, InvalidError, Phrase, all_said
from chalicelib.etags import Seen
from chalicelib.pipeline.letter_plan import route_errors
from chalicelib.services.confirmation import ConfirmationLetters
from chalicelib.services.event_intake import EventIntake

_RULES = TypeAdapter(dict[str, EventRule], config=ConfigDict(defer_build=True))
_ROUTES = TypeAdapter(dict[str, CategoryRoute], config=ConfigDict(defer_build=True))


_LONGEST_NOTE = 2000  # characters of a value that the audit keeps whole


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
