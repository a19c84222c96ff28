"""The template model: the shape of a shipped folder and of a stored version."""

import re
from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, JsonValue, model_validator

from chalicelib.errors import Phrase
from chalicelib.locales import Locale, lookup
from chalicelib.schemas import StrictModel, expecting
from chalicelib.text import Line, Source, shaped

MAX_SOURCE_BYTES = 256 * 1024
MAX_LOCALES = 50
# The shipped version of whatever code is asked: what calls may ask for, and what letters named before shipped versions
# had names. No template carries it.
SHIPPED_VERSION = 0

# A shipped version's name follows from its content, a stored one is a number from 1; what either means never changes.
_SHIPPED = r"^shipped-[0-9a-f]{12}$"
ShippedName = Annotated[str, shaped(_SHIPPED, Phrase("expected the name of a shipped version, as it was given"))]


def _version(least: int) -> BeforeValidator:
    def check(value: object) -> object:
        if isinstance(value, str) and re.fullmatch(_SHIPPED, value):
            return value
        if type(value) is int and value >= least:
            return value
        raise ValueError(Phrase("expected a number from {least}, or a name such as shipped-0123456789ab", least=least))

    return BeforeValidator(check)


Version = Annotated[int | str, _version(1)]
AskedVersion = Annotated[int | str, _version(SHIPPED_VERSION)]

# Names that the service passes to every letter; a template may not declare a variable with one of them.
SERVICE_NAMES = frozenset({"user", "site", "links", "service", "locale", "strings", "category", "categories"})

JsonMapping = Mapping[str, JsonValue]
_KEY = r"^[a-z][a-z0-9-]{0,63}$"
_PATH = r"^[a-z][a-z0-9_]{0,63}(\.[A-Za-z0-9_-]{1,64}){0,5}$"
_A_PATH = Phrase("expected the name of a variable, such as url or service.confirmation_url")
_NAME = r"^[a-z][a-z0-9_]{0,63}$"
_ActionName = Annotated[Line, Field(min_length=1, max_length=100)]


class VariableType(StrEnum):
    """The types that a template can declare for a variable."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    URL = "url"  # http or https only: it becomes a link in a letter
    DATE = "date"  # RFC 3339: a date, or a date with a time and an offset
    LIST = "list"
    OBJECT = "object"


class Variable(StrictModel):
    """One declared variable. `fields` are those of an object, or of each item of a list; without them any item is
    accepted."""

    type: VariableType
    required: bool = True
    description: str = Field(default="", max_length=500)
    example: JsonValue = None
    fields: Mapping[str, "Variable"] | None = None

    @model_validator(mode="after")
    def _only_containers_have_fields(self) -> Self:
        if self.fields is not None and self.type not in (VariableType.LIST, VariableType.OBJECT):
            raise ValueError(Phrase("only a list or an object has fields"))
        return self


class Sample(StrictModel):
    """What previews and checks render the template with."""

    context: Mapping[str, JsonValue] = {}
    user: Mapping[str, JsonValue] = {}
    service: Mapping[str, JsonValue] = {}


class ActionKind(StrEnum):
    VIEW = "view"
    CONFIRM = "confirm"


class Action(StrictModel):
    """What a mail program offers beside the letter in its list (schema.org: a `ViewAction` opens the address, a
    `ConfirmAction` visits it). `url` is the path of the variable that holds the address."""

    kind: ActionKind
    name: Annotated[
        _ActionName | Mapping[Locale, _ActionName],
        expecting(Phrase("expected a text of at most 100 characters, or one for each language")),
    ] = Field(
        description="the button's text: one, or by language", examples=["Watch", {"en": "Watch", "ru": "Смотреть"}]
    )
    url: str = shaped(_PATH, _A_PATH, examples=["url", "service.confirmation_url"])

    def text(self, *wanted: str) -> str:
        """The button's text in the first of these languages that it has, or else in any."""
        if isinstance(self.name, str):
            return self.name
        tags = (tag for one in wanted for tag in lookup(one) if tag in self.name)
        return self.name[next(tags, min(self.name))]


