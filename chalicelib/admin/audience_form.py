"""The audience in a form, as it is typed, and back. Its conditions are in `condition_rows.py`.

What is not chosen is ignored, and comes back with the form: switching loses nothing.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.admin.condition_rows import Campaigns, read_rule, rows_of_rule
from chalicelib.campaigns.audience import Audience
from chalicelib.campaigns.audience_rules import Rule
from chalicelib.errors import InvalidError, Phrase, phrase_of
from chalicelib.text import strict_json

Form = Mapping[str, Sequence[str]]


def one(form: Form, name: str) -> str:
    """The first value of a field, without outer spaces."""
    return next(iter(form.get(name, ())), "").strip()


def chosen_ids(form: Form, name: str) -> list[str]:
    """What is ticked, each once; and ids typed with commas."""
    given = (part.strip() for text in form.get(name, ()) for part in text.split(","))
    return list(dict.fromkeys(part for part in given if part))


def read_audience(form: Form, campaigns: Campaigns) -> dict[str, Any]:
    """The audience as the API takes it. Raises: InvalidError (permanent)."""
    out = {
        "exclude_segments": chosen_ids(form, "exclude_segments"),
        "exclude_lists": chosen_ids(form, "exclude_lists"),
        "exclude_campaigns": chosen_ids(form, "exclude"),
    }
    without = {name: ids for name, ids in out.items() if ids}
    match one(form, "audience"):
        case "list":
            return {**without, **_joined(form)}
        case "rule":
            return {**without, "rule": read_conditions(form, campaigns)}
        case _:
            return {**without, "everyone": True}


def read_conditions(form: Form, campaigns: Campaigns) -> Any:
    """The rule as the API takes it: of its rows, or as JSON where no rows can say it. Raises: InvalidError
    (permanent)."""
    if one(form, "rule_json"):
        try:
            return strict_json(one(form, "rule_json"))
        except ValueError as error:
            raise InvalidError.of("rule_json", Phrase("expected JSON: {why}", why=phrase_of(error))) from error
    return read_rule(form, campaigns)


def audience_form(audience: Audience) -> dict[str, list[str]]:
    form = {
        "exclude_segments": list(audience.exclude_segments),
        "exclude_lists": list(audience.exclude_lists),
        "exclude": list(audience.exclude_campaigns),
    }
    if audience.rule is not None:
        return form | {"audience": ["rule"]} | conditions_form(audience.rule)
    if audience.everyone:
        return form | {"audience": ["everyone"]}
    lists = {"lists": list(audience.joined_lists)}
    return form | {"audience": ["list"], "segments": list(audience.segments), **lists}


def conditions_form(rule: Rule) -> dict[str, list[str]]:
    """As rows, or as JSON where they cannot say it."""
    rows = rows_of_rule(rule)
    if rows is not None:
        return rows
    plain = rule.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {"rule_json": [json.dumps(plain, ensure_ascii=False, indent=2)]}


def _joined(form: Form) -> dict[str, Any]:
    segments, lists = chosen_ids(form, "segments"), chosen_ids(form, "lists")
    if not segments and not lists:
        raise InvalidError.of("audience", Phrase("expected at least one segment or list"))
    if len(lists) == 1 and not segments:
        return {"list_id": lists[0]}
    return {"segments": segments, "lists": lists}
