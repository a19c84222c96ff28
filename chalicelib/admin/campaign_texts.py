"""The texts of a campaign in its form: a field for each of the template's variables, and for words one in each of the
template's languages, side by side."""

from typing import Any

from chalicelib.admin.audience_form import Form, one
from chalicelib.admin.condition_rows import written
from chalicelib.admin.form_values import read_json, read_number
from chalicelib.campaigns.languages import is_translatable
from chalicelib.campaigns.model import Campaign
from chalicelib.rendering.model import Template, Variable, VariableType

_TOLD_WHEN_EMPTY = frozenset({VariableType.INTEGER, VariableType.NUMBER, VariableType.BOOLEAN})


def columns_of(template: Template, own: str) -> list[str]:
    """The languages side by side, the campaign's `own` first."""
    return [own, *(locale for locale in template.locales if locale != own)]


def side_by_side(template: Template) -> list[str]:
    """The variables with a field in each column; of a template in one language none has."""
    return [name for name in template.variables or {} if len(template.locales) > 1 and _has_column(template, name)]


def field_of(template: Template, name: str, locale: str) -> str:
    """The field of a variable's value in a language. It stays the same whichever language is the campaign's own."""
    variable = (template.variables or {}).get(name)
    same = locale == template.default_locale or (variable is not None and not is_translatable(variable))
    return f"var_{name}" if same else f"var_{name}.{locale}"


def read_texts(form: Form, template: Template) -> dict[str, Any]:
    """`context` and `translations`. Raises: InvalidError (permanent): no JSON or no number in a field."""
    if template.variables is None:
        return {name: read_json(form, name) for name in ("context", "translations") if one(form, name)}
    own = template.choose_locale(one(form, "locale"))
    translations = {
        locale: texts
        for locale in template.locales
        if locale != own and (texts := _translation(form, template, locale))
    }
    return {"context": _context(form, template, own), "translations": translations}


def shown_texts(spec: Campaign, template: Template) -> dict[str, list[str]]:
    """The fields of a campaign that is stored."""
    if template.variables is None:
        return {name: [written(getattr(spec, name))] for name in ("context", "translations")}
    own = template.choose_locale(spec.locale)
    texts = {**spec.translations, own: spec.context}
    return {
        field_of(template, name, locale): [written(value)]
        for locale, values in texts.items()
        for name, value in values.items()
        if locale == own or _has_column(template, name)
    }


def with_unshown(spec: Campaign, before: Campaign, template: Template) -> Campaign:
    """What was typed, with the translations that the form has no field for, such as an address for each language."""
    if template.variables is None:
        return spec
    merged = dict(spec.translations)
    for locale in template.locales.keys() - {template.choose_locale(spec.locale)}:
        unshown = {n: one for n, one in before.translations.get(locale, {}).items() if not _has_column(template, n)}
        if unshown:
            merged[locale] = {**merged.get(locale, {}), **unshown}
    return spec.model_copy(update={"translations": merged})


def copied(form: Form, template: Template, locale: str) -> dict[str, list[str]]:
    """The form with the empty fields of a language filled from the campaign's own."""
    own = template.choose_locale(one(form, "locale"))
    fields = {name: list(values) for name, values in form.items()}
    for name in template.variables or {}:
        field = field_of(template, name, locale)
        if not one(form, field):
            fields[field] = [one(form, field_of(template, name, own))]
    return fields


def _has_column(template: Template, name: str) -> bool:
    variable = (template.variables or {}).get(name)
    return variable is not None and is_translatable(variable)


def _translation(form: Form, template: Template, locale: str) -> dict[str, Any]:
    return {
        name: _value(form, field, variable)
        for name, variable in (template.variables or {}).items()
        if is_translatable(variable) and one(form, field := field_of(template, name, locale))
    }


def _context(form: Form, template: Template, own: str) -> dict[str, Any]:
    context: dict[str, Any] = {}
    for name, variable in (template.variables or {}).items():
        field = field_of(template, name, own)
        if one(form, field) or (variable.required and variable.type in _TOLD_WHEN_EMPTY):
            context[name] = _value(form, field, variable)
    return context


def _value(form: Form, field: str, variable: Variable) -> Any:
    match variable.type:
        case VariableType.LIST | VariableType.OBJECT:
            return read_json(form, field)
        case VariableType.INTEGER | VariableType.NUMBER:
            return read_number(form, field)
        case VariableType.BOOLEAN:
            return one(form, field) == "true"
        case _:
            return one(form, field)
