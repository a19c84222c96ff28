"""An A/B test of a campaign: what it compares, and who gets which variant.

Variants are called A to D by their order. What one does not say is the campaign's own, so that A, the control, is
usually empty.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from chalicelib.locales import Locale
from chalicelib.rendering.model import MAX_LOCALES
from chalicelib.schemas import StrictModel
from chalicelib.text import JsonObject, Line

VARIANTS = "ABCD"  # capitals: the names of their chunks in the ledger begin with them (`deliveries.Spot.variant`)
MOST_HOURS = 168
Criterion = Literal["opens", "clicks"]
Subject = Annotated[Line, Field(min_length=1, max_length=200)]


class Variant(StrictModel):
    """How one variant differs from the campaign."""

    name: Annotated[Line | None, Field(min_length=1, max_length=60, description="what is tried, for managers")] = None
    template: Annotated[
        str | None, Field(min_length=1, max_length=64, description="another one, for the same channels and languages")
    ] = None
    subject: Annotated[
        Subject | None, Field(description="of the e-mail, in the campaign's own language; default: the template's")
    ] = None
    subjects: Annotated[
        dict[Locale, Subject], Field(max_length=MAX_LOCALES, description="the same in other of its languages")
    ] = Field(default_factory=dict)
    context: Annotated[JsonObject, Field(description="values that replace those of the campaign")] = Field(
        default_factory=dict
    )
    translations: Annotated[
        dict[Locale, JsonObject], Field(max_length=MAX_LOCALES, description="the same in other languages")
    ] = Field(default_factory=dict)
    send_after_minutes: Annotated[int, Field(ge=0, le=60 * MOST_HOURS, description="after the time of the run")] = 0


class Experiment(StrictModel):
    """Variants on a share of the audience; the rest gets the one that wins."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "share_percent": 20,
                    "winner_by": "clicks",
                    "decide_after_hours": 4,
                    "variants": [{}, {"name": "a question", "subject": "Popcorn or nachos tonight?"}],
                }
            ]
        },
    )

    share_percent: Annotated[int, Field(ge=1, le=100, description="of the audience, all variants together")] = 20
    winner_by: Annotated[
        Literal["opens", "clicks", "hand"],
        Field(description="people's opens or clicks alone, of the letters that were not returned; or chosen by hand"),
    ] = "clicks"
    decide_after_hours: Annotated[
        int, Field(ge=1, le=MOST_HOURS, description="after the last variant has gone out; nothing for `hand`")
    ] = 4
    variants: Annotated[tuple[Variant, ...], Field(min_length=2, max_length=len(VARIANTS))]

    @property
    def names(self) -> str:
        """Those of its variants, in order."""
        return VARIANTS[: len(self.variants)]

    @property
    def waits(self) -> timedelta:
        """From the time of the run until its decision, at least."""
        return self.last_after + timedelta(hours=self.decide_after_hours)

    @property
    def last_after(self) -> timedelta:
        """When the last variant goes out, after the time of the run."""
        return timedelta(minutes=max(one.send_after_minutes for one in self.variants))

    @property
    def tries_times(self) -> bool:
        """Whether variants go out at different times."""
        return len({one.send_after_minutes for one in self.variants}) > 1

    def variant(self, name: str) -> Variant:
        """By its letter."""
        return self.variants[VARIANTS.index(name)]

    def moment(self, name: str, scheduled: datetime) -> datetime:
        """When a variant of a run goes out."""
        return scheduled + timedelta(minutes=self.variant(name).send_after_minutes)

    def assigned(self, notification_id: str) -> str | None:
        """The variant of one recipient of a run; None: of the rest. The id is made of run and recipient, so the same
        person gets the same one, however often a crash repeats the planning, in whatever shard and order."""
        digest = hashlib.sha256(f"variant\n{notification_id}".encode()).digest()
        place = int.from_bytes(digest[:8], "big") % (100 * len(self.variants))
        which = place // self.share_percent
        return self.names[which] if which < len(self.variants) else None


class WinnerDecision(StrictModel):
    """Which variant the rest of a run gets, written once. `by` is a manager or key, or the service itself; `judged_by`
    is what the numbers were compared by, `sure` whether the difference is hardly chance; `reached` and `acted` are the
    numbers it was taken on: letters that were not returned, and how many of them were opened or clicked."""

    winner: str
    at: str
    by: str
    rest_at: str
    judged_by: Criterion
    sure: bool = False
    reached: dict[str, int] = Field(default_factory=dict)
    acted: dict[str, int] = Field(default_factory=dict)
