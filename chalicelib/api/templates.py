"""`/v1/templates`: read a template, store a new version, preview a letter."""

from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator

from chalicelib.accounts.api_keys import Scope
from chalicelib.api.answers import ApiAnswer, LetterFinding
from chalicelib.api.checked_call import Call
from chalicelib.api.endpoint import endpoint
from chalicelib.errors import InvalidError, Phrase, RenderError, phrase_of
from chalicelib.etags import tag_of
from chalicelib.locales import Locale
from chalicelib.profiles.model import Attributes
from chalicelib.rendering.context import check_context
from chalicelib.rendering.documents.document_sources import without_made
from chalicelib.rendering.documents.letter_blocks import DocumentJson
from chalicelib.rendering.model import AskedVersion, Meta, ShippedName, Template, read_version
from chalicelib.rendering.sms_segments import count_segments
from chalicelib.schemas import StrictModel
from chalicelib.settings import settings
from chalicelib.stage.app import stage
from chalicelib.text import JsonObject, Source

reads = partial(endpoint, scope=Scope.TEMPLATES_READ)
TOO_OFTEN = "sixty were made for this key within a minute; `Retry-After` says when to come back"
_FACTS = frozenset({"findings", "hides", "in_force", "shipped"})  # facts about a version in an answer


class TemplateBody(Meta):
    """A template without its key and version, which the path gives."""

    model_config = ConfigDict(
        defer_build=True,
        json_schema_extra={
            "examples": [
                {
                    "category": "marketing",
                    "channels": ["email"],
                    "default_locale": "en",
                    "variables": {"film": {"type": "string", "description": "its title", "example": "Low Water"}},
                    "sample": {"context": {"film": "Low Water"}, "user": {"name": "Anna"}},
                    "locales": {
                        "en": {
                            "email.subject": "{{ film }} is here",
                            "email.html": "<p>Hello {{ user.name }}, {{ film }} starts tonight.</p>",
                        }
                    },
                }
            ]
        },
    )

    locales: Annotated[
        dict[Locale, dict[str, Source]],
        Field(description="the parts by language and name; e-mails of `documents` are left out"),
    ] = Field(default_factory=dict)
    documents: Annotated[
        dict[Locale, DocumentJson], Field(description="e-mails made of blocks, by language: see the page on letters")
    ] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _without_facts(cls, given: Any) -> Any:
        """What GET returns may be sent back, less key and version: facts about a version are not part of it."""
        return {name: one for name, one in given.items() if name not in _FACTS} if isinstance(given, dict) else given


