"""`GET /v1/why`: why somebody did not get a letter."""

from datetime import date
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import Field

from chalicelib.api.answers import IN_PLACE, ApiAnswer
from chalicelib.api.checked_call import Call
from chalicelib.api.notifications import reads
from chalicelib.locales import preferred
from chalicelib.rendering.localized_format import long_date
from chalicelib.schemas import StrictModel
from chalicelib.services.why import Said, WhyLetter
from chalicelib.services.why_advice import ADVICE, Todo, sentence
from chalicelib.stage.app import stage
from chalicelib.text import Line
from chalicelib.translation import translated

_SPOKEN = ("en", "ru")


class WhyQuery(StrictModel):
    """Who or what is meant, and of which campaign."""

    q: Annotated[
        Line,
        Field(
            min_length=1,
            max_length=256,
            examples=["anna@example.com"],
            description="the id of a notification or a user, an address, a phone number, a full name",
        ),
    ]
    campaign: Annotated[str | None, Field(max_length=64, description="only its letter")] = None


class WhyLetterAnswer(ApiAnswer):
    """One letter: what became of it, why, since when, and what to do."""

    notification_id: str
    campaign_id: str | None
    title: str = Field(description="the campaign's name, or else the template")
    channel: str
    state: str = Field(description="as of the notification, or `opened`")
    reason: str | None
    since: str
    what_to_do: Annotated[Todo, IN_PLACE]
    text: str = Field(description="all of it in sentences, in the language of `Accept-Language`: en or ru")


class WhySaidAnswer(ApiAnswer):
    """What there is to say where there is no letter."""

    what_to_do: Annotated[Todo, IN_PLACE]
    text: str


class WhyAgainstAnswer(ApiAnswer):
    """What stands against letters."""

    channel: str
    category: str | None = Field(description="null: all letters")
    reason: str


class WhyFoundAnswer(ApiAnswer):
    """The newest letters first."""

    people: list[str] = Field(description="ids of the users who may be meant; of several none has letters here")
    letters: list[WhyLetterAnswer]
    said: list[WhySaidAnswer]
    against: list[WhyAgainstAnswer]
    meant: str | None = Field(description="an address that is spelled much like the one that was asked for")


@reads(
    "GET",
    "/v1/why",
    summary="Why somebody did not get a letter",
    answer=WhyFoundAnswer,
    problems={HTTPStatus.NOT_FOUND: "there is no such campaign"},
)
def explain_letters(call: Call[None, WhyQuery]) -> dict[str, Any]:
    """The last letters to somebody with a sentence each, or the one of a campaign; and what stands against more. Names
    are found as they are written in the directory."""
    asked, locale = call.query, preferred(call.headers.get("accept-language"), _SPOKEN) or "en"
    found = stage().why.of(asked.q, campaign_id=asked.campaign, sight=call.sight)
    return {
        "people": [one.id for one in found.people],
        "letters": [_letter(one, locale) for one in found.letters],
        "said": [_said(one, locale) for one in found.said],
        "against": [{"channel": one, "category": kind, "reason": reason} for one, kind, reason in found.against],
        "meant": found.meant,
    }


def _letter(one: WhyLetter, locale: str) -> dict[str, Any]:
    day = long_date(date.fromisoformat(one.made_at[:10]), locale=locale)
    said = sentence(one.title, to=one.to, day=day, outcome=one.outcome)
    parts = [said, *([one.because] if one.because else []), ADVICE[one.todo]]
    shown = {name: getattr(one, name) for name in WhyLetterAnswer.model_fields if name in WhyLetter._fields}
    return {**shown, "what_to_do": one.todo, "text": " ".join(translated(part, locale=locale) for part in parts)}


def _said(one: Said, locale: str) -> dict[str, Any]:
    text = " ".join(translated(part, locale=locale) for part in (one.text, ADVICE[one.todo]))
    return {"what_to_do": one.todo, "text": text}
