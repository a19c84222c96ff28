"""What a campaign is: the body of `POST /v1/campaigns`, checked field by field.

A field with an `Asked` is on the managers' pages: the form, the campaign's page, its PATCH and the API's answer follow;
its labels are `fields.<name>`, and `campaigns.hints.<name>` or `campaigns.choices.<name>`, in `templates/admin/words/`.
"""

from collections.abc import Mapping
from datetime import datetime
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Self, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    create_model,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo

from chalicelib.campaigns.audience_rules import Rule
from chalicelib.campaigns.content_source import Content
from chalicelib.campaigns.schedule import BEST_HOUR, RECIPIENT, Misfire, Schedule
from chalicelib.clock import Moment
from chalicelib.errors import Phrase
from chalicelib.locales import Locale
from chalicelib.profiles.model import Name, normal_timezone
from chalicelib.schemas import StrictModel, recalled
from chalicelib.storage.campaign_head import CampaignHead, CampaignVersion
from chalicelib.storage.runs import Run
from chalicelib.text import JsonObject, Line, one_line

MIN_RATE = 0.001  # a letter in 17 minutes; DynamoDB takes no number under 1e-130
MAX_RATE = 10_000.0
TemplateKey = Annotated[str, Field(min_length=1, max_length=64, description="key of a template")]
Channels = Annotated[tuple[str, ...], Field(min_length=1, max_length=10)]
Rate = Annotated[float, Field(ge=MIN_RATE, le=MAX_RATE, allow_inf_nan=False)]


class Asked(NamedTuple):
    """One field of the form, in one of its cards. `on_page`: shown among the facts on the campaign's page; `in_list`:
    under its name in the list of campaigns."""

    kind: Literal["number", "text", "flag", "choice"]
    card: Literal["letter", "when", "schedule", "pace"]
    on_page: bool = False
    in_list: bool = False


def asked_of(model: type[BaseModel]) -> Mapping[str, Asked]:
    """The fields with an `Asked`, in the order of declaration."""
    return {name: one for name, field in model.model_fields.items() for one in field.metadata if isinstance(one, Asked)}


def changes_of(model: type[BaseModel]) -> dict[str, Any]:
    """The fields of a change, for `create_model`: each may be left out, or null for its default."""
    return {name: (_constrained(field) | None, None) for name, field in model.model_fields.items()}


def answers_of(model: type[BaseModel]) -> dict[str, Any]:
    """The fields of an answer, for `create_model`: their types in JSON."""
    return {name: (_in_json(field.annotation), ...) for name, field in model.model_fields.items()}


def _constrained(field: FieldInfo) -> Any:
    rules = [one for one in field.metadata if not isinstance(one, Asked)]
    told = Field(description=field.description, examples=field.examples)
    return Annotated[(_without_none(field.annotation), *rules, told)]


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, UnionType):
        return Union[tuple(one for one in get_args(annotation) if one is not NoneType)]  # noqa: UP007 (of a tuple)
    return annotation


