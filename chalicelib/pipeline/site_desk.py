"""Changing a setting of the site: what the API and the admin page do alike."""

import json
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from chalicelib.control.audit import note
from chalicelib.control.event_rules import EventRule
from chalicelib.control.routes import CategoryRoute
from chalicelib.control.site_settings import ConfirmationAgain, Setting, SiteSettings
from chalicelib.errors import InvalidError
from chalicelib.pipeline.confirmation import ConfirmationLetters
from chalicelib.pipeline.events import Events
from chalicelib.pipeline.routing import route_errors
from chalicelib.seen import Seen

_RULES = TypeAdapter(dict[str, EventRule], config=ConfigDict(defer_build=True))
_ROUTES = TypeAdapter(dict[str, CategoryRoute], config=ConfigDict(defer_build=True))


_LONGEST_NOTE = 2000  # characters of a value that the audit keeps whole


class SiteDesk:
    """The settings of one stage, with the checks that need more than the value itself."""

    def __init__(self, *, site: SiteSettings, events: Events, confirmations: ConfirmationLetters) -> None:
        self._site = site
        self._events = events
        self._confirmations = confirmations

    def put(self, name: str, value: Any, *, by: str, seen: Seen | None = None) -> Setting:
        """Raises: InvalidError, NotFoundError, ConflictError, ChangedError (permanent: somebody else has changed it),
        UnavailableError (retryable)."""
        if name == "event_rules":
            self._check_rules(value)
        if name == "routes":
            self._check_routes(value)
        if name == "confirmation_again":
            self._check_confirmation(value)
        note(before=_short(self._site.get(name).value), after=_short(value))
        return self._site.put(name, value, by=by, seen=seen)

    def _check_routes(self, value: Any) -> None:
        try:
            errors = list(route_errors(_ROUTES.validate_python(value)))
        except ValidationError:
            return
        if errors:
            raise InvalidError("routes is not as expected", errors)

    def _check_confirmation(self, value: Any) -> None:
        try:
            self._confirmations.check(ConfirmationAgain.model_validate(value))
        except ValidationError:
            return
        except InvalidError as error:
            why = "; ".join(f"{one.field}: {one.message}" for one in error.errors)
            raise InvalidError.of("value.template", f"it fails its check: {why}") from error

    def _check_rules(self, value: Any) -> None:
        # A shape that is wrong is told by the setting itself, with all its mistakes.
        try:
            rules = _RULES.validate_python(value)
        except ValidationError:
            return
        self._events.check_rules(rules)


def _short(value: Any) -> Any:
    """What a value was, for the audit; of one that is too long, how long."""
    length = len(json.dumps(value, default=str))
    return json.loads(json.dumps(value, default=str)) if length <= _LONGEST_NOTE else f"… ({length})"
