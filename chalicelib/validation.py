"""pydantic's findings as our errors: with paths such as `recipients[3].email`, and translatable phrases. A mistake is
recognised by its type, never by pydantic's text."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.errors import FieldError, InvalidError, Phrase, phrase_of
from chalicelib.text import EXPECTED

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_Context = Mapping[str, Any]


def invalid(error: "ValidationError") -> InvalidError:
    """Our error for pydantic's, for a request."""
    fields = mistakes_in(error)
    names = ", ".join(dict.fromkeys(one.field for one in fields))
    return InvalidError(Phrase("the request is not as expected: {names}", names=names), fields)


def mistakes_in(error: "ValidationError", *, whole: str = "body") -> list[FieldError]:
    """Each mistake by its path; `whole` is the path of the value as a whole."""
    found = error.errors(include_url=False, include_input=False)
    inside = {one["loc"][:n] for one in found for n in range(len(one["loc"]))}
    return [
        FieldError(path_of(one["loc"]) or whole, said_of(one))
        for one in found
        # pydantic does not count the items of a tuple that it has named bad
        if not (one["type"] == "too_short" and one["loc"] in inside)
    ]


def path_of(location: Iterable[int | str]) -> str:
    """`films[0].title`"""
    return "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in location).removeprefix(".")


def said_of(mistake: "ErrorDetails") -> Phrase:
    """One mistake in words."""
    context = mistake.get("ctx", {})
    if mistake["type"] in ("value_error", "assertion_error"):
        return phrase_of(context["error"])
    phrase = PHRASES.get(mistake["type"])
    return phrase(context) if phrase else Phrase("{why}", why=mistake["msg"])


def _one_of(context: _Context) -> Phrase:
    most, _, last = str(context["expected"]).rpartition(" or ")
    known = Phrase("{one} or {other}", one=most, other=last) if most else last
    return Phrase("Input should be {known}", known=known)


def _too_short(context: _Context) -> Phrase:
    if context["field_type"] == "Value":  # a text in normal form, whose length is looked at afterwards
        return PHRASES["string_too_short"](context)
    return Phrase.counted(
        "{kind} should have at least {n} item after validation, not {found}",
        "{kind} should have at least {n} items after validation, not {found}",
        n=context["min_length"],
        kind=context["field_type"],
        found=context["actual_length"],
    )


def _too_long(context: _Context) -> Phrase:
    if context["field_type"] == "Value":
        return PHRASES["string_too_long"](context)
    return Phrase.counted(
        "{kind} should have at most {n} item after validation, not {found}",
        "{kind} should have at most {n} items after validation, not {found}",
        n=context["max_length"],
        kind=context["field_type"],
        found=context["actual_length"],
    )


