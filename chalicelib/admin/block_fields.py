"""What the block editor asks for, by the kind of a block. The model of `rendering/documents/` decides what is right."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class FieldKind(StrEnum):
    """How a field is filled in."""

    LINE = "line"
    MARKDOWN = "markdown"
    LONG = "long"  # several lines of plain text
    URL = "url"
    PICTURE = "picture"  # the address of a picture, with the media library beside it
    NUMBER = "number"
    CHOICE = "choice"
    MOMENT = "moment"  # a local date and time, of the block's zone
    ZONE = "zone"
    VARIABLE = "variable"  # the path of a variable of the template
    CODE = "code"


class Ask(NamedTuple):
    """One field. `rare`: folded away until it is filled in."""

    name: str
    how: FieldKind = FieldKind.LINE
    needed: bool = False
    options: tuple[str, ...] = ()  # of a choice; the first is the default
    rare: bool = False


_FILM = (
    Ask("title", needed=True),
    Ask("poster", FieldKind.PICTURE),
    Ask("url", FieldKind.URL),
    Ask("year"),
    Ask("genre"),
    Ask("age"),
    Ask("note"),
)
SHOW_IF = Ask("show_if", FieldKind.VARIABLE, rare=True)
FILM = "film"  # both a block of one film and a row of a list
FILMS = "films"
EVENT = "event"
COLUMNS = ("column1", "column2", "column3")  # the lists of blocks in a block of columns
HTML = "html"

FIELDS: Mapping[str, tuple[Ask, ...]] = {
    "heading": (
        Ask("text", needed=True),
        Ask("level", FieldKind.CHOICE, options=("1", "2")),
        Ask("eyebrow", rare=True),
    ),
    "text": (
        Ask("text", FieldKind.MARKDOWN, needed=True),
        Ask("style", FieldKind.CHOICE, options=("normal", "lead", "quiet")),
    ),
    "picture": (
        Ask("url", FieldKind.PICTURE, needed=True),
        Ask("alt", needed=True),
        Ask("link", FieldKind.URL),
        Ask("width", FieldKind.NUMBER, rare=True),
        Ask("height", FieldKind.NUMBER, rare=True),
    ),
    "button": (Ask("label", needed=True), Ask("url", FieldKind.URL, needed=True)),
    FILM: _FILM,
    FILMS: (Ask("per_row", FieldKind.CHOICE, options=("1", "2", "3")), Ask("from", FieldKind.VARIABLE)),
    "quote": (Ask("text", FieldKind.LONG, needed=True), Ask("author")),
    "panel": (Ask("title"), Ask("text", FieldKind.MARKDOWN, needed=True), Ask("label")),
    "divider": (),
    "columns": (Ask("count", FieldKind.CHOICE, options=("2", "3")),),
    "coupon": (Ask("code", needed=True), Ask("label", needed=True), Ask("note")),
    EVENT: (
        Ask("title", needed=True),
        Ask("starts_at", FieldKind.MOMENT, needed=True),
        Ask("ends_at", FieldKind.MOMENT),
        Ask("zone", FieldKind.ZONE),
        Ask("place"),
        Ask("url", FieldKind.URL),
        Ask("description", FieldKind.LONG),
    ),
    HTML: (Ask("html", FieldKind.CODE, needed=True),),
}
SIMPLE = ("heading", "text", "picture", "button")  # what a column may hold
