"""The keys of all templates for a choice on a page: a filter need not know what was added a moment ago."""

from collections.abc import Callable

from chalicelib.rendering.template_store import TemplateStore

KNOWN_FOR_SECONDS = 60.0


class TemplateKeys:
    """`monotonic` is in seconds."""

    def __init__(self, templates: TemplateStore, *, monotonic: Callable[[], float]) -> None:
        self._templates = templates
        self._monotonic = monotonic
        self._known: list[str] = []
        self._until = 0.0

    def read(self) -> list[str]:
        """Every key, in order, as it was at most a minute ago. Raises: UnavailableError (retryable)."""
        if not self._known or self._monotonic() >= self._until:
            self._known, self._until = self._templates.keys(), self._monotonic() + KNOWN_FOR_SECONDS
        return self._known
