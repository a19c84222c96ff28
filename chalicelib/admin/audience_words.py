"""An audience in a sentence, in the manager's language."""

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.admin import number_format as figures
from chalicelib.admin.condition_rows import CAMPAIGN, LETTERS, NOT, row_of
from chalicelib.admin.templating import words
from chalicelib.campaigns.audience import Audience
from chalicelib.campaigns.audience_rules import Rule
from chalicelib.campaigns.model import shown_spec
from chalicelib.campaigns.operators import ANY_LETTER
from chalicelib.stage.app import stage


def rule_words(rules: Sequence[Rule], *, locale: str) -> list[str]:
    """What each says."""
    ids = sorted({one for rule in rules for one in rule.campaigns})
    say = _Sayings(locale, {one.id: shown_spec(one).name for one in stage().campaigns.some(ids)})
    return [say.rule(rule) for rule in rules]


def audience_words(audience: Audience, *, locale: str) -> list[str]:
    """Who is in it; then who is left out, if anybody."""
    say = words(locale)["audience"]["said"]
    lists = {one: found.name for one in audience.all_lists if (found := stage().lists.find(one)) is not None}
    segments = {one: found.name for one, found in stage().segments.find_each(audience.all_segments).items()}
    heads = stage().campaigns.some(list(audience.exclude_campaigns))
    campaigns = {one.id: shown_spec(one).name for one in heads}

    def named(kind: str, ids: Sequence[str], names: Mapping[str, str]) -> list[str]:
        quoted = ", ".join(say["quoted"].format(name=names.get(one, one)) for one in ids)
        return [say[kind].format(names=quoted)] if ids else []

    who = [say["everyone"]] if audience.everyone else []
    who += [say["rule"].format(rule=rule_words([audience.rule], locale=locale)[0])] if audience.rule else []
    who += named("segments", audience.segments, segments) + named("lists", audience.joined_lists, lists)
    out = named("segments", audience.exclude_segments, segments) + named("lists", audience.exclude_lists, lists)
    out += named("campaigns", audience.exclude_campaigns, campaigns)
    said = say["and"].join(who)
    return [said[:1].upper() + said[1:], *([say["without"].format(who="; ".join(out))] if out else [])]


class _Sayings:
    def __init__(self, locale: str, campaigns: Mapping[str, str]) -> None:
        self._locale = locale
        self._all = words(locale)
        self._say: Mapping[str, Any] = self._all["audience"]
        self._campaigns = campaigns

    def rule(self, rule: Rule, *, inner: bool = False) -> str:
        for join, parts in (("and", rule.all), ("or", rule.any)):
            if parts is not None:
                said = self._say["said"][join].join(self.rule(part, inner=True) for part in parts)
                return f"({said})" if inner and len(parts) > 1 else said
        row = row_of(rule)
        if row is None and rule.negated is not None:
            return str(self._say["said"]["not"]).format(rule=self.rule(rule.negated, inner=True))
        if row is None:
            return f"{rule.attribute} {rule.op} {rule.value}"
        what, value = self._say["attributes"].get(row.attribute, row.attribute), row.value
        if row.attribute == CAMPAIGN:
            what = self._say["said"]["quoted"].format(name=self._campaigns.get(row.of, row.of))
        elif row.attribute == LETTERS:
            what = self._say["said"]["any_letter"] if row.of == ANY_LETTER else self._category(row.of)
        elif row.attribute == "locale":
            value = ", ".join(figures.language_name(one.strip(), locale=self._locale) for one in value.split(","))
        elif value in ("true", "false"):
            value = self._all["yes" if value == "true" else "no"]
        pattern = self._say["said"]["ops"].get(row.op) or NOT
        return str(pattern).format(what=what, value=value or "0")

    def _category(self, name: str) -> str:
        known = self._all["categories"].get(name, name)
        return str(self._say["said"]["of_category"]).format(name=known)
