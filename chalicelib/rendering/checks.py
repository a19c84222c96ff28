"""Finds all mistakes of a template before it is used, and what a new version no longer accepts from users of the
previous one, whose requests would be refused from then on."""

import time
from collections.abc import Iterator, Mapping

from chalicelib.errors import FieldError, InvalidError, Phrase, RenderError
from chalicelib.manifest import ChannelSpec
from chalicelib.reasons import Reason
from chalicelib.rendering.compile import CompiledLetter
from chalicelib.rendering.context import check_context
from chalicelib.rendering.finishing import MAX_LINE_CHARS, is_of_reader
from chalicelib.rendering.layout import Layout
from chalicelib.rendering.model import MAX_LOCALES, SERVICE_NAMES, Template, Variable, VariableType
from chalicelib.rendering.render import Renderer
from chalicelib.rendering.render_limits import Budget, spend
from chalicelib.rendering.sandbox import environment, names_in
from chalicelib.rendering.template_faults import blaming

# Every value of the one type is a value of the other.
_WIDER = {
    (VariableType.INTEGER, VariableType.NUMBER),
    (VariableType.URL, VariableType.STRING),
    (VariableType.DATE, VariableType.STRING),
}

_REASONS: Mapping[str, Phrase] = {
    Reason.TEMPLATE_ERROR: Phrase("template_error"),
    Reason.SYNTAX: Phrase("syntax"),
    Reason.FORBIDDEN: Phrase("forbidden"),
    Reason.TOO_LARGE: Phrase("too_large"),
    Reason.TOO_SLOW: Phrase("too_slow"),
}
MAX_SECONDS = 10.0  # of CPU time for all letters of a template; a call must be answered within 29


def check(template: Template, *, renderer: Renderer, channels: Mapping[str, ChannelSpec]) -> list[FieldError]:
    """Every mistake, with paths such as `locales.ru.email.subject`; empty for a good template."""
    if mistakes := [*_check_size(template), *_check_names(template, channels)]:
        return mistakes  # first: each name and each language costs a compilation, and a body can hold thousands
    return [
        *_check_sample(template),
        *_check_letters(template, renderer, channels),
    ]


def _check_size(template: Template) -> Iterator[FieldError]:
    if len(template.locales) > MAX_LOCALES:
        yield FieldError("locales", Phrase("at most {most} are expected", most=MAX_LOCALES))
    if len(set(template.written_for)) < len(template.written_for):
        yield FieldError("channels", Phrase("each is expected once"))


def _check_sample(template: Template) -> Iterator[FieldError]:
    try:
        check_context(template, template.sample.context)
    except InvalidError as error:
        for one in error.errors or (FieldError("context", error.detail),):
            yield FieldError(f"sample.{one.field}", one.message)


def _check_letters(template: Template, renderer: Renderer, channels: Mapping[str, ChannelSpec]) -> Iterator[FieldError]:
    deadline = time.thread_time() + MAX_SECONDS
    for channel in template.written_for:
        if channel not in channels:
            yield FieldError(
                "channels",
                Phrase(
                    "there is no channel `{channel}`; there are: {known}", channel=channel, known=", ".join(channels)
                ),
            )
            continue
        for locale in template.locales:
            if time.thread_time() > deadline:
                yield FieldError(
                    "locales", Phrase("to check them all takes over {seconds} s", seconds=f"{MAX_SECONDS:g}")
                )
                return
            yield from _check_letter(template, channel, locale, renderer)


def _check_letter(template: Template, channel: str, locale: str, renderer: Renderer) -> Iterator[FieldError]:
    try:
        letter = renderer.compiled(template, channel=channel, locale=locale)
    except RenderError as error:
        yield _told(error, f"locales.{locale}.{channel}")
        return
    try:
        yield from _check_variables(template, letter, channel, renderer.layout)
    except RenderError as error:
        yield _told(error, f"locales.{locale}.{channel}")
    yield from _check_rendering(template, renderer, channel=channel, locale=locale)


