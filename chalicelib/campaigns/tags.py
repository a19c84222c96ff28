"""Tags of campaigns: words of the managers' own, by which campaigns are found. They say nothing to readers, so that a
change of them needs no approval and makes no version."""

from collections.abc import Sequence
from typing import Annotated
from unicodedata import normalize

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError

from chalicelib.errors import InvalidError, Phrase
from chalicelib.text import Line

MOST_TAGS, LONGEST_TAG = 10, 40
Tag = Annotated[Line, Field(min_length=1, max_length=LONGEST_TAG)]


def folded(text: str) -> str:
    """Texts that differ only in letters' case, or in how an accent is typed, are the same."""
    return normalize("NFC", normalize("NFC", text).casefold())


def distinct(tags: Sequence[str]) -> tuple[str, ...]:
    """Each tag once, as it was spelled first. Raises: ValueError: there are too many."""
    kept = tuple({folded(one): one for one in reversed(tags)}.values())[::-1]
    if len(kept) > MOST_TAGS:
        raise ValueError(Phrase("expected at most {most} tags", most=MOST_TAGS))
    return kept


# Of a request: more than a campaign may have, as the same may be given twice.
Tags = Annotated[tuple[Tag, ...], Field(max_length=5 * MOST_TAGS), AfterValidator(distinct)]
_TYPED: TypeAdapter[tuple[str, ...]] = TypeAdapter(Tags, config=ConfigDict(defer_build=True))


def read_tags(typed: str) -> tuple[str, ...]:
    """Tags as they are typed into one line, with commas. Raises: InvalidError (permanent; names the field)."""
    try:
        return _TYPED.validate_python([one for one in typed.split(",") if one.strip()])
    except ValidationError as error:
        raise InvalidError.of(
            "tags",
            Phrase("expected at most {most} tags of up to {longest} characters", most=MOST_TAGS, longest=LONGEST_TAG),
        ) from error
