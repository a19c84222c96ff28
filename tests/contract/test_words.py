"""Every word that is emitted is a member of its enum, has a text in every language, and no text is left over."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.admin.templating import LANGUAGES, why, words
from chalicelib.campaigns.operators import OPERATORS
from chalicelib.categories import Category
from chalicelib.deliveries import NOTIFICATION_STATUSES, DeliveryStatus
from chalicelib.errors import Phrase
from chalicelib.manifest import CHANNELS, SUBSYSTEMS, Queue
from chalicelib.reasons import Reason, ReasonFamily, SuppressionReason, SwitchReason, opened_on, reached_by, suppressed
from chalicelib.states import CampaignNews, CampaignState, Engagement, ListState, RunOutcome, SwitchState, state_word
from infra.paths import ROOT

REASONS = {
    *Reason,
    *SwitchReason,
    *map(suppressed, SuppressionReason),
    *map(reached_by, CHANNELS),
    *map(opened_on, CHANNELS),
}
# Words of errors, settings, counts and events, too.
_WITH_OTHER_MEANINGS = {
    "too_large",
    "empty_text",
    "opted_out",
    "no_address",
    "no_translation",
    "quiet_hours",
    "content_refused",
    "too_long",
}
# Calls whose argument at this place is a reason.
_BY_POSITION = {"Outcome": 2, "RenderError": 0, "ended": 4, "_close": 4}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_a_text_and_every_text_a_reason(language: str) -> None:
    say = words(language)
    assert set(say["reasons"]) == {str(one) for one in REASONS}
    assert set(say["reason_families"]) == {family.name.lower() for family in ReasonFamily}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_category_subsystem_channel_and_operator_has_a_text_and_the_other_way_round(language: str) -> None:
    say = words(language)
    assert set(say["categories"]) == {str(one) for one in Category}
    assert set(say["subsystems"]["names"]) == {str(one) for one in SUBSYSTEMS}
    assert set(say["channels"]) == set(CHANNELS)
    assert set(say["queues"]) == set(Queue)
    assert set(say["audience"]["ops"]) >= set(OPERATORS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_and_event_has_a_text_and_the_other_way_round(language: str) -> None:
    say = words(language)
    of_deliveries = {*DeliveryStatus, *NOTIFICATION_STATUSES, *Engagement}
    of_campaigns = {"campaign.scheduled", "campaign.cancelled"}  # where Russian says it otherwise than of a letter
    assert set(say["states"]) == {*of_deliveries, *CampaignState, *RunOutcome, *SwitchState, *of_campaigns}
    assert set(say["events"]) == {*CampaignState, *CampaignNews}
    assert set(say["lists"]["states"]) == set(ListState)


def test_errors_have_a_word_for_every_state() -> None:
    assert [state for state in (*CampaignState, *ListState) if not isinstance(state_word(state), Phrase)] == []


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (Reason.UNCONFIRMED, "nothing has told whether it was sent"),
        (ReasonFamily.ANSWER(503), "the server answered 503"),
        (ReasonFamily.PROVIDER("new_code"), "the provider did not take it: new_code"),
        (
            ReasonFamily.UNDEFINED("'name' is undefined"),
            "the template uses 'name' is undefined, which it does not know",
        ),
        ("of_a_newer_release", "of_a_newer_release"),
    ],
)
def test_a_reason_is_shown_in_words(reason: str, text: str) -> None:
    assert why(reason, say=words("en")) == text


def test_every_required_part_has_the_reason_of_an_empty_one() -> None:
    parts = {part for channel in CHANNELS.values() for part in channel.required_parts}
    assert {f"empty_{part}" for part in parts} == {str(one) for one in Reason if one.startswith("empty_")}


def sources() -> list[Path]:
    return sorted((ROOT / "chalicelib").rglob("*.py"))


def literal_reasons(tree: ast.AST) -> Iterator[int]:
    """The lines where a reason is a string of its own and no member."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        place = _BY_POSITION.get(name, len(node.args))
        given = [keyword.value for keyword in node.keywords if keyword.arg == "reason"] + node.args[place : place + 1]
        for value in given:
            if isinstance(value, ast.Constant | ast.JoinedStr) and not (
                isinstance(value, ast.Constant) and value.value is None
            ):
                yield value.lineno


def test_no_reason_is_a_string_of_its_own() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sources()
        for line in literal_reasons(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


def words_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The strings of a module, except for what is said to people."""
    said = {
        id(one)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Phrase"
        for one in node.args
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.lineno, node.value


def test_no_word_that_only_a_reason_or_a_state_has_stands_anywhere_else() -> None:
    own = {str(one) for one in (*Reason, *CampaignState, *SwitchState, *Engagement) if "_" in one or one == "ramping"}
    own -= _WITH_OTHER_MEANINGS
    found = [
        f"{path.relative_to(ROOT)}:{line}: {word}"
        for path in sources()
        if path.name not in ("reasons.py", "states.py")
        for line, word in words_of(ast.parse(path.read_text(encoding="utf-8")))
        if word in own
    ]
    assert found == []
