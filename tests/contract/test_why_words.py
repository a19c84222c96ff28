"""Every reason has a sentence, an advice and a place to go, in every language of the pages."""

import pytest

from chalicelib.admin.templating import LANGUAGES, words
from chalicelib.deliveries import NOTIFICATION_STATUSES
from chalicelib.manifest import CHANNELS
from chalicelib.reasons import Reason, ReasonFamily, SuppressionReason, opened_on, reached_by, suppressed
from chalicelib.services.why_advice import ADVICE, BY_STATE, OUTCOMES, Todo
from chalicelib.services.why_reasons import BECAUSE, because_of
from chalicelib.translation import translated

REASONS = {
    *map(str, Reason),
    *map(suppressed, SuppressionReason),
    *(named(channel) for channel in CHANNELS for named in (reached_by, opened_on)),
}


def test_every_reason_has_a_sentence_and_every_sentence_a_reason() -> None:
    assert BECAUSE.keys() == REASONS


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_in_every_language(language: str) -> None:
    said = {phrase for phrase, _ in BECAUSE.values()} | {*ADVICE.values(), *OUTCOMES.values()}
    texts = {str(one): translated(one, locale=language) for one in said}

    assert [one for one, text in texts.items() if language != "en" and text == one] == []


def test_every_state_has_an_outcome_and_an_advice() -> None:
    assert OUTCOMES.keys() == BY_STATE.keys() == {*NOTIFICATION_STATUSES, "opened"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_advice_has_its_words(language: str) -> None:
    assert ADVICE.keys() == set(Todo)
    without_place = {Todo.NOTHING, Todo.WAIT, Todo.LOOK_IN_SPAM, Todo.CHECK_SPELLING}
    assert set(words(language)["why"]["go"]) == {str(one) for one in set(Todo) - without_place}


@pytest.mark.parametrize("family", ReasonFamily)
def test_a_reason_that_ends_with_a_foreign_word_has_a_sentence(family: ReasonFamily) -> None:
    assert because_of("failed", family("something"))[0] is not None


def test_what_a_newer_release_wrote_has_an_advice_at_least() -> None:
    assert because_of("skipped", "of_tomorrow") == (None, Todo.CHECK_CAMPAIGN)