class Meta(StrictModel):
    """The `meta.json` of a shipped folder: all of a template except its sources."""

    title: Annotated[Line, Field(max_length=100, description="how managers call it; without one, by its key")] = ""
    category: str = shaped(
        r"^[a-z][a-z0-9_-]{0,31}$", Phrase("expected small Latin letters, digits, _ and -, a letter first")
    )
    channels: tuple[str, ...] = Field(min_length=1)
    extra_channels: tuple[str, ...] = ()  # it is written for these too, and goes there only when a caller names them
    default_locale: Locale
    # None: nothing is declared and any context goes; {}: the letter takes no context at all.
    variables: Mapping[str, Variable] | None = None
    # A default that is an instance would be made, and its model built, at every cold start.
    sample: Sample = Field(
        default_factory=Sample, json_schema_extra={"default": {"context": {}, "user": {}, "service": {}}}
    )
    action: Action | None = None
    nothing_without: Annotated[
        tuple[Annotated[str, shaped(_PATH, _A_PATH)], ...],
        Field(
            max_length=10,
            description="variables (`films`, `statistics.films`, `user.attributes.city`) without which the letter has "
            "nothing to say: where one is absent, empty (a list of empty things too) or 0, it is not sent",
        ),
    ] = ()

    @model_validator(mode="after")
    def _what_it_speaks_of_is_declared(self) -> Self:
        known = {"user", *(self.variables or {})}
        for path in self.nothing_without:
            if self.variables is not None and path.partition(".")[0] not in known:
                raise ValueError(Phrase("nothing_without: `{path}` is not a declared variable", path=path))
        return self

    @model_validator(mode="after")
    def _the_address_of_its_action_is_known(self) -> Self:
        if self.action is not None and self.variables is not None:
            known = {"service", "site", *self.variables}
            if self.action.url.partition(".")[0] not in known:
                raise ValueError(Phrase("action.url: `{path}` is not a declared variable", path=self.action.url))
        return self

    @model_validator(mode="after")
    def _variables_have_names_of_their_own(self) -> Self:
        for name in self.variables or {}:
            if name in SERVICE_NAMES:
                raise ValueError(Phrase("the variable `{name}` would hide the service's own name", name=name))
        return self


def read_version(text: str) -> AskedVersion:
    """The version in a text. Raises: ValueError."""
    if text.isascii() and text.isdecimal():
        return int(text)
    if re.fullmatch(_SHIPPED, text):
        return text
    raise ValueError(Phrase("expected a number or a name such as shipped-0123456789ab: {text}", text=text))


class Template(Meta):
    """One version of a template. Source names are `<channel>.<part>` (`email.html`), or the channel alone for the one
    text of a channel that has no other part (`sms`)."""

    key: str = shaped(_KEY, Phrase("expected small Latin letters, digits and hyphens, a letter first"))
    version: Version = Field(description="the number of a stored version, or the name of one that came with the code")
    hides: ShippedName | None = Field(
        default=None, description="of a stored version: the shipped one that it was stored over"
    )
    locales: Mapping[Locale, Mapping[str, Source]] = Field(min_length=1)
    # What e-mails made of blocks were compiled from (`documents/letter_blocks.py`); workers read the sources.
    documents: Mapping[Locale, JsonMapping] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _default_locale_exists_and_sources_are_small(self) -> Self:
        if self.default_locale not in self.locales:
            raise ValueError(Phrase("the default locale `{locale}` has no sources", locale=self.default_locale))
        for locale, sources in self.locales.items():
            for name, source in sources.items():
                if len(source.encode()) > MAX_SOURCE_BYTES:
                    raise ValueError(
                        Phrase("{locale}/{part} is over {size} bytes", locale=locale, part=name, size=MAX_SOURCE_BYTES)
                    )
        return self

    @property
    def fields(self) -> dict[str, Any]:
        """What `seen` is compared with: all that was written, whatever its number."""
        return self.model_dump(mode="json", include={*Meta.model_fields, "locales", "documents"})

    def hides_other_than(self, shipped: "Template | None") -> bool:
        """For the newest version: whether it was stored over another one than this, so that nobody has compared the
        two."""
        return isinstance(self.version, int) and shipped is not None and self.hides != shipped.version

    @property
    def written_for(self) -> tuple[str, ...]:
        """Every channel that it has parts for."""
        return (*self.channels, *self.extra_channels)

    def choose_locale(self, *wanted: str | None, among: Collection[str] | None = None) -> str:
        """The locale to write in (`among` these alone): exactly the first wanted one, its script, its language, then
        those of the next; finally the template's default."""
        asked = [name for one in wanted if one for name in lookup(one)]
        known = self.locales if among is None else among
        return next((one for one in asked if one in known), self.default_locale)

    def sources_of(self, channel: str, locale: str) -> Iterator[tuple[str, str]]:
        """The (part, source) pairs of a channel in one locale."""
        for name, source in self.locales[locale].items():
            owner, _, part = name.partition(".")
            if owner == channel:
                yield part or "text", source