def _in_json(annotation: Any) -> Any:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _in_json(inner[0])
    if origin in (Union, UnionType):
        return Union[tuple(_in_json(one) for one in inner)]  # noqa: UP007 (likewise)
    if origin is Literal or annotation in (datetime, AwareDatetime):
        return str
    if origin is tuple:
        return list[_in_json(inner[0])]  # type: ignore[misc]
    if origin is not None or (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return dict[str, Any]
    return annotation


class Audience(StrictModel):
    """Everyone, the users who match a rule, or the recipients on an uploaded list; without the recipients of other
    campaigns."""

    everyone: Literal[True] | None = None
    rule: Rule | None = None
    list_id: Annotated[str | None, Field(min_length=1, max_length=64)] = None
    exclude_campaigns: Annotated[
        tuple[str, ...], Field(max_length=10, description="ids of campaigns whose recipients get nothing")
    ] = ()

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [one for one in (self.everyone, self.rule, self.list_id) if one is not None]
        if len(given) != 1:
            raise ValueError(Phrase("expected exactly one of: everyone, rule, list_id"))
        return self


def _zone(value: str) -> str:
    if one_line(value).lower() == RECIPIENT:
        return RECIPIENT
    try:
        return normal_timezone(value)
    except ValueError as error:
        raise ValueError(Phrase("expected an IANA time zone such as Europe/Moscow, or {own}", own=RECIPIENT)) from error


Zone = Annotated[str, Field(max_length=64), AfterValidator(_zone)]


class Campaign(StrictModel):
    """A mailing to an audience: when it is started, at `start_at`, or by `schedule`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Half price in November",
                    "template": "promo",
                    "audience": {"rule": {"attribute": "locale", "op": "equals", "value": "en"}},
                    "context": {"headline": "Tonight", "text": "Half price", "url": "https://cinema.example/p"},
                    "rate_per_second": 50,
                }
            ]
        },
    )

    name: Name
    note: Annotated[
        Line | None,
        Field(
            min_length=1,
            max_length=500,
            description="what this mailing is for, for other managers; readers never see it",
        ),
        Asked("text", "letter", on_page=True, in_list=True),
    ] = None
    template: TemplateKey
    category: Annotated[str | None, Field(description="default: the template's")] = None
    channels: Annotated[Channels | None, Field(description="default: the template's")] = None
    audience: Audience
    context: Annotated[JsonObject, Field(description="the template's variables")] = Field(default_factory=dict)
    content: Content | None = None
    rate_per_second: Annotated[
        Rate, Field(description="letters a second, the campaign's own limit"), Asked("number", "pace", on_page=True)
    ] = 50.0
    publish_per_second: Annotated[
        Rate, Field(description="the most messages a second that its fan-out writes; a message holds up to 50 letters")
    ] = 100.0
    start_at: Annotated[Moment | None, Field(description="default: when it is started")] = None
    schedule: Annotated[Schedule | None, Field(description="periodic, from `start_at` on if that is given")] = None
    misfire: Annotated[
        Misfire,
        Field(description="after a standstill: one run for all that were missed, none, or all of them"),
        Asked("choice", "schedule"),
    ] = "latest"
    timezone: Annotated[
        Zone | None, Field(description=f"of the schedule; `{RECIPIENT}`: at each recipient's own local time")
    ] = None
    best_hour: Annotated[
        StrictBool,
        Field(
            description=f"each recipient gets it at the hour (0 to 23, local) in their attribute `{BEST_HOUR}`, "
            "within a day; who has none gets it at the campaign's time"
        ),
        Asked("flag", "when"),
    ] = False
    expires_after_hours: Annotated[
        int | None,
        Field(ge=1, le=720, description="after the start of a run; letters that wait longer are skipped"),
        Asked("number", "when"),
    ] = None
    locale: Annotated[
        Locale | None,
        Field(description="for recipients whose language is unknown or missing in the template"),
        Asked("text", "when"),
    ] = None
    canary_percent: Annotated[
        int | None,
        Field(ge=1, le=99, description="these get it first; the rest is held back until released"),
        Asked("number", "pace", on_page=True),
    ] = None

    @property
    def paces(self) -> tuple[float, float]:
        """Letters and messages a second."""
        return self.rate_per_second, self.publish_per_second


def spec_of(stored: CampaignHead | CampaignVersion | Run) -> Campaign:
    """The stored campaign. Raises: pydantic's ValidationError if a newer release asks for more than this one knows."""
    return Campaign.model_validate(stored.spec)


def shown_spec(stored: CampaignHead | CampaignVersion) -> Campaign:
    """The same for display only, without what this release does not know."""
    return recalled(Campaign, stored.spec)


ASKED = asked_of(Campaign)


if TYPE_CHECKING:
    _Changes = StrictModel
else:
    _Changes = create_model("_Changes", __base__=StrictModel, **changes_of(Campaign))


class CampaignPatch(_Changes):
    """A change: given fields are set, null restores the default if there is one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"rate_per_second": 20, "canary_percent": 5}]})

    if TYPE_CHECKING:

        def __init__(self, **given: Any) -> None: ...

    @field_validator("name", "template", "audience")
    @classmethod
    def _there_is_no_default(cls, value: object) -> object:
        if value is None:
            raise ValueError(Phrase("expected a value: there is no default"))
        return value
