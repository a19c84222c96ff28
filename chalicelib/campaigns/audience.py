"""Whom a campaign is for: who is in its audience, and who of them is left out."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from chalicelib.campaigns.audience_rules import Rule
from chalicelib.errors import Phrase
from chalicelib.schemas import StrictModel

MAX_LISTS = 10
MAX_SEGMENTS = 5  # with those left out: a run and an approval hold the rules of all
_Id = Annotated[str, Field(min_length=1, max_length=64)]
_Lists = Annotated[tuple[_Id, ...], Field(max_length=MAX_LISTS)]
_Segments = Annotated[tuple[_Id, ...], Field(max_length=MAX_SEGMENTS)]


class Audience(StrictModel):
    """Everyone, the users who match a rule, or whoever is in one of some segments or on one of some lists; without
    those who are in others, and without the recipients of other campaigns."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"rule": {"attribute": "locale", "op": "equals", "value": "en"}}]}
    )

    everyone: Literal[True] | None = None
    rule: Rule | None = None
    segments: Annotated[_Segments, Field(description="ids of segments; whoever is in one of them, or on a list")] = ()
    list_id: Annotated[str | None, Field(min_length=1, max_length=64, description="`lists` of one")] = None
    lists: Annotated[
        _Lists, Field(description="ids of uploaded lists; whoever is on one of them, or in a segment")
    ] = ()
    exclude_segments: Annotated[_Segments, Field(description="ids of segments whose people get nothing")] = ()
    exclude_lists: Annotated[_Lists, Field(description="ids of lists whose people get nothing")] = ()
    exclude_campaigns: Annotated[
        tuple[str, ...], Field(max_length=10, description="ids of campaigns whose recipients get nothing")
    ] = ()

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = (self.everyone, self.rule, self.segments or self.joined_lists or None)
        if sum(one is not None for one in given) != 1:
            raise ValueError(Phrase("expected exactly one of: everyone, rule, or segments and lists"))
        if len(self.all_segments) > MAX_SEGMENTS:
            raise ValueError(Phrase("expected at most {most} segments", most=MAX_SEGMENTS))
        if len(self.all_lists) > MAX_LISTS:
            raise ValueError(Phrase("expected at most {most} lists", most=MAX_LISTS))
        return self

    @property
    def joined_lists(self) -> Sequence[str]:
        """The lists whose people are in it, each once."""
        return list(dict.fromkeys([*([self.list_id] if self.list_id else []), *self.lists]))

    @property
    def all_lists(self) -> Sequence[str]:
        """Those that are left out too."""
        return list(dict.fromkeys([*self.joined_lists, *self.exclude_lists]))

    @property
    def all_segments(self) -> Sequence[str]:
        """Those that are joined and those that are left out."""
        return list(dict.fromkeys([*self.segments, *self.exclude_segments]))

    @property
    def is_of_users(self) -> bool:
        """Whether the directory is walked at all."""
        return self.everyone is not None or self.rule is not None or bool(self.segments)
