"""What a campaign is: the body of `POST /v1/campaigns`, checked field by field.

A field with an `Asked` is on the managers' pages: the form, the campaign's page, its PATCH and the API's answer follow;
its labels are `fields.<name>`, and `campaigns.hints.<name>` or `campaigns.choices.<name>`, in `templates/admin/words/`.
"""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    StrictBool,
    create_model,
    field_validator,
)

from chalicelib.attachments import CampaignAttachments
from chalicelib.campaigns.audience import Audience
from chalicelib.campaigns.content_source import Content
from chalicelib.campaigns.experiment import Experiment
from chalicelib.campaigns.fields import Asked, asked_of, changes_of
from chalicelib.campaigns.schedule import BEST_HOUR, RECIPIENT, Misfire, Schedule
from chalicelib.clock import Moment
from chalicelib.configuration.setting_shapes import UtmTemplate
from chalicelib.errors import Phrase
from chalicelib.locales import Locale
from chalicelib.pipeline.letter_parts import Untranslated
from chalicelib.profiles.model import Name, normal_timezone
from chalicelib.rendering.model import MAX_LOCALES
from chalicelib.schemas import StrictModel, recalled
from chalicelib.storage.campaign_head import CampaignHead, CampaignVersion
from chalicelib.storage.runs import Run
from chalicelib.text import JsonObject, Line, one_line

MIN_RATE = 0.001  # a letter in 17 minutes; DynamoDB takes no number under 1e-130
MAX_RATE = 10_000.0
TemplateKey = Annotated[str, Field(min_length=1, max_length=64, description="key of a template")]
Channels = Annotated[tuple[str, ...], Field(min_length=1, max_length=10)]
Rate = Annotated[float, Field(ge=MIN_RATE, le=MAX_RATE, allow_inf_nan=False)]


def _zone(value: str) -> str:
    if one_line(value).lower() == RECIPIENT:
        return RECIPIENT
    try:
        return normal_timezone(value)
    except ValueError as error:
        raise ValueError(Phrase("expected an IANA time zone such as Europe/Moscow, or {own}", own=RECIPIENT)) from error


Zone = Annotated[str, Field(max_length=64), AfterValidator(_zone)]
_Utm = Annotated[
    UtmTemplate | None,
    Field(min_length=1, description="instead of the setting's; may hold {campaign}, {template}, {channel}, {date}"),
    Asked("text", "links"),
]


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
                    "locale": "en",
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
        Asked("text", "letter", on_page=True),
    ] = None
    template: TemplateKey
    category: Annotated[str | None, Field(description="default: the template's")] = None
    channels: Annotated[Channels | None, Field(description="default: the template's")] = None
    audience: Audience
    context: Annotated[JsonObject, Field(description="the template's variables")] = Field(default_factory=dict)
    translations: Annotated[
        dict[Locale, JsonObject],
        Field(
            max_length=MAX_LOCALES,
            description="values of the template's variables in other of its languages than that of `context`, which "
            "they are laid over: `{locale: {variable: value}}`",
            examples=[{"ru": {"headline": "Сегодня", "text": "За полцены"}}],
        ),
    ] = Field(default_factory=dict)
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
    attachments: CampaignAttachments = ()
    locale: Annotated[
        Locale | None,
        Field(
            description="that of `context`, and for recipients whose language is unknown or missing in the template; "
            "default: the template's"
        ),
        Asked("text", "languages"),
    ] = None
    untranslated: Annotated[
        Untranslated | None,
        Field(
            description="recipients in whose language not all texts are: `default` writes to them in the campaign's "
            "own, `skip` leaves them out (`no_translation`); null: a template in their language gets the `context` as "
            "it is"
        ),
        Asked("choice", "languages", on_page=True),
    ] = None
    track_clicks: Annotated[
        StrictBool,
        Field(description="links in its e-mails lead through links of ours, which count, where the stage counts them"),
        Asked("flag", "links"),
    ] = True
    utm: Annotated[
        StrictBool,
        Field(description="links to the cinema's own pages carry UTM tags, if the setting `letter_links` has a source"),
        Asked("flag", "links"),
    ] = True
    utm_source: _Utm = None
    utm_medium: _Utm = None
    utm_campaign: _Utm = None
    canary_percent: Annotated[
        int | None,
        Field(ge=1, le=99, description="these get it first; the rest is held back until released"),
        Asked("number", "pace", on_page=True),
    ] = None
    experiment: Annotated[
        Experiment | None,
        Field(description="an A/B test: variants on a share of the audience; the rest is held for the one that wins"),
    ] = None

    @property
    def utm_templates(self) -> dict[str, str] | None:
        """Those that it has instead of the setting's; None: its links carry no tags."""
        if not self.utm:
            return None
        own = {name: getattr(self, name) for name in ("utm_source", "utm_medium", "utm_campaign")}
        return {name: text for name, text in own.items() if text is not None}

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
