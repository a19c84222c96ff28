"""The form of an A/B test: each variant's fields begin with its letter, `B.subject`, `B.var_headline.ru`. What is left
empty is the campaign's own."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from chalicelib.admin.audience_form import Form, one
from chalicelib.admin.campaign_texts import field_of, read_texts, shown_texts
from chalicelib.admin.form_values import read_number
from chalicelib.campaigns.experiment import VARIANTS, Experiment, Variant
from chalicelib.campaigns.model import Campaign
from chalicelib.errors import FieldError, InvalidError
from chalicelib.rendering.model import Template
from chalicelib.validation import invalid

TemplateOf = Callable[[str], Template]  # raises: InvalidError, NotFoundError (permanent)
PLAIN = ("share_percent", "winner_by", "decide_after_hours")
_PLACE = re.compile(r"(?:experiment\.)?variants\[(\d)\]\.?(.*)")
_NEW = {"variants": ["2"], "share_percent": ["20"], "winner_by": ["clicks"], "decide_after_hours": ["4"]}


def count_of(form: Form) -> int:
    """How many variants it has."""
    text = one(form, "variants")
    return int(text) if text in ("2", "3", "4") else 2


def part_of(form: Form, variant: str) -> dict[str, list[str]]:
    """The fields of one variant, by their own names."""
    start = f"{variant}."
    return {name.removeprefix(start): list(values) for name, values in form.items() if name.startswith(start)}


def changed(form: Form, do: str) -> dict[str, list[str]]:
    """The form with one variant more (`add`), or without one (`remove.B`); the others keep what was typed."""
    names = list(VARIANTS[: count_of(form)])
    parts = [part_of(form, name) for name in names if do != f"remove.{name}" or len(names) == 2]
    if do == "add" and len(parts) < len(VARIANTS):
        parts.append({})
    kept = {name: list(values) for name, values in form.items() if name[1:2] != "."}
    return {**kept, "variants": [str(len(parts))], **_lettered(parts)}


def form_of_experiment(spec: Campaign, template_of: TemplateOf) -> dict[str, list[str]]:
    """The stored one, or one to begin with."""
    experiment = spec.experiment
    if experiment is None:
        return {name: list(values) for name, values in _NEW.items()}
    parts = [_part(spec, variant, template_of(variant.template or spec.template)) for variant in experiment.variants]
    plain = {name: [str(getattr(experiment, name))] for name in PLAIN}
    return {**plain, "variants": [str(len(parts))], **_lettered(parts)}


def read_experiment(form: Form, spec: Campaign, template_of: TemplateOf) -> Experiment:
    """Raises: InvalidError (permanent; every bad field, as the form calls it)."""
    names = VARIANTS[: count_of(form)]
    try:
        body: dict[str, Any] = {
            **{name: one(form, name) for name in PLAIN if one(form, name)},
            "variants": [_read(part_of(form, name), name, spec, template_of) for name in names],
        }
        for name in ("share_percent", "decide_after_hours"):
            if name in body:
                body[name] = read_number(form, name)
        return Experiment.model_validate(body)
    except ValidationError as error:
        raise at_the_form(invalid(error), form, spec, template_of) from error


def at_the_form(error: InvalidError, form: Form, spec: Campaign, template_of: TemplateOf) -> InvalidError:
    """The same, with the names of the form's fields."""
    return InvalidError(
        error.detail, [one._replace(field=_field(one, form, spec, template_of)) for one in error.errors]
    )


def _part(spec: Campaign, variant: Variant, template: Template) -> dict[str, list[str]]:
    texts = spec.model_copy(update={"context": variant.context, "translations": variant.translations})
    return {
        "name": [variant.name or ""],
        "template": [variant.template or ""],
        "subject": [variant.subject or ""],
        **{f"subject.{locale}": [subject] for locale, subject in variant.subjects.items()},
        "after": [f"{variant.send_after_minutes / 60:g}"],
        **shown_texts(texts, template),
    }


def _read(part: Form, name: str, spec: Campaign, template_of: TemplateOf) -> dict[str, Any]:
    template = template_of(one(part, "template") or spec.template)
    try:
        hours = read_number(part, "after") if one(part, "after") else 0
        texts = read_texts({**part, "locale": [spec.locale or ""]}, _without_demands(template))
    except InvalidError as error:
        raise InvalidError(error.detail, [one._replace(field=f"{name}.{one.field}") for one in error.errors]) from error
    subjects = {field.removeprefix("subject."): one(part, field) for field in part if field.startswith("subject.")}
    return {
        "name": one(part, "name") or None,
        "template": one(part, "template") or None,
        "subject": one(part, "subject") or None,
        "subjects": {locale: subject for locale, subject in subjects.items() if subject},
        "send_after_minutes": round(hours * 60) if isinstance(hours, int | float) else hours,
        **texts,
    }


def _without_demands(template: Template) -> Template:
    """Whatever a variant leaves out is the campaign's own."""
    variables = template.variables
    if variables is None:
        return template
    optional = {name: variable.model_copy(update={"required": False}) for name, variable in variables.items()}
    return template.model_copy(update={"variables": optional})


def _field(mistake: FieldError, form: Form, spec: Campaign, template_of: TemplateOf) -> str:
    found = _PLACE.fullmatch(mistake.field)
    if found is None:
        return mistake.field.removeprefix("experiment.")
    variant, path = VARIANTS[int(found[1])], found[2].split(".")
    names: Mapping[str, str] = {"send_after_minutes": "after", "subjects": "subject", "": "name"}
    place = ".".join([names.get(path[0], path[0]), *path[1:]])
    if path[0] in ("context", "translations") and path[1:]:
        template = template_of(one(part_of(form, variant), "template") or spec.template)
        locale = path[1] if path[0] == "translations" else template.choose_locale(spec.locale)
        text = path[2:] if path[0] == "translations" else path[1:]
        if text and template.variables is not None:
            place = field_of(template, re.split(r"[.\[]", text[0])[0], locale)
    return f"{variant}.{place}"


def _lettered(parts: list[dict[str, list[str]]]) -> dict[str, list[str]]:
    return {f"{VARIANTS[n]}.{name}": values for n, part in enumerate(parts) for name, values in part.items()}
