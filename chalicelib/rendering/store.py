"""Finds a template by its key: a stored version hides the shipped one. Called by the API, campaigns, the pipeline."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from chalicelib.clock import Clock, now
from chalicelib.errors import NotFoundError
from chalicelib.rendering.model import SHIPPED_VERSION, Template
from chalicelib.rendering.shipped import read_shipped, shipped_folder, shipped_keys


class StoredTemplates(Protocol):
    """The port to the versions that people have saved; versions start at 1 and never change once written."""

    def latest(self, key: str) -> Template | None:
        """The newest version of a key."""
        ...

    def version(self, key: str, version: int) -> Template | None:
        """One version of a key."""
        ...

    def newest(self) -> list[Template]:
        """The newest version of every key that has one."""
        ...


class TemplateStore:
    """The latest version of a key may be `ttl_seconds` old; a given version is kept for ever, as it cannot change."""

    def __init__(
        self,
        stored: StoredTemplates | None = None,
        *,
        folder: Path | None = None,
        ttl_seconds: float = 30,
        clock: Clock = now,
    ) -> None:
        self._stored = stored
        self._folder = folder or shipped_folder()
        self._ttl = timedelta(seconds=ttl_seconds)
        self._clock = clock
        self._versions: dict[tuple[str, int], Template] = {}
        self._latest: dict[str, tuple[datetime, int]] = {}

    def get(self, key: str, version: int | None = None) -> Template:
        """The template, the latest version if none is named. Raises: NotFoundError (permanent)."""
        if version is None:
            return self._get_latest(key)
        if (known := self._versions.get((key, version))) is not None:
            return known
        found = self._load_shipped(key) if version == SHIPPED_VERSION else self._ask(lambda s: s.version(key, version))
        if found is None:
            raise NotFoundError(f"there is no version {version} of the template `{key}`")
        return self._keep(found)

    def shipped(self, key: str) -> Template | None:
        """The version that came with the code, if any did."""
        return self._load_shipped(key)

    def everything(self) -> list[Template]:
        """The newest version of every template, shipped or stored, by key: in one request. One that was stored this
        moment may be missing."""
        found = {template.key: template for template in (self._stored.newest() if self._stored else ())}
        for key in shipped_keys(self._folder):
            found.setdefault(key, self.get(key, SHIPPED_VERSION))
        return [self._keep(found[key]) for key in sorted(found)]

    def keys(self) -> list[str]:
        """Every key, shipped or stored, in order."""
        return [template.key for template in self.everything()]

    def _get_latest(self, key: str) -> Template:
        moment = self._clock()
        if (pointer := self._latest.get(key)) is not None and pointer[0] > moment:
            return self.get(key, pointer[1])
        found = self._ask(lambda stored: stored.latest(key))
        if found is None and (found := self._load_shipped(key)) is None:
            raise NotFoundError(f"there is no template `{key}`")
        self._latest[key] = (moment + self._ttl, found.version)
        return self._keep(found)

    def _ask(self, question: Callable[[StoredTemplates], Template | None]) -> Template | None:
        return question(self._stored) if self._stored else None

    def _load_shipped(self, key: str) -> Template | None:
        # The key comes from outside: only a name that is really in the folder may become a path.
        return read_shipped(self._folder, key) if key in shipped_keys(self._folder) else None

    def _keep(self, template: Template) -> Template:
        return self._versions.setdefault((template.key, template.version), template)
