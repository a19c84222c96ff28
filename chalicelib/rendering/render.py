"""Makes the parts of one letter.

renderer = Renderer(channels=CHANNELS, site=Site(name="Кинозал", url="https://kino.example"))
letter = renderer.render(template, channel="email", locale="ru", context={…}, user={…}, service={…})
letter.parts["subject"]
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any, NamedTuple

from chalicelib.errors import Phrase, RenderError
from chalicelib.manifest import ChannelSpec
from chalicelib.reasons import Reason
from chalicelib.rendering.compile import CompiledLetter, compile_letter
from chalicelib.rendering.finishing import finish, overlong, require_content, require_something_to_say
from chalicelib.rendering.html_head import with_head
from chalicelib.rendering.imprint import Imprint
from chalicelib.rendering.layout import Layout
from chalicelib.rendering.model import Template, Version
from chalicelib.rendering.render_limits import Budget, Shorten, spend
from chalicelib.rendering.sandbox import run
from chalicelib.rendering.shipped import shipped_folder
from chalicelib.rendering.template_faults import blaming
from chalicelib.rendering.untrusted_text import greeting_name

COMPILED_LETTERS = 256
_NOTHING: Mapping[str, Any] = {}

# What may be absent and is then empty, so that `{% if user.name %}` needs no `is defined`.
_USER: Mapping[str, Any] = {"name": None, "email": None, "timezone": None, "attributes": {}}
LINKS: Mapping[str, str | None] = {"unsubscribe": None, "preferences": None, "view": None}
_SERVICE = {"confirmation_expires_at": None}


class Site(NamedTuple):
    """The cinema, as letters name it."""

    name: str
    url: str


class Rendered(NamedTuple):
    """`locale` is the one that was used; `parts` are named as in the channel's spec (`subject`, `html`, `text`); `cut`
    names those that were too long."""

    locale: str
    parts: Mapping[str, str]
    cut: Sequence[str] = ()


class Renderer:
    """One per process; thread-safe."""

    def __init__(
        self, *, channels: Mapping[str, ChannelSpec], site: Site, imprint: Callable[[], Imprint] = Imprint
    ) -> None:
        self._channels = channels
        self._imprint = imprint
        self._site = site._asdict()
        self.layout = Layout.shipped(shipped_folder())
        self._compiled: OrderedDict[tuple[str, Version, str, str, str], CompiledLetter] = OrderedDict()
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
        layout: Layout | None = None,
        categories: Sequence[str] = (),
        subject: str | None = None,
    ) -> Rendered:
        """A whole letter, in the layout of this code unless another is given. `context` is JSON and was checked when it
        was accepted (`context.check_context`); `shorten` implements the filter `short`; `categories` are the letter's,
        by default the template's, as is `subject`. Raises: RenderError (permanent): the letter can never be made
        from this."""
        letter = self.compiled(template, channel=channel, locale=locale, layout=layout)
        names = self.names(
            template,
            locale=letter.locale,
            context=context,
            user=user,
            service=service,
            links=links,
            layout=layout,
            categories=categories,
        )
        require_something_to_say(template, names)
        made, parts = {}, {}
        with spend(Budget(names, shorten=shorten)):
            for part, source in letter.parts.items():
                with blaming(letter.place(part)):
                    made[part] = run(source, names)
                    parts[part] = finish(part, made[part])
        if subject and "subject" in parts:
            parts["subject"] = finish("subject", subject)
        require_content(parts, self.required_parts(channel))
        if "html" in parts:
            parts["html"] = with_head(parts["html"], template, names, subject=parts.get("subject", ""))
        return Rendered(letter.locale, parts, overlong(made))

    def names(
        self,
        template: Template,
        *,
        locale: str,
        context: Mapping[str, Any],
        user: Mapping[str, Any] = _NOTHING,
        service: Mapping[str, Any] = _NOTHING,
        links: Mapping[str, str | None] = _NOTHING,
        layout: Layout | None = None,
        categories: Sequence[str] = (),
    ) -> dict[str, Any]:
        """The names that a letter in `locale`, one of the template's own, may use; `user.name` is None unless a letter
        may greet with it."""
        optional = {name: None for name, one in (template.variables or {}).items() if not one.required}
        return {
            **optional,
            **context,
            "user": {**_USER, **user, "name": greeting_name(user.get("name"))},
            "service": {**_SERVICE, **service},
            "links": {**LINKS, **links},
            "site": {**self._site, **self._imprint().names(locale)},
            "strings": (layout or self.layout).strings(locale),
            "category": template.category,
            "categories": list(categories) or [template.category],
            "locale": locale,
        }

    def required_parts(self, channel: str) -> tuple[str, ...]:
        """The parts that a letter needs. Raises: RenderError (permanent)."""
        spec = self._channels.get(channel)
        if spec is None:
            raise RenderError(Reason.MISSING_PART, Phrase("there is no channel `{channel}`", channel=channel))
        return spec.required_parts

    def compiled(
        self, template: Template, *, channel: str, locale: str, layout: Layout | None = None
    ) -> CompiledLetter:
        """The compiled letter, cached. Raises: RenderError (permanent)."""
        used, layout = template.choose_locale(locale), layout or self.layout
        place = (template.key, template.version, layout.name, used, channel)
        with self._lock:
            kept = self._compiled.get(place)
            # Two sources can have one version: an unsaved one, tried in a preview or a check, and the saved.
            if kept is not None and kept.sources == template.locales[used]:
                self._compiled.move_to_end(place)
                return kept
        letter = compile_letter(template, channel=channel, locale=used, layout=layout)
        self._require_parts(letter, channel)
        with self._lock:
            self._compiled[place] = letter
            if len(self._compiled) > COMPILED_LETTERS:
                self._compiled.popitem(last=False)
        return letter

    def _require_parts(self, letter: CompiledLetter, channel: str) -> None:
        for part in self.required_parts(channel):
            if part not in letter.parts:
                raise RenderError(
                    Reason.MISSING_PART,
                    Phrase(
                        "{locale}: `{channel}.{part}` is not in the template",
                        locale=letter.locale,
                        channel=channel,
                        part=part,
                    ),
                )
