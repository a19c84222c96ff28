"""Storing a version of a template: what the API and the admin page do alike."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from chalicelib.categories import CATEGORIES
from chalicelib.control.answers import invalid
from chalicelib.errors import InvalidError
from chalicelib.rendering.checks import check
from chalicelib.rendering.model import ChannelParts, Template
from chalicelib.rendering.render import Renderer
from chalicelib.rendering.stored import TemplateTable
from chalicelib.seen import Seen

_DRAFT = 1  # every version that is not stored yet calls itself so


class TemplateDesk:
    """The templates that people write, of one stage. `new_renderer` gives one with nothing in its cache."""

    def __init__(
        self,
        *,
        table: TemplateTable,
        shipped: Callable[[str], Template | None],
        new_renderer: Callable[[], Renderer],
        channels: Mapping[str, ChannelParts],
    ) -> None:
        self._table = table
        self._shipped = shipped
        self._new_renderer = new_renderer
        self._channels = channels

    def draft(self, key: str, body: Mapping[str, Any]) -> Template:
        """A template that is not stored, checked in every locale with its own sample. Raises: InvalidError (permanent;
        every mistake by its place)."""
        try:
            template = Template.model_validate({**body, "key": key, "version": _DRAFT})
        except ValidationError as error:
            raise invalid(error) from error
        if template.category not in CATEGORIES:
            raise InvalidError.of("category", f"expected one of {', '.join(CATEGORIES)}")
        mistakes = check(template, renderer=self._new_renderer(), channels=self._channels)
        if mistakes:
            raise InvalidError("the template fails its check", mistakes)
        return template

    def add(self, key: str, body: Mapping[str, Any], *, by: str, seen: Seen | None = None) -> Template:
        """Stores a new version; one that fails its check is not stored. Raises: InvalidError, ChangedError,
        ConflictError (permanent), UnavailableError (retryable)."""
        return self._table.add(self.draft(key, body), by=by, seen=seen, shipped=self._shipped(key))
