"""The audience in the campaign form: a rule as rows of conditions, and back.

Rows with the same letter are a group. If all groups must hold, one condition of each is enough; if one group is enough,
all its conditions must hold. Every rule has such a form; one nested deeper is shown as JSON.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.campaigns.audience_rules import Rule
from chalicelib.campaigns.model import Audience
from chalicelib.campaigns.operators import OPERATORS, Takes
from chalicelib.errors import InvalidError, Phrase, phrase_of
from chalicelib.text import strict_json

Form = Mapping[str, Sequence[str]]
GROUPS = "ABCDEF"
_DAYS_AGO = re.compile(r"(\d{1,5})d")
_ROWS = ("group", "negated", "attribute", "op", "value")
_EMPTY = {"group": "", "negated": "", "attribute": "", "op": "equals", "value": ""}
_EMPTY_ROWS = 2
_OTHER = {"all": "any", "any": "all"}


def one(form: Form, name: str) -> str:
    """The first value of a field, without outer spaces."""
    return next(iter(form.get(name, ())), "").strip()


def excluded_ids(form: Form) -> list[str]:
    """The campaigns whose recipients are left out: ticked ones, and ids typed with commas."""
    given = (part.strip() for text in form.get("exclude", ()) for part in text.split(","))
    return list(dict.fromkeys(part for part in given if part))


def rows_of(form: Form) -> list[dict[str, str]]:
    """The conditions of the rule, with some empty rows to fill in."""
    return [*_filled(form), *(_EMPTY for _ in range(_EMPTY_ROWS))]


def read_audience(form: Form) -> dict[str, Any]:
    """The audience as the API takes it. Raises: InvalidError (permanent)."""
    out = excluded_ids(form)
    audience: dict[str, Any] = {"exclude_campaigns": out} if out else {}
    kind = one(form, "audience")
    if kind != "rule" and (_filled(form) or one(form, "rule_json")):
        raise InvalidError.of(  # a letter to everybody cannot be recalled
            "audience", Phrase("conditions are written, but not chosen as the audience: choose them, or clear them")
        )
    match kind:
        case "list":
            return {**audience, "list_id": one(form, "list_id")}
        case "rule":
            return {**audience, "rule": _rule(form)}
        case _:
            return {**audience, "everyone": True}


def audience_form(audience: Audience) -> dict[str, list[str]]:
    form = {"exclude": list(audience.exclude_campaigns)}
    if audience.list_id is not None:
        return form | {"audience": ["list"], "list_id": [audience.list_id]}
    if audience.rule is None:
        return form | {"audience": ["everyone"]}
    join, rows = _rows_of_rule(audience.rule)
    if rows is None:
        rule = audience.rule.model_dump(mode="json", by_alias=True, exclude_none=True)
        return form | {"audience": ["rule"], "rule_json": [json.dumps(rule, ensure_ascii=False, indent=2)]}
    return form | {"audience": ["rule"], "join": [join], **{name: [row[name] for row in rows] for name in _ROWS}}


def _filled(form: Form) -> list[dict[str, str]]:
    """The rows that are filled in; optional fields may be missing."""
    count = len(form.get("attribute", ()))
    columns = {name: [text.strip() for text in form.get(name, ())] for name in _ROWS}
    padded = {name: column + [_EMPTY[name]] * (count - len(column)) for name, column in columns.items()}
    rows = [{name: padded[name][n] for name in _ROWS} for n in range(count)]
    return [row for row in rows if row["attribute"]]


def _rule(form: Form) -> Any:
    if one(form, "rule_json"):
        try:
            return strict_json(one(form, "rule_json"))
        except ValueError as error:
            raise InvalidError.of("rule_json", Phrase("expected JSON: {why}", why=phrase_of(error))) from error
    groups: dict[str, list[Any]] = {}
    for n, row in enumerate(_filled(form)):
        groups.setdefault(row["group"] or f"alone-{n}", []).append(_condition(row))
    if not groups:
        raise InvalidError.of("audience", Phrase("expected at least one condition"))
    join = "any" if one(form, "join") == "any" else "all"
    return _joined(join, [_joined(_OTHER[join], group) for group in groups.values()])


def _joined(join: str, rules: list[Any]) -> Any:
    return rules[0] if len(rules) == 1 else {join: rules}


def _condition(row: Mapping[str, str]) -> dict[str, Any]:
    condition = {"attribute": row["attribute"], "op": row["op"], **_value(row["op"], row["value"])}
    return {"not": condition} if row["negated"] else condition


def _rows_of_rule(rule: Rule) -> tuple[str, list[dict[str, str]] | None]:
    """How the groups are joined, and the rows; no rows if they cannot express it."""
    join = "any" if rule.any is not None else "all"
    rows: list[dict[str, str]] = []
    letters = iter(GROUPS)
    for part in rule.all or rule.any or (rule,):
        row = _row(part)
        if row is not None:
            rows.append(row)
            continue
        members = [_row(member) for member in (part.any if join == "all" else part.all) or ()]
        letter = next(letters, None)
        if letter is None or not members or None in members:
            return join, None
        rows += [{**member, "group": letter} for member in members if member is not None]
    return join, rows


def _row(rule: Rule) -> dict[str, str] | None:
    condition = rule.negated or rule
    if condition.attribute is None or condition.op is None:
        return None
    negated, flag = rule.negated is not None, OPERATORS[condition.op].takes is Takes.FLAG
    if flag and condition.value is False:
        negated = not negated  # a row can only ask whether something is known
    text = "" if flag else _value_text(condition.value)
    if not flag and not _same(_value(condition.op, text).get("value"), condition.value):
        return None  # the text 5, or a comma in a list: typed into a row it would mean something else
    return {
        **_EMPTY,
        "negated": "not" if negated else "",
        "attribute": condition.attribute,
        "op": condition.op,
        "value": text,
    }


def _value(op: str, text: str) -> dict[str, Any]:
    match OPERATORS[op].takes if op in OPERATORS else None:
        case Takes.FLAG:
            return {}
        case Takes.LIST:
            return {"value": [_scalar(part.strip()) for part in text.split(",") if part.strip()]}
        case Takes.ORDERED if days := _DAYS_AGO.fullmatch(text):
            return {"value": {"days_ago": int(days[1])}}
        case Takes.DAYS if not text:
            return {}
        case _:
            return {"value": _scalar(text)}


def _same(read: Any, meant: Any) -> bool:
    return json.dumps(read, sort_keys=True) == json.dumps(meant, sort_keys=True)  # true is not 1


def _scalar(text: str) -> Any:
    """A number or a boolean if it is one; otherwise the text itself."""
    try:
        value = strict_json(text)
    except ValueError:
        return text
    return value if isinstance(value, int | float | bool) else text


def _value_text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(written(item) for item in value)
    if isinstance(value, dict):
        return f"{value.get('days_ago')}d"
    return "" if value is None else written(value)


def written(value: Any) -> str:
    """Text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
