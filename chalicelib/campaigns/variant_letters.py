"""The letters of an experiment's variants. A run stores of each only what is not in its own letter and campaign: the
version of its template, and its languages."""

from typing import Any

from chalicelib.campaigns.experiment import Variant
from chalicelib.campaigns.languages import languages_of
from chalicelib.campaigns.model import Campaign, spec_of
from chalicelib.errors import NotFoundError, Phrase
from chalicelib.pipeline.jobs import LetterSpec
from chalicelib.pipeline.letter_parts import LetterLanguages
from chalicelib.rendering.model import Template
from chalicelib.schemas import kept, recalled
from chalicelib.storage.runs import Run


def variant_spec(spec: Campaign, variant: str | None) -> Campaign:
    """The campaign as the readers of a variant get it. Raises: NotFoundError (permanent): it has none."""
    if variant is None:
        return spec
    one = variant_in(spec, variant)
    translations = {
        locale: {**spec.translations.get(locale, {}), **one.translations.get(locale, {})}
        for locale in dict.fromkeys([*spec.translations, *one.translations])
    }
    changes = {"template": one.template or spec.template, "context": {**spec.context, **one.context}}
    return spec.model_copy(update={**changes, "translations": translations, "experiment": None})


def variant_in(spec: Campaign, variant: str) -> Variant:
    """One of its experiment. Raises: NotFoundError (permanent): it has none."""
    if spec.experiment is None or variant not in spec.experiment.names:
        raise NotFoundError(Phrase("the campaign has no variant {name}", name=variant))
    return spec.experiment.variant(variant)


def languages_in(spec: Campaign, variant: str | None, template: Template) -> LetterLanguages | None:
    """In which languages the letters of a variant are, with its own subject in each of the template's."""
    languages = languages_of(variant_spec(spec, variant), template)
    one = variant_in(spec, variant) if variant else None
    if one is None or one.subject is None:
        return languages
    subjects = {**dict.fromkeys(template.locales, one.subject), **one.subjects}
    languages = languages or LetterLanguages(written=tuple(template.locales))
    return languages.model_copy(update={"subjects": subjects})


def made_with(spec: Campaign, variant: str, template: Template) -> dict[str, Any]:
    """What a run stores of a variant."""
    languages = languages_in(spec, variant, template)
    bare = languages.model_copy(update={"texts": {}}) if languages else None
    return {
        "template": template.key,
        "template_version": template.version,
        "languages": kept(bare) if bare else None,
    }


def winner_of(run: Run) -> str | None:
    """The variant that the rest of a run gets, once it is decided."""
    return run.decision["winner"] if run.decision else None


def letter_of(run: Run, variant: str | None) -> LetterSpec:
    """What the chunks of a run carry: those of a variant, or (None) of the rest, which gets the winner."""
    letter = recalled(LetterSpec, run.letter)
    shown = variant or winner_of(run)
    if shown is None or not run.variants:
        return letter
    merged, made = variant_spec(spec_of(run), shown), run.variants[shown]
    languages = recalled(LetterLanguages, made["languages"]) if made["languages"] else None
    changes = {
        "template": made["template"],
        "template_version": made["template_version"],
        "context": merged.context,
        "languages": languages.model_copy(update={"texts": merged.translations}) if languages else None,
        "variant": variant,
    }
    return letter.model_copy(update=changes)