class PreviewBody(StrictModel):
    """What to render; whatever is left out comes from the template's own sample."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"locale": "en", "channel": "email"}]})

    locale: Locale | None = None
    channel: str = "email"
    version: AskedVersion | None = None
    context: JsonObject | None = None
    user: Attributes | None = None


class SmsLength(ApiAnswer):
    """The length of a text when sent: `units` of `encoding` (`GSM-7` or `UCS-2`) in `segments`, each of which is
    charged; the last has room for `left` more."""

    encoding: str
    units: int
    segments: int
    left: int


class TemplatePreview(ApiAnswer):
    """A rendered letter; `locale` is the one that was found. `sms_length` is for the channel `sms`."""

    locale: str
    parts: dict[str, str]
    sms_length: SmsLength | None = None


def _tag(template: Template) -> str:
    return tag_of(template.fields)


class VersionQuery(StrictModel):
    """Which version; by default the one in force."""

    version: Annotated[str | None, Field(description="a number, or a name such as `shipped-52a48d5c88c4`")] = None


class StoreQuery(StrictModel):
    """`confirm`: store it although it accepts less than the version in force: it removes a variable, a channel or a
    language, requires a new or formerly optional variable, changes a variable's type, or its sources need what not
    every caller sends."""

    confirm: Annotated[bool, Field(examples=["true"])] = False


class ShippedAnswer(ApiAnswer):
    """The version that came with the code. `changed`: it is no longer the one that the stored version in force
    replaced; to go back to it, read it (`?version=`) and store it."""

    version: ShippedName
    in_force: bool
    changed: bool


class TemplateAnswer(Template):
    """A version. `in_force`: new letters are made from it. What its documents were compiled into is left out."""

    documents: dict[Locale, DocumentJson] = Field(default_factory=dict)

    in_force: bool
    shipped: ShippedAnswer | None


class StoredTemplateAnswer(TemplateAnswer):
    """A version that was just stored, with the warnings about its letters."""

    findings: list[LetterFinding]


@reads(
    "GET", "/v1/templates/{key}", summary="A template, and which version is in force", answer=TemplateAnswer, tag=_tag
)
def get_template(call: Call[None, VersionQuery]) -> TemplateAnswer:
    """The version in force, or the requested one. `version` is the number of a stored version, or the name of one
    shipped with the code, such as `shipped-52a48d5c88c4`; neither ever changes its content. A stored version hides the
    shipped one, even when a release changes that: `shipped.changed` says so."""
    key, asked = call.path["key"], call.query.version
    newest = stage().templates.get(key)
    try:
        template = newest if asked is None else stage().templates.get(key, read_version(asked))
    except ValueError as error:
        raise InvalidError.of("version", phrase_of(error)) from error
    return _described(template, newest)


@endpoint(
    "PUT",
    "/v1/templates/{key}",
    summary="Store a new version of a template",
    scope=Scope.TEMPLATES_WRITE,
    answer=StoredTemplateAnswer,
    problems={
        HTTPStatus.CONFLICT: "another version was stored at this moment, or this one would refuse what others send "
        "(`errors` says what, and who they are): repeat it with `confirm=true`",
        HTTPStatus.TOO_MANY_REQUESTS: TOO_OFTEN,
    },
    tag=_tag,
    if_match=True,
)
def put_template(call: Call[TemplateBody, StoreQuery]) -> StoredTemplateAnswer:
    """It is checked in every locale with its own sample. A template that fails is not stored, nor is one that accepts
    less than the version in force, unless confirmed. It is in force at once; letters accepted before keep their
    version. `findings` are warnings about its letters; errors are refused."""
    stored = stage().template_changes.add(
        call.path["key"],
        call.body.model_dump(),
        by=call.caller.key_id,
        seen=call.seen,
        confirmed=call.query.confirm,
    )
    findings = [one._asdict() for one in stage().letter_checks.template(stored).warnings]
    return StoredTemplateAnswer.model_validate({**_described(stored, stored).model_dump(), "findings": findings})


def _described(template: Template, newest: Template) -> TemplateAnswer:
    shipped = stage().templates.shipped(template.key)
    about = (
        {
            "version": shipped.version,
            "in_force": newest.version == shipped.version,
            "changed": newest.hides_other_than(shipped),
        }
        if shipped
        else None
    )
    in_force = template.version == newest.version
    shown = without_made(template.model_dump())
    return TemplateAnswer.model_validate({**shown, "in_force": in_force, "shipped": about})


@reads(
    "POST",
    "/v1/templates/{key}/preview",
    summary="Render a template without sending it",
    answer=TemplatePreview,
    problems={HTTPStatus.TOO_MANY_REQUESTS: TOO_OFTEN},
)
def preview_template(call: Call[PreviewBody, None]) -> dict[str, Any]:
    """Uses the template's sample if no context is given. Only stored versions can be previewed here; unsaved sources
    only on the managers' pages. 429 with `Retry-After` for a key that previews more than sixty times a minute."""
    stage().draft_allowance.preview(call.caller.key_id)
    template = stage().templates.get(call.path["key"], call.body.version)
    if call.body.channel not in template.written_for:
        raise InvalidError.of("channel", Phrase("expected one of {known}", known=", ".join(template.written_for)))
    context = template.sample.context if call.body.context is None else call.body.context
    check_context(template, context)
    try:
        rendered = stage().renderer.render(
            template,
            channel=call.body.channel,
            locale=call.body.locale or settings().default_locale,
            context=context,
            user=template.sample.user if call.body.user is None else call.body.user,
            service=template.sample.service,
        )
    except RenderError as error:
        raise InvalidError.of("context", error.detail) from error
    length = count_segments(rendered.parts["text"])._asdict() if call.body.channel == "sms" else None
    return {"locale": rendered.locale, "parts": dict(rendered.parts), "sms_length": length}
