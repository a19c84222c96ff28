"""The conditions of a rule as rows of a form: what is asked about, the comparison, the value.

Rows with the same letter are a group. If all groups must hold, one condition of each is enough; if one group is enough,
all its conditions must hold. Nearly every rule has such a form.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from chalicelib.campaigns.audience_rules import Rule
from chalicelib.campaigns.operators import ANY_LETTER, OPERATORS, Activity, Takes
from chalicelib.errors import FieldError, InvalidError, Phrase
from chalicelib.text import strict_json
from chalicelib.validation import mistakes_in

Form = Mapping[str, Sequence[str]]
Campaigns = Callable[[str], str]  # the id of a campaign by what is typed: its label, its name or its id
GROUPS = "ABCDEFGH"
MOST_ROWS = 50
CAMPAIGN, LETTERS = "@campaign", "@letters"  # what is asked about, where it is no attribute
NOT = "!"  # before an operator: does not hold
WITHIN, LONGER_AGO = "within_days", "longer_ago"  # `after` and `before` a number of days ago
_DAYS_OF = {WITHIN: "after", LONGER_AGO: "before"}
PREFIX = "rule."
_OTHER = {"all": "any", "any": "all"}


class Row(NamedTuple):
    """One condition, as it is typed. `of`: the campaign, or the category of letters."""

    group: str = ""
    attribute: str = ""
    op: str = ""
    value: str = ""
    of: str = ""

    @property
    def operator(self) -> str:
        """Its name in rules."""
        bare = self.op.removeprefix(NOT)
        return _DAYS_OF.get(bare, bare)


def typed_rows(form: Form) -> list[Row]:
    """Every row, also those that nobody has filled in."""
    count = len(form.get(f"{PREFIX}attribute", ()))
    columns = {name: [text.strip() for text in form.get(PREFIX + name, ())] for name in Row._fields}
    rows = [Row(*(column[n] if n < len(column) else "" for column in columns.values())) for n in range(count)]
    return in_order([row._replace(op=row.op or "equals") if row.attribute else row for row in rows][:MOST_ROWS])


def in_order(rows: Sequence[Row]) -> list[Row]:
    """Those of a group beside each other, where its first one is."""
    places = {row.group or n: n for n, row in reversed(list(enumerate(rows)))}
    return [row for _, _, row in sorted((places[row.group or n], n, row) for n, row in enumerate(rows))]


def rows_form(rows: Sequence[Row], join: str) -> dict[str, list[str]]:
    """The fields of these rows."""
    columns = {PREFIX + name: [getattr(row, name) for row in rows] for name in Row._fields}
    return {f"{PREFIX}join": [join], **columns}


def join_of(form: Form) -> str:
    """How the groups are joined."""
    return "any" if list(form.get(f"{PREFIX}join", ()))[:1] == ["any"] else "all"


def read_rule(form: Form, campaigns: Campaigns) -> Any:
    """The rule as the API takes it. Raises: InvalidError (permanent; `rule.<n>` names the row)."""
    groups: dict[str, list[Any]] = {}
    errors: list[FieldError] = []
    for n, row in enumerate(typed_rows(form), start=1):
        if row.attribute:
            try:
                groups.setdefault(row.group or f"alone-{n}", []).append(_condition(row, campaigns))
            except InvalidError as error:
                errors += [FieldError(f"{PREFIX}{n}", one.message) for one in error.errors]
    if errors:
        raise InvalidError(Phrase("the conditions are not as expected"), errors)
    if not groups:
        raise InvalidError.of("audience", Phrase("expected at least one condition"))
    join = join_of(form)
    return _joined(join, [_joined(_OTHER[join], group) for group in groups.values()])


def rows_of_rule(rule: Rule) -> dict[str, list[str]] | None:
    """The form of a rule; None if rows cannot say it."""
    join = "any" if rule.any is not None else "all"
    rows: list[Row] = []
    letters = iter(GROUPS)
    for part in rule.all or rule.any or (rule,):
        row = row_of(part)
        if row is not None:
            rows.append(row)
            continue
        members = [row_of(member) for member in (part.any if join == "all" else part.all) or ()]
        letter = next(letters, None)
        if letter is None or not members or None in members:
            return None
        rows += [member._replace(group=letter) for member in members if member is not None]
    return rows_form(rows, join) if len(rows) <= MOST_ROWS else None


def row_of(rule: Rule) -> Row | None:
    """The row of a condition; None if it means something else than a row would."""
    condition = rule.negated or rule
    if condition.attribute is None or condition.op is None:
        return None
    operator = OPERATORS[condition.op]
    flag, value, name = operator.takes is Takes.FLAG, condition.value, condition.op
    negated = (rule.negated is not None) != (flag and value is False)  # a row asks only whether something is known
    if isinstance(value, dict) and operator.takes is Takes.ORDERED:
        name, value = WITHIN if name == "after" else LONGER_AGO, value.get("days_ago")
    row = Row("", condition.attribute, f"{NOT if negated else ''}{name}", "" if flag else _value_text(value))
    if operator.activity is not None:
        about = LETTERS if operator.activity is Activity.LETTER else CAMPAIGN
        row = row._replace(attribute=about, of=condition.attribute)
    meant = rule.model_dump(mode="json", by_alias=True, exclude_none=True)
    if flag:
        known = {"attribute": condition.attribute, "op": condition.op}
        meant = {"not": known} if negated else known
    try:
        read = _condition(row, lambda text: text)
    except InvalidError:
        return None
    return row if _same(read, meant) else None


def _condition(row: Row, campaigns: Campaigns) -> dict[str, Any]:
    operator = OPERATORS.get(row.operator)
    if operator is None or (row.attribute in (CAMPAIGN, LETTERS)) != (operator.activity is not None):
        raise InvalidError.of("op", Phrase("choose a comparison that fits"))
    attribute = row.attribute
    if attribute == CAMPAIGN:
        attribute = campaigns(row.of)
    elif attribute == LETTERS:
        attribute = row.of or ANY_LETTER
    condition = {"attribute": attribute, "op": row.operator, **_value(row, operator.takes)}
    try:
        Rule.model_validate(condition)
    except ValidationError as error:
        raise InvalidError(Phrase("the conditions are not as expected"), mistakes_in(error)) from error
    return {"not": condition} if row.op.startswith(NOT) else condition


def _value(row: Row, takes: Takes) -> dict[str, Any]:
    text = row.value
    if takes is Takes.FLAG or (takes is Takes.DAYS and not text):
        return {}
    if not text:
        raise InvalidError.of("value", Phrase("expected a value"))
    if takes is Takes.LIST:
        return {"value": [_scalar(part.strip()) for part in text.split(",") if part.strip()]}
    if row.op.removeprefix(NOT) in _DAYS_OF or takes is Takes.PERIOD:
        if not text.isdecimal() or len(text) > 5:
            raise InvalidError.of("value", Phrase("expected a whole number of days"))
        return {"value": int(text) if takes is Takes.PERIOD else {"days_ago": int(text)}}
    return {"value": _scalar(text)}


def _joined(join: str, rules: list[Any]) -> Any:
    return rules[0] if len(rules) == 1 else {join: rules}


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
    return "" if value is None else written(value)


def written(value: Any) -> str:
    """Text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def blocks_of(rows: Sequence[Row]) -> Iterator[tuple[str, list[tuple[int, Row]]]]:
    """The rows by group, with their numbers; one without a group alone."""
    block: list[tuple[int, Row]] = []
    for n, row in enumerate(rows, start=1):
        if block and (not row.group or row.group != block[-1][1].group):
            yield block[-1][1].group, block
            block = []
        block.append((n, row))
    if block:
        yield block[-1][1].group, block


def changed(form: Form, change: str) -> dict[str, list[str]]:
    """The form after a button of the conditions: `add`, `add:<group>`, `group` or `drop:<number>`; anything else only
    shows the fields of what is chosen."""
    rows, (what, _, of) = typed_rows(form), change.partition(":")
    if what == "add" and len(rows) < MOST_ROWS:
        rows.append(Row(group=of if of in GROUPS else ""))
    elif what == "group" and len(rows) < MOST_ROWS - 1:
        taken = {row.group for row in rows}
        free = next((letter for letter in GROUPS if letter not in taken), None)
        rows += [Row(group=free)] * 2 if free else []
    elif what == "drop" and of.isdecimal() and 1 <= int(of) <= len(rows):
        del rows[int(of) - 1]
    return {**{name: list(values) for name, values in form.items()}, **rows_form(in_order(rows), join_of(form))}
