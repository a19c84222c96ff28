"""Makes the parts of one letter. Called by `pipeline/deliver.py`, by previews and by `checks.py`.

renderer = Renderer(channels=CHANNELS, site=Site(name="Кинозал", url="https://kino.example"))
letter = renderer.render(template, channel="email", locale="ru", context={…}, user={…}, service={…})
letter.parts["subject"]
"""

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from chalicelib.errors import RenderError
from chalicelib.rendering.budget import Budget, Shorten, spend
from chalicelib.rendering.compile import CompiledLetter, compile_letter
from chalicelib.rendering.layout import Layout
from chalicelib.rendering.model import ChannelParts, Template
from chalicelib.rendering.sandbox import run
from chalicelib.rendering.shipped import shipped_folder
from chalicelib.rendering.tidy import tidy

COMPILED_LETTERS = 256
_NOTHING: Mapping[str, Any] = {}

# What may be absent and then is empty in a letter, so that `{% if user.name %}` needs no `is defined`.
_USER: Mapping[str, Any] = {"name": None, "email": None, "timezone": None, "attributes": {}}
_LINKS = {"unsubscribe": None, "preferences": None}
_SERVICE = {"confirmation_expires_at": None}


class Site(NamedTuple):
    """The cinema, as letters name it."""

    name: str
    url: str


class Rendered(NamedTuple):
    """`locale` is the one that was used; `parts` are named as in the channel's spec (`subject`, `html`, `text`)."""

    locale: str
    parts: Mapping[str, str]


class Renderer:
    """One a process; safe in many threads."""

    def __init__(self, *, channels: Mapping[str, ChannelParts], site: Site, folder: Path | None = None) -> None:
        self._channels = channels
        self._site = site._asdict()
        self.layout = Layout(folder or shipped_folder())
        self._compiled: OrderedDict[tuple[str, int, str, str], CompiledLetter] = OrderedDict()
        self._lock = Lock()

    def render(
        self,
        template: Template,
        *,
        channel: str,
        locale: str,
        context: Mapping[str, Any],
        user: Mapping[str, Any] = _NOTHING,
        service: Mapping[str, Any] = _NOTHING,
        links: Mapping[str, str | None] = _NOTHING,
        shorten: Shorten = str,
    ) -> Rendered:
        """A whole letter. `context` is JSON and was checked when it was accepted (`context.check_context`); `shorten`
        is what the filter `short` does to an address. Raises: RenderError (permanent): the letter can never be made
        of this."""
        letter = self.compiled(template, channel=channel, locale=locale)
        optional = {name: None for name, one in (template.variables or {}).items() if not one.required}
        names: dict[str, Any] = {
            **optional,
            **context,
            "user": {**_USER, **user},
            "service": {**_SERVICE, **service},
            "links": {**_LINKS, **links},
            "site": self._site,
            "strings": self.layout.strings(letter.locale),
            "category": template.category,
            "locale": letter.locale,
        }
        with spend(Budget(names, shorten=shorten)):
            parts = {part: _finish(part, run(source, names)) for part, source in letter.parts.items()}
        return Rendered(letter.locale, parts)

    def compiled(self, template: Template, *, channel: str, locale: str) -> CompiledLetter:
        """The letter's code, kept for the next one. Raises: RenderError (permanent)."""
        used = template.choose_locale(locale)
        place = (template.key, template.version, used, channel)
        with self._lock:
            kept = self._compiled.get(place)
            # Two sources can have one version: an unsaved one, tried in a preview or a check, and the saved.
            if kept is not None and kept.sources == template.locales[used]:
                self._compiled.move_to_end(place)
                return kept
        letter = compile_letter(template, channel=channel, locale=used, layout=self.layout)
        self._require_parts(letter, channel)
        with self._lock:
            self._compiled[place] = letter
            if len(self._compiled) > COMPILED_LETTERS:
                self._compiled.popitem(last=False)
        return letter

    def _require_parts(self, letter: CompiledLetter, channel: str) -> None:
        spec = self._channels.get(channel)
        if spec is None:
            raise RenderError("missing_part", f"there is no channel `{channel}`")
        for part in spec.required_parts:
            if part not in letter.parts:
                raise RenderError("missing_part", f"{letter.locale}: `{channel}.{part}` is not in the template")


def _finish(part: str, text: str) -> str:
    if part == "text":
        return tidy(text)
    if part != "subject":
        return text
    subject = text.strip()
    # A line break in a subject is how a header is injected (RFC 5322 §2.2); nothing that renders one is sent.
    if len(subject.splitlines()) > 1:
        raise RenderError("subject_line_break", "the subject has a line break inside")
    return subject