def _check_variables(template: Template, letter: CompiledLetter, channel: str, layout: Layout) -> Iterator[FieldError]:
    if template.variables is None:
        return
    known = {*template.variables, *SERVICE_NAMES, *environment(autoescape=True).globals}
    for part, source in template.sources_of(channel, letter.locale):
        with spend(Budget({})), blaming(letter.place(part)):
            # The layout gives a body more names: its macros.
            named = names_in(layout.compose(source) if part == "html" else source, environment(autoescape=True))
        for name in sorted(named - known):
            yield FieldError(
                f"locales.{letter.locale}.{channel}.{part}", Phrase("`{name}` is not a declared variable", name=name)
            )


def _check_rendering(template: Template, renderer: Renderer, *, channel: str, locale: str) -> Iterator[FieldError]:
    # Imported late: it loads a parser of HTML, which only those need who write templates.
    from chalicelib.rendering.lint.lint import letter_of, mistakes_in, sample_links

    sample = template.sample
    try:
        letter = renderer.render(
            template,
            channel=channel,
            locale=locale,
            context=sample.context,
            user=sample.user,
            service=sample.service,
            links=sample_links(template.category),
        )
    except RenderError as error:
        part = error.reason.removeprefix("empty_")
        yield _told(error, f"locales.{locale}.{channel}" + (f".{part}" if part != error.reason else ""))
        return
    for part in letter.cut:
        yield FieldError(
            f"locales.{locale}.{channel}.{part}", Phrase("1 to {most} characters are expected", most=MAX_LINE_CHARS)
        )
    if "html" in letter.parts:
        found = mistakes_in(letter_of(template, letter, category=template.category), template)
        yield from (one.mistake for one in found)


def _check_names(template: Template, channels: Mapping[str, ChannelSpec]) -> Iterator[FieldError]:
    """A misspelt part would silently never be sent."""
    for locale, sources in template.locales.items():
        for name in sources:
            channel, _, part = name.partition(".")
            spec = channels.get(channel)
            if spec is None or (part or "text") not in (*spec.required_parts, *spec.optional_parts):
                yield FieldError(f"locales.{locale}.{name}", Phrase("no channel has such a part"))


def _told(error: RenderError, place: str) -> FieldError:
    """`locales.en.email.html`: `template_error: line 3: …`"""
    if error.part is not None:
        place = f"locales.{error.part.replace('/', '.', 1)}"
    if error.reason == error.said:
        return FieldError(place, error.in_line)
    return FieldError(
        place, Phrase("{reason}: {why}", reason=_REASONS.get(error.reason, error.reason), why=error.in_line)
    )


def narrowed(before: Template, after: Template) -> list[FieldError]:
    """Everything that somebody may be sending, omitting or reading and that the new version refuses or lacks; empty if
    it accepts whatever the previous one did."""
    gone = [channel for channel in before.written_for if channel not in after.written_for]
    silent = [locale for locale in before.locales if locale not in after.locales]
    needed = [path for path in after.nothing_without if path not in before.nothing_without and not is_of_reader(path)]
    return [
        *_variables(before, after),
        *(FieldError("channels", Phrase("{channel} is removed", channel=channel)) for channel in gone),
        *(
            FieldError(f"locales.{locale}", Phrase("it is removed: its readers get another language"))
            for locale in silent
        ),
        *(FieldError("nothing_without", Phrase("{path} may not be empty now", path=path)) for path in needed),
    ]


def _variables(before: Template, after: Template) -> Iterator[FieldError]:
    if after.variables is None:
        return
    if before.variables is None:
        yield FieldError("variables", Phrase("they are declared now: no others are accepted"))
    for name in before.variables or {}:
        if name not in after.variables:
            yield FieldError(f"variables.{name}", Phrase("it is removed: whoever sends it is refused"))
    yield from _declared("variables", before.variables or {}, after.variables)


def _declared(path: str, before: Mapping[str, Variable], after: Mapping[str, Variable]) -> Iterator[FieldError]:
    for name, now in after.items():
        place, was = f"{path}.{name}", before.get(name)
        if was is None:
            if now.required:
                yield FieldError(place, Phrase("it is new and required"))
            continue
        if now.required and not was.required:
            yield FieldError(place, Phrase("it is required now"))
        if now.type is not was.type:
            if (was.type, now.type) not in _WIDER:
                yield FieldError(place, Phrase("its type was {was}, and is {now}", was=was.type, now=now.type))
        elif now.fields is not None:
            yield from _declared(f"{place}.fields", was.fields or {}, now.fields)
