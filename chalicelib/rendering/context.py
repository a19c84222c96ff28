"""Checks a caller's context against the variables that a template declares."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import MAXYEAR, MINYEAR, date, datetime
from functools import lru_cache
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    JsonValue,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    TypeAdapter,
    ValidationError,
    create_model,
)

from chalicelib.errors import FieldError, InvalidError, Phrase
from chalicelib.rendering.json_value import check_plain
from chalicelib.rendering.model import Template, Variable, VariableType

_HTTP = TypeAdapter(HttpUrl, config=ConfigDict(defer_build=True))
# What every reader of URLs reads alike. Browsers also repair `https:/host`, a line break inside, `\` for `/`; our own
# short links and mail programs, which find links in plain text, do not.
_WRITTEN_OUT = re.compile(r"https?://[^\s/\\?#]+(?:[/?#][^\t\n]*)?", re.IGNORECASE)


def check_context(template: Template, context: Mapping[str, JsonValue]) -> None:
    """Raises: InvalidError (permanent) with paths such as `context.films[0].title`; TooLargeError (permanent) over
    128 KB of JSON or 10 levels. A template that declares no variables at all takes any context."""
    check_plain(context)
    if template.variables is None:
        return
    known = ", ".join(sorted(template.variables)) or Phrase("none")
    unknown = [
        FieldError(
            f"context.{name}",
            Phrase("the template `{key}` has no such variable; it has: {known}", key=template.key, known=known),
        )
        for name in context
        if name not in template.variables
    ]
    errors = [*unknown, *_type_errors(template, context)]
    if errors:
        raise InvalidError(errors[0].said, errors)


def _type_errors(template: Template, context: Mapping[str, JsonValue]) -> list[FieldError]:
    declared = json.dumps(template.model_dump(mode="json", include={"variables"}), sort_keys=True)
    try:
        _model_of(declared).model_validate(dict(context))
    except ValidationError as error:
        from chalicelib.validation import path_of, said_of  # here: a letter under way was checked when it was accepted

        return [FieldError(path_of(("context", *one["loc"])), said_of(one)) for one in error.errors(include_url=False)]
    return []


class _Declaration(BaseModel):
    model_config = ConfigDict(defer_build=True)

    variables: dict[str, Variable]


@lru_cache(maxsize=256)
def _model_of(declared: str) -> type[BaseModel]:
    """The pydantic model of a declaration, keyed by its JSON: versions that declare the same share it."""
    return _object_model(_Declaration.model_validate_json(declared).variables)


def _object_model(variables: Mapping[str, Variable]) -> type[BaseModel]:
    # Aliases carry the declared names, so that none can clash with pydantic's own attributes (`copy`, `json`).
    fields: dict[str, Any] = {}
    for index, (name, variable) in enumerate(variables.items()):
        kind = _TYPES[variable.type](variable)
        annotation = kind if variable.required else kind | None
        default = ... if variable.required else None
        fields[f"field_{index}"] = (annotation, Field(default, alias=name))
    return create_model("Context", __config__=ConfigDict(extra="ignore", defer_build=True), **fields)


def http_url(text: str) -> str:
    """An absolute http or https address, as it is. Raises: ValueError with a Phrase (permanent)."""
    try:
        if not _WRITTEN_OUT.fullmatch(text):
            raise ValueError
        _HTTP.validate_python(text)
    except ValueError:  # pydantic's is one
        raise ValueError(Phrase("an absolute http or https address is expected")) from None
    return text


def _date_text(text: str) -> str:
    try:
        day = datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
        if day.year in (MINYEAR, MAXYEAR):  # in some time zone it has no valid year
            raise ValueError
    except ValueError:
        raise ValueError(Phrase("a date is expected: 2026-11-22 or 2026-11-22T18:00:00+03:00")) from None
    return text


def _no_boolean(value: object) -> object:
    # In Python True is the number 1; in a letter that would be a mistake.
    if isinstance(value, bool):
        raise ValueError(Phrase("a number is expected"))
    return value


def _list_of(variable: Variable) -> Any:
    return list[_object_model(variable.fields)] if variable.fields else list[Any]  # type: ignore[misc]


def _object_of(variable: Variable) -> Any:
    return _object_model(variable.fields) if variable.fields else dict[str, Any]


_TYPES: Mapping[VariableType, Callable[[Variable], Any]] = {
    VariableType.STRING: lambda _: StrictStr,
    VariableType.INTEGER: lambda _: StrictInt,
    VariableType.NUMBER: lambda _: Annotated[StrictInt | StrictFloat, BeforeValidator(_no_boolean)],
    VariableType.BOOLEAN: lambda _: StrictBool,
    VariableType.URL: lambda _: Annotated[StrictStr, AfterValidator(http_url)],
    VariableType.DATE: lambda _: Annotated[StrictStr, AfterValidator(_date_text)],
    VariableType.LIST: _list_of,
    VariableType.OBJECT: _object_of,
}
