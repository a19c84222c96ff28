"""A letter document: a subject, a preheader and blocks. Its texts may hold merge tags (`merge_tags.py`)."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, Field, GetJsonSchemaHandler, ValidationError, model_validator
from pydantic.json_schema import JsonSchemaValue

from chalicelib.errors import FieldError, InvalidError, Phrase
from chalicelib.schemas import StrictModel
from chalicelib.text import Line, Source, Text, shaped
from chalicelib.validation import mistakes_in

MAX_BLOCKS = 100
FULL_WIDTH = 600  # of a letter's content, in CSS pixels
_PATH = r"^[a-z][a-z0-9_]{0,63}(\.[A-Za-z0-9_-]{1,64}){0,5}$"

_Short = Annotated[Line, Field(min_length=1, max_length=300)]
_Long = Annotated[Text, Field(min_length=1, max_length=20_000)]
_Url = Annotated[Line, Field(min_length=1, max_length=2000)]
_Path = Annotated[
    str, shaped(_PATH, Phrase("expected the name of a variable, such as url or service.confirmation_url"))
]
_Pixels = Annotated[int, Field(ge=16, le=FULL_WIDTH)]


class _Block(StrictModel):
    show_if: Annotated[_Path | None, Field(description="left out where this variable is absent or empty")] = None


class HeadingBlock(_Block):
    """A title; `eyebrow` is a small line above it."""

    kind: Literal["heading"]
    text: _Short
    level: Literal[1, 2] = 1
    eyebrow: Annotated[Line, Field(max_length=100)] = ""


class TextBlock(_Block):
    """Paragraphs in Markdown: `**bold**`, `*italic*`, `[a link](https://…)`, lists."""

    kind: Literal["text"]
    text: _Long
    style: Literal["normal", "lead", "quiet"] = "normal"


class PictureBlock(_Block):
    """A picture. `alt` is what those who do not see it read; `width` and `height` are as shown."""

    kind: Literal["picture"]
    url: _Url
    alt: _Short
    width: _Pixels = FULL_WIDTH
    height: Annotated[int | None, Field(ge=1, le=4000)] = None
    link: _Url | None = None


class ButtonBlock(_Block):
    """A button that leads somewhere."""

    kind: Literal["button"]
    label: Annotated[Line, Field(min_length=1, max_length=60)]
    url: _Url


class Film(StrictModel):
    """What a film card says; `note` is a line about why to watch it."""

    title: _Short
    url: _Url | None = None
    poster: _Url | None = None
    year: Annotated[Line | None, Field(max_length=200)] = None
    genre: Annotated[Line | None, Field(max_length=60)] = None
    age: Annotated[Line | None, Field(max_length=200, examples=["12+"])] = None
    note: Annotated[Line | None, Field(max_length=500)] = None


_KIND = Field(discriminator="kind")
_Simple = HeadingBlock | TextBlock | PictureBlock | ButtonBlock
SimpleBlock = Annotated[_Simple, _KIND]


class FilmBlock(_Block):
    """One film with its poster."""

    kind: Literal["film"]
    film: Film


class FilmsBlock(_Block):
    """Several films: those that are written here, or those of a variable (a list whose items have the same fields)."""

    kind: Literal["films"]
    films: Annotated[tuple[Film, ...], Field(max_length=24)] = ()
    source: Annotated[_Path | None, Field(alias="from", description="a variable of type list")] = None
    per_row: Literal[1, 2, 3] = 1

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.films) == bool(self.source):
            raise ValueError(Phrase("expected either films or from"))
        return self


class QuoteBlock(_Block):
    """What somebody has said."""

    kind: Literal["quote"]
    text: _Long
    author: Annotated[Line | None, Field(max_length=100)] = None


class PanelBlock(_Block):
    """A text that stands out."""

    kind: Literal["panel"]
    text: _Long
    label: Annotated[Line | None, Field(max_length=100)] = None
    title: _Short | None = None


class DividerBlock(_Block):
    """A thin line."""

    kind: Literal["divider"]


class ColumnsBlock(_Block):
    """Two or three columns beside each other; one under another on a phone."""

    kind: Literal["columns"]
    columns: Annotated[
        tuple[Annotated[tuple[SimpleBlock, ...], Field(min_length=1, max_length=10)], ...],
        Field(min_length=2, max_length=3),
    ]


class CouponBlock(_Block):
    """A code to be copied."""

    kind: Literal["coupon"]
    code: Annotated[Line, Field(min_length=1, max_length=60)]
    label: _Short
    note: Annotated[Line | None, Field(max_length=300)] = None


class EventBlock(_Block):
    """Something with a time, which readers may put into their calendars."""

    kind: Literal["event"]
    title: _Short
    starts_at: AwareDatetime
    ends_at: AwareDatetime | None = None
    place: Annotated[Line | None, Field(max_length=200)] = None
    url: _Url | None = None
    description: Annotated[Text | None, Field(max_length=2000)] = None

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.ends_at is not None and self.ends_at <= self.starts_at:
            raise ValueError(Phrase("ends_at: expected a time after starts_at"))
        return self


class HtmlBlock(_Block):
    """HTML and Jinja, for what no other block can do."""

    kind: Literal["html"]
    html: Annotated[Source, Field(min_length=1, max_length=100_000)]


_OfTheCinema = FilmBlock | FilmsBlock | CouponBlock | EventBlock
Block = Annotated[_Simple | _OfTheCinema | QuoteBlock | PanelBlock | DividerBlock | ColumnsBlock | HtmlBlock, _KIND]
KINDS = (
    *("heading", "text", "picture", "button", "film", "films", "quote", "panel"),
    *("divider", "columns", "coupon", "event", "html"),
)
_TAGGED = re.compile(rf"\]\.(?:{'|'.join(KINDS)})(?=\.|$)")


class Document(StrictModel):
    """A letter in one language."""

    version: Literal[1] = 1
    subject: Annotated[Line, Field(min_length=1, max_length=200)]
    preheader: Annotated[
        Line, Field(max_length=300, description="the line that mail programs show after the subject")
    ] = ""
    blocks: Annotated[tuple[Block, ...], Field(min_length=1, max_length=MAX_BLOCKS)]


class _Described:
    """In the API's contract a document; what is wrong with one is said by `read_document`, with plain paths."""

    def __get_pydantic_json_schema__(self, core: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        Document.model_rebuild(force=False)
        return handler(Document.__pydantic_core_schema__)


DocumentJson = Annotated[dict[str, Any], _Described()]


def read_document(given: Any, *, place: str) -> Document:
    """The document in JSON; `place` is its path. Raises: InvalidError (permanent; each mistake by its path)."""
    try:
        return Document.model_validate(given)
    except ValidationError as error:
        # Without the kind that pydantic puts after the number of a block.
        found = [(_TAGGED.sub("]", one.field), one.message) for one in mistakes_in(error, whole="")]
        mistakes = [FieldError(f"{place}.{field}" if field else place, said) for field, said in found]
        raise InvalidError(Phrase("the letter is not as expected: {place}", place=place), mistakes) from error
