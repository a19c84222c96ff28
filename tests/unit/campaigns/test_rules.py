"""Who is meant: rules over profiles."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chalicelib.campaigns.audience_rules import Rule
from chalicelib.campaigns.operators import RuleMoment
from chalicelib.profiles.model import User
from chalicelib.storage.users import Profile

NOW = RuleMoment(now=datetime(2026, 3, 2, 10, tzinfo=UTC), today=date(2026, 3, 2))
ANNA = Profile(
    id="anna",
    locale="ru",
    email_confirmed=True,
    attributes={"plan": "gold", "age": 33, "seen": "2026-02-01", "stats": {"films": 7}, "trial": True},
)

plain = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False, width=16) | st.text(max_size=5)
values = st.recursive(plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner))
leaves = st.builds(
    lambda name, op_value: {"attribute": name, "op": op_value[0], "value": op_value[1]},
    st.sampled_from(["locale", "plan", "age", "stats.films", "missing"]),
    st.one_of(
        st.tuples(st.sampled_from(["equals", "not_equals"]), st.integers(-5, 5) | st.booleans() | st.text(max_size=3)),
        st.tuples(st.just("in"), st.lists(st.integers(-5, 5), min_size=1, max_size=3)),
        st.tuples(st.sampled_from(["before", "after"]), st.integers(-5, 5) | st.just("2026-01-01")),
        st.tuples(st.just("exists"), st.booleans()),
        st.tuples(st.just("anniversary"), st.integers(-3, 3)),
    ),
)
rules = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=5,
)
profiles = st.builds(
    lambda attributes, locale: Profile(id="x", locale=locale, attributes=attributes),
    st.dictionaries(st.sampled_from(["plan", "age", "stats"]), values),
    st.sampled_from([None, "ru", "en"]),
)


def meant(rule: dict[str, Any], profile: Profile = ANNA, at: RuleMoment = NOW) -> bool:
    return Rule.model_validate(rule).matches(profile, at)


@pytest.mark.parametrize(
    ("attribute", "op", "value", "expected"),
    [
        ("locale", "equals", "ru", True),
        ("plan", "equals", "silver", False),
        ("attributes.plan", "equals", "gold", True),
        ("trial", "equals", 1, False),
        ("plan", "not_equals", "silver", True),
        ("missing", "not_equals", "silver", True),
        ("plan", "in", ["gold", "silver"], True),
        ("age", "after", 30, True),
        ("age", "before", 30, False),
        ("age", "before", "2026-01-01", False),
        ("seen", "before", "2026-02-02T00:00:00+03:00", True),
        ("seen", "before", {"days_ago": 20}, True),
        ("seen", "after", {"days_ago": 20}, False),
        ("stats.films", "equals", 7, True),
        ("stats.films.more", "exists", None, False),
        ("missing", "exists", False, True),
        ("email_confirmed", "equals", True, True),
    ],
)
def test_a_part_compares_one_attribute(attribute: str, op: str, value: Any, expected: bool) -> None:
    assert meant({"attribute": attribute, "op": op, "value": value}) is expected


@pytest.mark.parametrize(
    ("birthday", "today", "days_before", "expected"),
    [
        ("1991-03-02", date(2026, 3, 2), 0, True),
        ("--03-02", date(2026, 3, 2), 0, True),
        ("1991-03-05", date(2026, 3, 2), 3, True),
        ("1991-03-02", date(2026, 3, 3), 0, False),
        ("1992-02-29", date(2026, 2, 28), 0, True),
        ("1992-02-29", date(2028, 2, 28), 0, False),
        ("1992-02-29", date(2028, 2, 29), 0, True),
        ("soon", date(2026, 3, 2), 0, False),
    ],
)
def test_an_anniversary_is_the_day_of_the_year(birthday: str, today: date, days_before: int, expected: bool) -> None:
    rule = {"attribute": "birthday", "op": "anniversary", "value": days_before}

    assert meant(rule, Profile(id="x", attributes={"birthday": birthday}), RuleMoment(NOW.now, today)) is expected


@given(rule=rules, profile=profiles)
def test_a_rule_is_either_true_or_false_whatever_a_profile_holds(rule: dict[str, Any], profile: Profile) -> None:
    assert meant({"not": rule}, profile) is not meant(rule, profile)


@given(left=rules, right=rules, profile=profiles)
def test_and_and_or_are_those_of_logic(left: dict[str, Any], right: dict[str, Any], profile: Profile) -> None:
    one, other = meant(left, profile), meant(right, profile)

    assert meant({"all": [left, right]}, profile) is (one and other)
    assert meant({"any": [left, right]}, profile) is (one or other)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"attribute": "plan"},
        {"op": "equals", "value": 1},
        {"attribute": "plan", "op": "like", "value": "%"},
        {"attribute": "__class__.__init__", "op": "exists"} | {"attribute": "a b"},
        {"attribute": "plan", "op": "in", "value": []},
        {"attribute": "plan", "op": "equals", "value": {"$ne": 1}},
        {"attribute": "plan", "op": "before", "value": "yesterday"},
        {"all": []},
        {"all": [{"attribute": "plan", "op": "exists"}], "any": [{"attribute": "plan", "op": "exists"}]},
        {"all": [{"attribute": "plan", "op": "exists"}], "value": 1},
    ],
)
def test_a_rule_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Rule.model_validate(wrong)


def test_a_rule_is_bounded_in_depth_and_in_parts() -> None:
    leaf: dict[str, Any] = {"attribute": "plan", "op": "exists"}
    deep = leaf
    for _ in range(8):
        deep = {"not": deep}

    for wrong in (deep, {"all": [{"any": [leaf] * 50}, {"any": [leaf] * 50}]}):
        with pytest.raises(ValidationError):
            Rule.model_validate(wrong)


def test_nothing_of_python_can_be_reached_through_a_path() -> None:
    assert meant({"attribute": "attributes.__class__", "op": "exists"}) is False
    assert meant({"attribute": "to_dict", "op": "exists"}) is False


@pytest.mark.parametrize(
    "rule",
    [
        {"all": [{"attribute": "plan", "op": "exists"}, {"attribute": "visits", "op": "after", "value": 3}]},
        {"any": [{"not": {"attribute": "plan", "op": "equals", "value": "gold"}}]},
    ],
)
def test_a_rule_is_read_again_as_it_is_stored(rule: dict[str, Any]) -> None:
    made = Rule.model_validate(rule)
    assert Rule.model_validate(made.model_dump(mode="json", by_alias=True)) == made


@pytest.mark.parametrize(
    ("op", "value", "found", "is_read"),
    [
        ("anniversary", 0, "28.11.1990", False),
        ("anniversary", 0, 19901128, False),
        ("anniversary", 0, "1990-11-28", True),
        ("anniversary", 0, "--11-28", True),
        ("anniversary", 0, None, True),
        ("before", "2026-01-01", "01/02/2026", False),
        ("after", {"days_ago": 7}, "yesterday", False),
        ("after", 5, "7", False),
        ("after", 5, 7, True),
        ("equals", 5, "5", False),
        ("not_equals", True, "true", False),
        ("equals", 5, 5.5, True),
        ("in", ["5", 5], "6", True),
        ("in", [5, 6], "6", False),
        ("exists", None, "anything", True),
    ],
)
def test_a_value_that_a_rule_cannot_compare_is_told(op: str, value: Any, found: Any, is_read: bool) -> None:
    """Promise E5: no op ignores silently what it cannot read."""
    part = {"attribute": "about.it", "op": op, "value": value}
    profile = Profile(id="anna", attributes={"about": {"it": found}})

    for rule in (part, {"not": part}, {"all": [{"attribute": "id", "op": "equals", "value": "x"}, part]}):
        told = dict(Rule.model_validate(rule).unread(profile, NOW))
        assert told == ({} if is_read else {"about.it": found})


@given(rules, st.dictionaries(st.sampled_from(["plan", "age", "stats"]), values))
def test_what_is_told_is_what_a_profile_holds(rule: dict[str, Any], attributes: dict[str, Any]) -> None:
    for attribute, found in Rule.model_validate(rule).unread(Profile(id="a", attributes=attributes), NOW):
        assert found is not None
        assert attribute.split(".")[0] in attributes


@pytest.mark.parametrize(
    ("locale", "op", "value", "means"),
    [
        ("en-GB", "equals", "en", True),
        ("en-GB", "equals", "EN_gb", True),
        ("en", "equals", "en-GB", False),
        ("ru-RU", "in", ["de", "ru"], True),
        ("ru-RU", "not_equals", "ru", False),
        ("de", "not_equals", "ru", True),
    ],
)
def test_a_rule_means_a_language_in_any_spelling_and_its_kinds(locale: str, op: str, value: Any, means: bool) -> None:
    rule = Rule.model_validate({"attribute": "locale", "op": op, "value": value})
    assert rule.matches(Profile(id="a", locale=locale), NOW) is means


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("email", "Ivan@ПОЧТА.рф"),
        ("phone", "+7 (926) 123-45-67"),
        ("timezone", "europe/moscow"),
        ("name", " \u0418\u0306\r\nосиф "),
        ("city", "\u0418\u0306ошкар-Ола\r\n"),
        ("stats.cities", "\u0418\u0306"),
    ],
)
@pytest.mark.parametrize("op", ["equals", "in"])
def test_a_rule_compares_with_what_is_stored_however_its_value_is_written(attribute: str, value: str, op: str) -> None:
    """Promise E3: a value of a rule has the form in which profiles are stored."""
    ivan = User(
        id="ivan",
        email="ivan@почта.рф",
        phone="+79261234567",
        timezone="Europe/Moscow",
        name="Й осиф",
        attributes={"city": "Йошкар-Ола", "stats": {"cities": "Й"}},
    )
    profile = Profile(**{name: given for name, given in ivan.model_dump().items() if name != "email_confirmed"})
    assert meant({"attribute": attribute, "op": op, "value": value if op == "equals" else ["x", value]}, profile)


@pytest.mark.parametrize("days", [None, 0, 366, 1.5, True, "2", [2]])
def test_an_opening_is_asked_for_within_whole_days(days: Any) -> None:
    with pytest.raises(ValidationError, match="opened_campaign takes a whole number of days"):
        Rule.model_validate({"attribute": "a-campaign", "op": "opened_campaign", "value": days})


def test_a_rule_names_few_campaigns_and_one_of_them_as_often_as_it_likes() -> None:
    def asked(*ids: str) -> Rule:
        return Rule.model_validate({"any": [{"attribute": one, "op": "opened_campaign", "value": 1} for one in ids]})

    assert asked("a", "b", "c", "a").campaigns == {"a", "b", "c"}
    with pytest.raises(ValidationError, match="letters of at most 3 campaigns"):
        asked("a", "b", "c", "d")
