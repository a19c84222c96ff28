"""Finds templates and layouts by key and version, and stores new ones. A stored version hides the shipped one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from chalicelib.errors import ConflictError, NotFoundError, Phrase
from chalicelib.etags import Seen
from chalicelib.rendering.layout import Layout
from chalicelib.rendering.model import SHIPPED_VERSION, AskedVersion, Template, Version
from chalicelib.rendering.shipped import LAYOUT, read_shipped, shipped_folder, shipped_keys
from chalicelib.schemas import recalled
from chalicelib.storage.configuration import TemplateVersions


class Edition(NamedTuple):
    """What an accepted letter is made with, whatever is deployed or saved later."""

    template: Template
    layout: str | None  # None: of a letter that was accepted before layouts had names


class TemplateStore:
    """Asks each time which version is newest; keeps a known version for ever, as none changes. Without `stored` it
    knows the shipped ones alone. What reads the table raises UnavailableError (retryable)."""

    def __init__(self, stored: TemplateVersions | None = None, *, folder: Path | None = None) -> None:
        self._stored = stored
        self._folder = folder or shipped_folder()
        self._shipped: dict[str, Template] = {}
        self._versions: dict[tuple[str, Version], Template] = {}
        self._layouts: dict[str, Layout] = {}
        self._written: set[tuple[str, str]] = set()

    def get(self, key: str, version: AskedVersion | None = None) -> Template:
        """A template, by default its newest version. Raises: NotFoundError (permanent)."""
        found = self._newest(key) if version is None else self._named(key, version)
        if found is None:
            if version is None:
                raise NotFoundError(Phrase("there is no template `{key}`", key=key))
            raise NotFoundError(
                Phrase("there is no version {version} of the template `{key}`", version=version, key=key)
            )
        return found

    def edition(self, key: str) -> Edition:
        """What a letter that is accepted now is made with; `write_down` it before anything names it. Raises:
        NotFoundError (permanent)."""
        return Edition(self.get(key), self._layout().name)

    def write_down(self, edition: Edition) -> None:
        """Makes sure that workers of another release find it, if the deployment has not stored it."""
        template, layout = edition.template, self._layout()
        if edition.layout == layout.name:
            self._keep(layout)
        if template == self.shipped(template.key):
            self._keep(template)

    def layout(self, name: str | None) -> Layout:
        """A version of the layout; None: the one of this release. Raises: NotFoundError (permanent)."""
        if name is None or name == self._layout().name:
            return self._layout()
        if name not in self._layouts:
            body = self._stored.body(LAYOUT, name) if self._stored else None
            if body is None:
                raise NotFoundError(Phrase("there is no layout `{name}`", name=name))
            self._layouts[name] = Layout.stored(body)
        return self._layouts[name]

    def shipped(self, key: str) -> Template | None:
        """The version that comes with this release."""
        # The key comes from outside: only a name that is really in the folder may become a path.
        if key not in self._shipped and key in shipped_keys(self._folder):
            self._shipped[key] = read_shipped(self._folder, key)
        return self._shipped.get(key)

    def everything(self) -> list[Template]:
        """The newest version of every template, by key, in one request. One that was stored a moment ago may be
        missing."""
        found = {one.key: one for one in map(_template, self._stored.newest() if self._stored else ())}
        for key in shipped_keys(self._folder):
            if key not in found:
                found[key] = self.get(key, SHIPPED_VERSION)
        return [found[key] for key in sorted(found)]

    def keys(self) -> list[str]:
        """Every key, in order."""
        return [template.key for template in self.everything()]

    def add(self, template: Template, *, by: str, seen: Seen | None = None) -> Template:
        """Stores `template` as the next version of its key; with `seen`, only after that one. Raises: ChangedError,
        ConflictError (permanent: another was stored meanwhile)."""
        assert self._stored is not None  # noqa: S101 - whoever edits has a table
        key, shipped = template.key, self.shipped(template.key)
        while True:
            known = self._stored.latest(key)
            if seen is not None:
                newest = shipped if known is None else self._named(key, known)
                seen.require(newest.fields if newest else None, what=Phrase("the template {key}", key=key))
            number, hides = (known or 0) + 1, shipped.version if shipped else None
            stored = template.model_copy(update={"version": number, "hides": hides})
            if self._stored.add(key, number, stored.model_dump(mode="json"), replaces=known, by=by):
                return stored
            if seen is None:
                raise ConflictError(
                    Phrase("another version of {key} was stored at this moment; read it and try again", key=key)
                )

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
        body = self._stored.body(key, version) if self._stored else None
        return None if body is None else self._versions.setdefault((key, version), _template(body))

    def _layout(self) -> Layout:
        if "" not in self._layouts:
            self._layouts[""] = Layout.shipped(self._folder)
        return self._layouts[""]

    def _keep(self, content: Template | Layout) -> None:
        key, name, body = named_body(content)
        if self._stored is not None and (key, name) not in self._written:
            self._stored.keep(key, name, body)
            self._written.add((key, name))


def named_body(content: Template | Layout) -> tuple[str, str, Mapping[str, Any]]:
    """The key, the name and the JSON of a shipped version."""
    if isinstance(content, Layout):
        return LAYOUT, content.name, content.body
    return content.key, str(content.version), content.model_dump(mode="json")


def _template(body: Mapping[str, Any]) -> Template:
    # A newer release may have written it, with fields that this one does not know.
    return recalled(Template, body)