# By pydantic's type of a mistake: what it says about one in its own words.
PHRASES: Mapping[str, Callable[[_Context], Phrase]] = {
    "missing": lambda _: Phrase("Field required"),
    "extra_forbidden": lambda _: Phrase("Extra inputs are not permitted"),
    "invalid_key": lambda _: Phrase("Keys should be strings"),
    "json_invalid": lambda c: Phrase("Invalid JSON: {why}", why=c["error"]),
    "model_type": lambda c: Phrase("Input should be a valid dictionary or instance of {kind}", kind=c["class_name"]),
    "model_attributes_type": lambda _: Phrase("Input should be a valid dictionary or object to extract fields from"),
    "none_required": lambda _: Phrase("Input should be None"),
    "greater_than": lambda c: Phrase("Input should be greater than {least}", least=c["gt"]),
    "greater_than_equal": lambda c: Phrase("Input should be greater than or equal to {least}", least=c["ge"]),
    "less_than": lambda c: Phrase("Input should be less than {most}", most=c["lt"]),
    "less_than_equal": lambda c: Phrase("Input should be less than or equal to {most}", most=c["le"]),
    "multiple_of": lambda c: Phrase("Input should be a multiple of {step}", step=c["multiple_of"]),
    "finite_number": lambda _: Phrase("Input should be a finite number"),
    "too_short": _too_short,
    "too_long": _too_long,
    "string_type": lambda _: Phrase("Input should be a valid string"),
    "string_sub_type": lambda _: Phrase("Input should be a string, not an instance of a subclass of str"),
    "string_unicode": lambda _: Phrase("Input should be a valid string, unable to parse raw data as a unicode string"),
    "string_too_short": lambda c: Phrase.counted(
        "String should have at least {n} character", "String should have at least {n} characters", n=c["min_length"]
    ),
    "string_too_long": lambda c: Phrase.counted(
        "String should have at most {n} character", "String should have at most {n} characters", n=c["max_length"]
    ),
    "string_pattern_mismatch": lambda c: (
        EXPECTED.get(c["pattern"]) or Phrase("String should match pattern '{pattern}'", pattern=c["pattern"])
    ),
    "enum": _one_of,
    "literal_error": _one_of,
    "dict_type": lambda _: Phrase("Input should be a valid dictionary"),
    "list_type": lambda _: Phrase("Input should be a valid list"),
    "tuple_type": lambda _: Phrase("Input should be a valid tuple"),
    "set_type": lambda _: Phrase("Input should be a valid set"),
    "frozen_set_type": lambda _: Phrase("Input should be a valid frozenset"),
    "set_item_not_hashable": lambda _: Phrase("Set items should be hashable"),
    "bool_type": lambda _: Phrase("Input should be a valid boolean"),
    "bool_parsing": lambda _: Phrase("Input should be a valid boolean, unable to interpret input"),
    "int_type": lambda _: Phrase("Input should be a valid integer"),
    "int_parsing": lambda _: Phrase("Input should be a valid integer, unable to parse string as an integer"),
    "int_parsing_size": lambda _: Phrase("Unable to parse input string as an integer, exceeded maximum size"),
    "int_from_float": lambda _: Phrase("Input should be a valid integer, got a number with a fractional part"),
    "float_type": lambda _: Phrase("Input should be a valid number"),
    "float_parsing": lambda _: Phrase("Input should be a valid number, unable to parse string as a number"),
    "datetime_type": lambda _: Phrase("Input should be a valid datetime"),
    "datetime_parsing": lambda c: Phrase("Input should be a valid datetime, {why}", why=c["error"]),
    "datetime_from_date_parsing": lambda c: Phrase("Input should be a valid datetime or date, {why}", why=c["error"]),
    "datetime_object_invalid": lambda c: Phrase("Invalid datetime object, got {why}", why=c["error"]),
    "date_type": lambda _: Phrase("Input should be a valid date"),
    "date_parsing": lambda c: Phrase("Input should be a valid date in the format YYYY-MM-DD, {why}", why=c["error"]),
    "date_from_datetime_parsing": lambda c: Phrase("Input should be a valid date or datetime, {why}", why=c["error"]),
    "date_from_datetime_inexact": lambda _: Phrase(
        "Datetimes provided to dates should have zero time - e.g. be exact dates"
    ),
    "time_type": lambda _: Phrase("Input should be a valid time"),
    "time_parsing": lambda c: Phrase("Input should be in a valid time format, {why}", why=c["error"]),
    "timezone_aware": lambda _: Phrase("Input should have timezone info"),
    "url_type": lambda _: Phrase("URL input should be a string or URL"),
    "url_parsing": lambda c: Phrase("Input should be a valid URL, {why}", why=c["error"]),
    "url_too_long": lambda c: Phrase.counted(
        "URL should have at most {n} character", "URL should have at most {n} characters", n=c["max_length"]
    ),
    "url_scheme": lambda c: Phrase("URL scheme should be {known}", known=c["expected_schemes"]),
    "union_tag_invalid": lambda c: Phrase(
        "Input tag '{tag}' found using {field} does not match any of the expected tags: {known}",
        tag=c["tag"],
        field=c["discriminator"],
        known=c["expected_tags"],
    ),
    "union_tag_not_found": lambda c: Phrase(
        "Unable to extract tag using discriminator {field}", field=c["discriminator"]
    ),
}
