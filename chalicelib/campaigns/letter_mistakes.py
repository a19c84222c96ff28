"""Why no letter of a campaign can be made, or readers must not get it."""

from typing import TYPE_CHECKING

from chalicelib.campaigns.content_source import Content
from chalicelib.campaigns.languages import text_errors
from chalicelib.campaigns.model import Campaign
from chalicelib.errors import FieldError, InvalidError, Phrase
from chalicelib.pipeline.letter_plan import check_letter
from chalicelib.pipeline.requests import NotificationRequest, Recipient
from chalicelib.rendering.model import Template
from chalicelib.rendering.render import Renderer

if TYPE_CHECKING:
    from chalicelib.rendering.lint.lint import Occasion


def check_occasion(spec: Campaign, template: Template) -> "Occasion":
    """What the rules look at: the campaign's own texts; a content source's value is the sample's."""
    from chalicelib.rendering.lint.lint import Occasion

    return Occasion(
        context=_as_request(spec, template).context,
        translations=spec.translations,
        category=spec.category,
        cids=[one.inline for one in spec.attachments if one.inline],
    )


def lint_errors(spec: Campaign, template: Template, *, renderer: Renderer) -> list[FieldError]:
    """What readers must not get, in its letters in each language."""
    from chalicelib.rendering.lint.lint import lint
    from chalicelib.rendering.lint.severity import Severity

    letters = lint(template, renderer=renderer, occasion=check_occasion(spec, template))
    found = [one for letter in letters for one in letter.findings if one.severity is Severity.ERROR]
    return [
        one.mistake
        if one.place.startswith(("context", "translations"))
        else FieldError("template", Phrase("it fails its check: {why}", why=one.mistake.said))
        for one in found
    ]


def letter_errors(spec: Campaign, template: Template, *, renderer: Renderer) -> list[FieldError]:
    """Why no letter of a campaign can be made with a template."""
    errors = text_errors(spec, template)
    try:
        request, translations = _as_request(spec, template), spec.translations
        check_letter(request, template, renderer=lambda: renderer, translations=translations)
    except InvalidError as error:
        errors += error.errors or [FieldError("context", error.detail)]
    return errors + (_content_errors(spec.content, spec, template) if spec.content else [])


def _as_request(spec: Campaign, template: Template) -> NotificationRequest:
    """The campaign as one letter; the content source's value is taken from the template's sample."""
    context = dict(spec.context)
    if spec.content is not None and spec.content.name in template.sample.context:
        context[spec.content.name] = template.sample.context[spec.content.name]
    return NotificationRequest(
        template=spec.template,
        recipients=(Recipient(user_id="anyone"),),
        context=context,
        category=spec.category,
        channels=spec.channels,
        attachments=tuple(one.given for one in spec.attachments),
        lane="bulk",
    )


def _content_errors(content: Content, spec: Campaign, template: Template) -> list[FieldError]:
    errors = []
    variable = (template.variables or {}).get(content.name)
    if template.variables is not None and variable is None:
        errors.append(
            FieldError(
                "content.name", Phrase("the template {key} has no variable {name}", key=template.key, name=content.name)
            )
        )
    if content.name in spec.context:
        errors.append(FieldError("content.name", Phrase("the context has it already")))
    errors += [
        FieldError(f"translations.{locale}.{content.name}", Phrase("its value comes from the content source"))
        for locale, texts in spec.translations.items()
        if content.name in texts
    ]
    if content.on_failure == "send_without" and variable is not None and variable.required:
        errors.append(
            FieldError(
                "content.on_failure", Phrase("the template needs {name}: expected skip or retry", name=content.name)
            )
        )
    return errors
