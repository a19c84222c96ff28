"""Finds a template by its key: a stored version hides the shipped one."""

from pathlib import Path
from typing import NamedTuple, Protocol

from chalicelib.errors import NotFoundError, Phrase
from chalicelib.rendering.layout import Layout
from chalicelib.rendering.model import SHIPPED_VERSION, AskedVersion, Template, Version
from chalicelib.rendering.shipped import read_shipped, shipped_folder, shipped_keys


class StoredTemplates(Protocol):
    """The port to stored versions, which never change."""

    def latest(self, key: str) -> int | None:
        """The number of the newest version that somebody has saved, as of now."""
        ...

    def version(self, key: str, version: Version) -> Template | None:
        """One version of a key: a saved one by its number, a shipped one by its name."""
        ...

    def newest(self) -> list[Template]:
        """The newest saved version of every key that has one."""
        ...

    def layout(self, name: str) -> Layout | None:
        """One version of the layout."""
        ...

    def keep(self, content: Template | Layout) -> None:
        """Stores a shipped version, unless it is stored."""
        ...


class Edition(NamedTuple):
    """What an accepted letter is made with, whatever is deployed or saved later."""

    template: Template
    layout: str | None  # None: of a letter that was accepted before layouts had names


class TemplateStore:
    """Asks for the newest version each time; caches a given version for ever, since it cannot change."""

    def __init__(self, stored: StoredTemplates | None = None, *, folder: Path | None = None) -> None:
        self._stored = stored
        self._folder = folder or shipped_folder()
        self._shipped: dict[str, Template] = {}
        self._versions: dict[tuple[str, Version], Template] = {}
        self._layouts: dict[str, Layout] = {}
        self._written: set[tuple[str, Version]] = set()

    def get(self, key: str, version: AskedVersion | None = None) -> Template:
        """The template, the newest version unless one is named. Raises: NotFoundError (permanent)."""
        found = self._newest(key) if version is None else self._named(key, version)
        if found is None:
            if version is None:
                raise NotFoundError(Phrase("there is no template `{key}`", key=key))
            raise NotFoundError(
                Phrase("there is no version {version} of the template `{key}`", version=version, key=key)
            )
        return found

    def edition(self, key: str) -> Edition:
        """What a letter accepted now is made with; call `write_down` before anything refers to it. Raises:
        NotFoundError (permanent), UnavailableError (retryable)."""
        return Edition(self.get(key), self._layout().name)

    def write_down(self, edition: Edition) -> None:
        """Makes sure that workers with other code find it: either the deployment has stored it, or this does. Raises:
        UnavailableError (retryable)."""
        template, layout = edition.template, self._layout()
        if edition.layout == layout.name:
            self._keep("", layout.name, layout)
        if template == self.shipped(template.key):
            self._keep(template.key, template.version, template)

    def layout(self, name: str | None) -> Layout:
        """One version of the layout; None: the one of this code. Raises: NotFoundError (permanent), UnavailableError
        (retryable)."""
        if name is None or name == self._layout().name:
            return self._layout()
        if name not in self._layouts:
            found = self._stored.layout(name) if self._stored else None
            if found is None:
                raise NotFoundError(Phrase("there is no layout `{name}`", name=name))
            self._layouts[name] = found
        return self._layouts[name]

    def shipped(self, key: str) -> Template | None:
        """The version that comes with this code, if there is one."""
        # The key comes from outside: only a name that is really in the folder may become a path.
        if key not in self._shipped and key in shipped_keys(self._folder):
            self._shipped[key] = read_shipped(self._folder, key)
        return self._shipped.get(key)

    def everything(self) -> list[Template]:
        """The newest version of every template, shipped or stored, by key, in one request. One stored just now may be
        missing."""
        found = {template.key: template for template in (self._stored.newest() if self._stored else ())}
        for key in shipped_keys(self._folder):
            if key not in found:
                found[key] = self.get(key, SHIPPED_VERSION)
        return [found[key] for key in sorted(found)]

    def keys(self) -> list[str]:
        """Every key, shipped or stored, in order."""
        return [template.key for template in self.everything()]

    def _newest(self, key: str) -> Template | None:
        number = self._stored.latest(key) if self._stored else None
        return self.shipped(key) if number is None else self._named(key, number)

    def _named(self, key: str, version: AskedVersion) -> Template | None:
        if isinstance(version, str) or version == SHIPPED_VERSION:
            shipped = self.shipped(key)
            if version == SHIPPED_VERSION or (shipped is not None and shipped.version == version):
                return shipped
        if (known := self._versions.get((key, version))) is not None:
            return known
        found = self._stored.version(key, version) if self._stored else None
        return found and self._versions.setdefault((key, version), found)

    def _layout(self) -> Layout:
        if "" not in self._layouts:
            self._layouts[""] = Layout.shipped(self._folder)
        return self._layouts[""]

    def _keep(self, key: str, version: Version, content: Template | Layout) -> None:
        if self._stored is not None and (key, version) not in self._written:
            self._stored.keep(content)
            self._written.add((key, version))
