"""The shapes of the API's answers about campaigns and lists. Times are RFC 3339, UTC."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, create_model

from chalicelib.api.answers import IN_PLACE, ApiAnswer, ShownStatus
from chalicelib.campaigns.fields import answers_of
from chalicelib.campaigns.model import Campaign
from chalicelib.rendering.model import AskedVersion
from chalicelib.states import CampaignState, Decision, RunOutcome


class ProgressAnswer(ApiAnswer):
    """Deliveries, one per recipient and channel. targeted = skipped + queued + sent + failed + uncertain + cancelled;
    delivered, bounced and complained are parts of sent."""

    targeted: int
    skipped: dict[str, int] = Field(description="by reason")
    queued: int = Field(description="on its way, waiting or held")
    sent: int = Field(description="accepted by the provider")
    delivered: int
    opened: int = Field(description="by people")
    clicked: int = Field(description="by people")
    machine_opened: int = Field(description="by privacy proxies, scanners and other programs")
    machine_clicked: int
    bounced: int
    complained: int
    unsubscribed: int
    failed: int
    failed_reasons: dict[str, int]
    uncertain: int = Field(description="nobody knows whether it was sent; waits for a person")
    cancelled: int


WaitsFor = Annotated[
    Annotated[Decision, IN_PLACE] | None,
    Field(
        description="what a person has to decide before anything more leaves: `canary` (the first part has gone: "
        "release the rest, or cancel); null: nothing"
    ),
]
Gathered = Annotated[bool, Field(description="whether the whole audience is known; before, `targeted` grows")]
Expected = Annotated[
    int | None,
    Field(description="how many there will be, estimated until the audience is gathered; null: nobody knows"),
]
Held = Annotated[int, Field(description="part of `queued`: held back until somebody decides")]


class RunAnswer(ApiAnswer):
    """One execution; `outcome` is null while it is running. `expected`, `first` and `held` are deliveries, too."""

    id: str
    scheduled_at: str
    created_at: str
    finished_at: str | None
    outcome: Annotated[RunOutcome, IN_PLACE] | None
    version: int
    template_version: AskedVersion
    canary_released_at: str | None
    resend_of: str | None
    winner: str | None = Field(description="the variant of its A/B test that the rest gets, once it is decided")
    reasons: list[str] | None
    waits_for: WaitsFor
    gathered: Gathered
    expected: Expected
    first: int = Field(description="the part that goes before the rest, if there is one and it is not over yet")
    held: Held
    progress: ProgressAnswer
    eta_seconds: int
    samples: list[tuple[str, int, int, int, int]] = Field(
        description="its course, oldest first: time, sent, delivered, opened, clicked"
    )


class RunRecipient(ApiAnswer):
    """What became of one recipient's letter on one channel."""

    notification_id: str
    recipient: dict[str, Any] | None = Field(description="as given; empty after an erasure")
    channel: str
    status: ShownStatus
    reason: str | None = Field(description="why it was skipped, failed, bounced or put aside")
    opened_at: str | None = Field(description="when a person opened it first")
    clicked_at: str | None = Field(description="when a person followed a link in it first")
    unsubscribed_at: str | None


class RunRecipientsPage(ApiAnswer):
    """A page of a run's recipients; `cursor` is null on the last page."""

    recipients: list[RunRecipient]
    cursor: str | None


class CampaignEvent(ApiAnswer):
    """Who did what, and when."""

    at: str
    by: str
    event: str
    note: str | None = Field(default=None, description="the comment of whoever sent it back, or what was changed")


class _Identity(ApiAnswer):
    id: str
    state: Annotated[CampaignState, IN_PLACE]
    version: int


if TYPE_CHECKING:
    _Content = _Identity
else:
    _Content = create_model("_Content", __base__=_Identity, **answers_of(Campaign))


class CampaignAnswer(_Content):
    """A campaign's content and its current state."""

    created_at: str
    created_by: str
    updated_at: str
    updated_by: str
    approved_by: str | None
    tags: list[str] = Field(description="by which it is found; a change needs no approval")
    archived_at: str | None = Field(description="since when it is out of the list")
    copied_from: str | None = Field(description="id of the campaign that it is a copy of")
    tag: str | None = Field(
        description="the `ETag` without its quotes: of all that makes the letter and decides who gets it; null in lists"
    )
    next_run_at: str | None
    next_runs: list[str]
    waits_for: WaitsFor
    gathered: Gathered
    expected: Expected
    held: Held
    progress: ProgressAnswer
    eta_seconds: int = Field(description="for what is still to leave, without what is held")
    runs: list[RunAnswer]
    timeline: list[CampaignEvent]


class CampaignPage(ApiAnswer):
    """A page of campaigns, newest first; `cursor` is null on the last page."""

    campaigns: list[CampaignAnswer]
    cursor: str | None


class VersionAnswer(ApiAnswer):
    """An earlier version of a campaign."""

    version: int
    at: str
    by: str
    campaign: dict[str, Any]


class VersionsAnswer(ApiAnswer):
    """Oldest first."""

    versions: list[VersionAnswer]


class SampleRecipient(ApiAnswer):
    """Enough to recognise somebody; the address is masked."""

    user_id: str | None
    name: str | None
    email: str | None
    locale: str | None
    timezone: str | None


class UnreadableAttribute(ApiAnswer):
    """An attribute that the rule uses but cannot compare in the profiles of `people` users; `example` is the shape of
    one value (`00.00.0000`). Dates are written as `1990-11-28` or `--11-28`."""

    attribute: str
    people: int
    example: str


class LanguageAnswer(ApiAnswer):
    """How many of `final` and `no_translation` read a language."""

    locale: str = Field(description="the template's, or else the bare language; `und`: others")
    people: int
    has_content: bool = Field(description="whether all texts are in it")
    used: str | None = Field(
        description="what they get: null for nothing; without content the campaign's own language, or, as long as "
        "`untranslated` is null and this is `locale`, a letter half in another language"
    )


class PreviewAnswer(ApiAnswer):
    """Who the audience would be now; `cursor` is null once all of it has been counted."""

    recipients: int
    excluded: int
    unknown: int
    no_address: int
    opted_out: int
    suppressed: int
    no_translation: int
    final: int
    languages: list[LanguageAnswer] = Field(description="the most read first")
    sample: list[SampleRecipient]
    eta_seconds: int
    next_runs: list[str]
    unread: list[UnreadableAttribute]
    cursor: str | None


class Upload(ApiAnswer):
    """The request that uploads the file: send it with the file as its body."""

    method: Literal["PUT"] = "PUT"
    url: str
    headers: dict[str, str]
    expires_in_seconds: int
