"""`POST /v1/templates/{key}/check` and `POST /v1/campaigns/{id}/check`: what is wrong with a letter, and what could be
better."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict

from chalicelib.accounts.api_keys import Scope
from chalicelib.api.answers import ApiAnswer, LetterFinding
from chalicelib.api.checked_call import Call
from chalicelib.api.endpoint import endpoint
from chalicelib.api.templates import TOO_OFTEN, TemplateBody
from chalicelib.campaigns.approval import frozen_of
from chalicelib.campaigns.model import spec_of
from chalicelib.errors import InvalidError, Phrase
from chalicelib.rendering.model import AskedVersion
from chalicelib.schemas import StrictModel
from chalicelib.stage.app import stage

if TYPE_CHECKING:
    from chalicelib.services.letter_checks import LetterReport


class CampaignCheckBody(StrictModel):
    """`links`: try the addresses of the letter, too, at most thirty."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"links": False}]})

    links: bool = False


class TemplateCheckBody(CampaignCheckBody):
    """Which letter: that of a stored version, by default of the one in force, or of a `draft`, as `PUT` takes it."""

    version: AskedVersion | None = None
    draft: TemplateBody | None = None


class SpamRuleAnswer(ApiAnswer):
    """A rule of the spam filter that the letter has met."""

    name: str
    score: float
    description: str


class SpamAnswer(ApiAnswer):
    """From `threshold` on, letters are taken for spam."""

    score: float
    threshold: float
    rules: list[SpamRuleAnswer]


class LetterCheckAnswer(ApiAnswer):
    """`size_bytes`: the largest HTML of a language. `pictures_bytes`: all pictures whose size is known, and `spam` by
    language: both null, not measured, unless the links were tried; `spam` also without a spam filter, as on AWS."""

    findings: list[LetterFinding]
    size_bytes: int
    pictures_bytes: int | None
    spam: dict[str, SpamAnswer] | None


@endpoint(
    "POST",
    "/v1/templates/{key}/check",
    summary="What is wrong with a template's letters, and what could be better",
    scope=Scope.TEMPLATES_READ,
    answer=LetterCheckAnswer,
    problems={HTTPStatus.TOO_MANY_REQUESTS: TOO_OFTEN},
)
def check_template(call: Call[TemplateCheckBody, None]) -> dict[str, Any]:
    """In each language, with the template's sample. A `draft` also needs the scope `templates:write`. 429 with
    `Retry-After` for a key that checks more than sixty times a minute, or tries links more than ten times."""
    body, key, by = call.body, call.path["key"], call.caller.key_id
    if body.draft is not None:
        if body.version is not None:
            raise InvalidError.of("version", Phrase("expected a version or a draft, not both"))
        call.caller.demand(Scope.TEMPLATES_WRITE)
        return _described(stage().letter_checks.draft(key, body.draft.model_dump(), by=by, links=body.links))
    stage().draft_allowance.check(by)
    template = stage().templates.get(key, body.version)
    return _described(stage().letter_checks.template(template, by=by, links=body.links))


@endpoint(
    "POST",
    "/v1/campaigns/{id}/check",
    summary="What is wrong with a campaign's letter, and what could be better",
    scope=Scope.CAMPAIGNS_READ,
    of_all=Scope.CAMPAIGNS_READ_ALL,
    answer=LetterCheckAnswer,
    problems={HTTPStatus.TOO_MANY_REQUESTS: TOO_OFTEN},
)
def check_campaign_letter(call: Call[CampaignCheckBody, None]) -> dict[str, Any]:
    """In each language that readers get, with the campaign's own texts. 429 as for templates."""
    stage().draft_allowance.check(call.caller.key_id)
    head = stage().campaigns.get(call.path["id"], sight=call.sight)
    spec = spec_of(head)
    edition = stage().campaign_inputs.edition(spec, frozen_of(head))
    layout = stage().templates.layout(edition.layout)
    report = stage().letter_checks.campaign(
        spec, edition.template, layout, by=call.caller.key_id, links=call.body.links
    )
    return _described(report)


def _described(report: "LetterReport") -> dict[str, Any]:
    spam = {
        locale: {**one._asdict(), "rules": [rule._asdict() for rule in one.rules]}
        for locale, one in report.spam.items()
    }
    return {
        "findings": [one._asdict() for one in report.findings],
        "size_bytes": report.size_bytes,
        "pictures_bytes": report.pictures_bytes,
        "spam": spam or None,
    }
