"""Compiles a document into the sources of an e-mail: each block becomes a call of one of the layout's macros
(`templates/_layout/blocks.html`), or HTML with the layout's classes. Done once, when a template is stored: what a
version sends never changes."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from chalicelib.clock import rfc3339
from chalicelib.errors import FieldError, InvalidError, Phrase, phrase_of
from chalicelib.rendering.calendar import CalendarEvent, calendar_source
from chalicelib.rendering.context import http_url
from chalicelib.rendering.documents import letter_blocks as blocks
from chalicelib.rendering.documents.markdown import html_of
from chalicelib.rendering.documents.merge_tags import MergeTag, MergeTags, Piece, is_there, json_text
from chalicelib.rendering.model import Template

_MAIL = re.compile(r"mailto:[^\s@<>]+@[^\s@<>]+", re.IGNORECASE)
_HTML, _SUBJECT, _CALENDAR = "email.html", "email.subject", "email.calendar"
MADE = (_SUBJECT, _HTML, _CALENDAR)


class Compiled(NamedTuple):
    """`sources` by their names in a template; `lines`: where in the HTML each block begins, counted from 1."""

    sources: Mapping[str, str]
    lines: Sequence[int]


def compile_document(document: blocks.Document, template: Template, *, place: str) -> Compiled:
    """`template` declares what merge tags may name; `place` is the document's path. Raises: InvalidError (permanent;
    each mistake by its path, such as `documents.ru.blocks[3].text`)."""
    writer = _Writer(MergeTags(template))
    subject = writer.line(f"{place}.subject", document.subject)
    preheader = writer.line(f"{place}.preheader", document.preheader)
    written = [f"<preheader>{{{{ {preheader} }}}}</preheader>"]
    lines = []
    for n, block in enumerate(document.blocks):
        lines.append("\n".join(written).count("\n") + 2)
        written.append(writer.block(f"{place}.blocks[{n}]", block))
    if writer.errors:
        raise InvalidError(Phrase("the letter is not as expected: {place}", place=place), writer.errors)
    sources = {_SUBJECT: f"{{{{ {subject} }}}}", _HTML: "\n".join(written) + "\n"}
    found = [one for one in document.blocks if isinstance(one, blocks.EventBlock)]
    events = [_calendar_event(writer, one, seed=f"{template.key} {n}") for n, one in enumerate(found)]
    return Compiled({**sources, **({_CALENDAR: calendar_source(events)} if events else {})}, lines)


class _Writer:
    """Writes Jinja, and collects what is wrong by its path."""

    def __init__(self, tags: MergeTags) -> None:
        self._tags = tags
        self.errors: list[FieldError] = []

    def line(self, path: str, text: str | None) -> str:
        """A Jinja expression of a text without Markdown."""
        return self._tried(path, lambda: _joined(self._tags.pieces(text or "")))

    def address(self, path: str, text: str | None) -> str:
        """A Jinja expression of an address."""
        return self._tried(path, lambda: _address(self._tags.pieces(text))) if text else "none"

    def markdown(self, path: str, text: str, *, style: str = "normal") -> str:
        """HTML of a text in Markdown."""
        return self._tried(path, lambda: html_of(self._tags.pieces(text), style=style, address=_address))

    def block(self, path: str, block: Any) -> str:
        """One block, with its condition."""
        written = _WRITERS[type(block)](self, path, block)
        if block.show_if is None:
            return written
        self._tried(f"{path}.show_if", lambda: self._tags.require(block.show_if).path)
        return f"{{% if {_shown(block)} %}}{written}{{% endif %}}"

    def films_of(self, path: str, variable: str) -> str:
        """The variable, which has to be a list."""

        def known() -> str:
            if (kind := self._tags.require(variable).kind) != "list":
                raise ValueError(
                    Phrase("expected a variable of type list; `{path}` is a {kind}", path=variable, kind=kind)
                )
            return variable

        return self._tried(path, known)

    def film(self, path: str, film: blocks.Film) -> str:
        """A film as a Jinja object."""
        plain = ("title", "year", "genre", "age", "note")
        members = {name: self.line(f"{path}.{name}", getattr(film, name)) for name in plain}
        members |= {name: self.address(f"{path}.{name}", getattr(film, name)) for name in ("url", "poster")}
        return f"{{{', '.join(f'{json_text(name)}: {one}' for name, one in members.items())}}}"

    def _tried(self, path: str, write: Callable[[], str]) -> str:
        try:
            return write()
        except ValueError as error:
            self.errors.append(FieldError(path, phrase_of(error)))
            return '""'


def _joined(pieces: Iterable[Piece], *, encode: bool = False) -> str:
    """One Jinja expression."""
    written = [
        one.expression(encode=encode and n > 0) if isinstance(one, MergeTag) else json_text(one)
        for n, one in enumerate(pieces)
    ]
    return " ~ ".join(written) or '""'


def _address(pieces: list[Piece]) -> str:
    """An address as an expression. It begins with `https://` or is a merge tag's; tags further in are encoded. Raises:
    ValueError with a Phrase (permanent)."""
    first = pieces[0] if pieces else ""
    if isinstance(first, MergeTag):
        if first.kind != "url":
            raise ValueError(Phrase("`{path}` is no address", path=first.path))
        if first.fallback:
            http_url(first.fallback)
    else:
        whole = "".join(one if isinstance(one, str) else "x" for one in pieces)
        if not _MAIL.fullmatch(whole):
            http_url(whole)
    return _joined(pieces, encode=True)


def _call(macro: str, **arguments: str | int | None) -> str:
    given = (f"{name}={value}" for name, value in arguments.items() if value not in ('""', None, "none"))
    return f"{macro}({', '.join(given)})"


def _heading(writer: _Writer, path: str, block: blocks.HeadingBlock) -> str:
    text, eyebrow = writer.line(f"{path}.text", block.text), writer.line(f"{path}.eyebrow", block.eyebrow)
    return f"{{{{ {_call('heading_block', text=text, level=block.level, eyebrow=eyebrow)} }}}}"


def _words(writer: _Writer, path: str, block: blocks.TextBlock) -> str:
    return writer.markdown(f"{path}.text", block.text, style=block.style)


def _picture(writer: _Writer, path: str, block: blocks.PictureBlock) -> str:
    called = _call(
        "picture_block",
        url=writer.address(f"{path}.url", block.url),
        alt=writer.line(f"{path}.alt", block.alt),
        width=block.width,
        height=block.height,
        link=writer.address(f"{path}.link", block.link),
    )
    return f"{{{{ {called} }}}}"


def _button(writer: _Writer, path: str, block: blocks.ButtonBlock) -> str:
    label, url = writer.line(f"{path}.label", block.label), writer.address(f"{path}.url", block.url)
    return f"{{{{ button({label}, {url}) }}}}"


def _film(writer: _Writer, path: str, block: blocks.FilmBlock) -> str:
    return f"{{{{ film_card({writer.film(f'{path}.film', block.film)}) }}}}"


def _films(writer: _Writer, path: str, block: blocks.FilmsBlock) -> str:
    if block.source is not None:
        films = writer.films_of(f"{path}.from", block.source)
    else:
        films = f"[{', '.join(writer.film(f'{path}.films[{n}]', one) for n, one in enumerate(block.films))}]"
    return f"{{{{ film_grid({films}, {block.per_row}) }}}}"


def _quote(writer: _Writer, path: str, block: blocks.QuoteBlock) -> str:
    called = _call("quote_block", author=writer.line(f"{path}.author", block.author))
    return f"{{% call {called} %}}{writer.markdown(f'{path}.text', block.text)}{{% endcall %}}"


def _panel(writer: _Writer, path: str, block: blocks.PanelBlock) -> str:
    label, title = writer.line(f"{path}.label", block.label), writer.line(f"{path}.title", block.title)
    called = _call("panel_block", label=label, title=title)
    return f"{{% call {called} %}}{writer.markdown(f'{path}.text', block.text, style='in-panel')}{{% endcall %}}"


def _divider(_writer: _Writer, _path: str, _block: blocks.DividerBlock) -> str:
    return "{{ divider_block() }}"


def _columns(writer: _Writer, path: str, block: blocks.ColumnsBlock) -> str:
    parts = []
    for n, simple in enumerate(block.columns):
        inside = "".join(writer.block(f"{path}.columns[{n}][{m}]", one) for m, one in enumerate(simple))
        parts.append(f"{{% {'elif' if n else 'if'} column == {n} %}}{inside}")
    return f"{{% call(column) columns_block({len(block.columns)}) %}}{''.join(parts)}{{% endif %}}{{% endcall %}}"


def _coupon(writer: _Writer, path: str, block: blocks.CouponBlock) -> str:
    code, label = writer.line(f"{path}.code", block.code), writer.line(f"{path}.label", block.label)
    return f"{{{{ {_call('coupon_block', code=code, label=label, note=writer.line(f'{path}.note', block.note))} }}}}"


def _event(writer: _Writer, path: str, block: blocks.EventBlock) -> str:
    called = _call(
        "event_block",
        title=writer.line(f"{path}.title", block.title),
        starts_at=json_text(rfc3339(block.starts_at)),
        ends_at=json_text(rfc3339(block.ends_at)) if block.ends_at else None,
        place=writer.line(f"{path}.place", block.place),
        url=writer.address(f"{path}.url", block.url),
        description=writer.line(f"{path}.description", block.description),
    )
    return f"{{{{ {called} }}}}"


def _calendar_event(writer: _Writer, block: blocks.EventBlock, *, seed: str) -> CalendarEvent:
    """The same for the reader's calendar; what is wrong with it has been said of the block."""
    return CalendarEvent(
        seed=seed,
        starts_at=block.starts_at,
        ends_at=block.ends_at,
        title=writer.line("", block.title),
        place=writer.line("", block.place) if block.place else None,
        url=writer.address("", block.url) if block.url else None,
        description=writer.line("", block.description) if block.description else None,
        condition=_shown(block) if block.show_if else None,
    )


def _shown(block: Any) -> str:
    return f"{is_there(block.show_if)} and {block.show_if}"


def _html(_writer: _Writer, _path: str, block: blocks.HtmlBlock) -> str:
    return block.html


_WRITERS: Mapping[type, Callable[[_Writer, str, Any], str]] = {
    blocks.HeadingBlock: _heading,
    blocks.TextBlock: _words,
    blocks.PictureBlock: _picture,
    blocks.ButtonBlock: _button,
    blocks.FilmBlock: _film,
    blocks.FilmsBlock: _films,
    blocks.QuoteBlock: _quote,
    blocks.PanelBlock: _panel,
    blocks.DividerBlock: _divider,
    blocks.ColumnsBlock: _columns,
    blocks.CouponBlock: _coupon,
    blocks.EventBlock: _event,
    blocks.HtmlBlock: _html,
}
