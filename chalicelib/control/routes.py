"""Where the letters of a category go, and how many of them a user gets: the shapes of the settings `routes` and `caps`.
Managers edit them; `pipeline/routing.py` and `pipeline/caps.py` follow them.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from chalicelib.strict import StrictModel

MAX_MINUTES = 7 * 24 * 60
Mode = Literal["all", "first", "escalate"]


class CategoryRoute(StrictModel):
    """The channels of a category, in order. `all`: each of them; `first`: the first that works; `escalate`: the next
    one only if the letter was not opened within `after_minutes`. A channel that a template is not written for is left
    out."""

    channels: Annotated[tuple[str, ...], Field(min_length=1, max_length=10)]
    mode: Mode = "all"
    after_minutes: Annotated[int | None, Field(ge=1, le=MAX_MINUTES)] = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len(set(self.channels)) != len(self.channels):
            raise ValueError("expected each channel once")
        if (self.mode == "escalate") != (self.after_minutes is not None):
            raise ValueError("expected after_minutes with the mode escalate, and only with it")
        return self


class Cap(StrictModel):
    """At most so many letters of a category to one user within so many days, whatever the channel."""

    letters: Annotated[int, Field(ge=1, le=1000)]
    days: Annotated[int, Field(ge=1, le=90)]
