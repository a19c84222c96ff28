"""What an error says, in the language of a page."""

import re

import pytest
from pydantic import TypeAdapter, ValidationError

from chalicelib.errors import (
    FieldError,
    InvalidError,
    Phrase,
    RenderError,
    all_said,
    either,
    phrase_of,
    restored,
    stored,
)
from chalicelib.states import state_word
from chalicelib.translation import translated
from chalicelib.validation import said_of

WRONG = Phrase("there is no template `{key}`", key="draft")
STATES = Phrase(
    "the campaign is {state}: expected {states}",
    state=state_word("paused"),
    states=either(map(state_word, ["draft", "scheduled"])),
)


@pytest.mark.parametrize(
    ("phrase", "english", "russian"),
    [
        (WRONG, "there is no template `draft`", "такого шаблона нет: `draft`"),  # a name is not translated
        (
            STATES,
            "the campaign is paused: expected draft or scheduled",
            "рассылка: на паузе, а нужно: черновик или назначена",
        ),
        (
            Phrase("it fails its check: {why}", why=RenderError("syntax", Phrase("no channel has such a part"), line=3)
                   .detail),
            "it fails its check: line 3: no channel has such a part",
            "шаблон не проходит проверку: строка 3: такой части нет ни у одного канала",
        ),
        (
            FieldError("locales.ru.email", Phrase("the {part} is empty", part="subject")).said,
            "locales.ru.email: the subject is empty",
            "locales.ru.email: часть subject получилась пустой",
        ),
        # What somebody typed fills no gap of ours, and is no word of ours.
        (Phrase("there is no user {id}", id="{id}\n"), "there is no user {id}\n", "такого пользователя нет: {id}\n"),
        (Phrase("there is no user {id}", id="paused"), "there is no user paused", "такого пользователя нет: paused"),
        (
            Phrase('value: {op} compares with a number, a date, or {{"days_ago": n}}', op="gt"),
            'value: gt compares with a number, a date, or {"days_ago": n}',
            'значение: gt сравнивает с числом, датой или {"days_ago": n}',
        ),
        (
            all_said([FieldError("name", Phrase("Field required")), FieldError("at", Phrase("expected once"))]),
            "name: Field required; at: expected once",
            "name: нужно значение; at: нужно один раз",
        ),
    ],
)  # fmt: skip
def test_a_phrase_is_said_with_all_that_it_is_made_of(phrase: Phrase, english: str, russian: str) -> None:
    assert phrase == english
    assert translated(phrase, locale="en") == english
    assert translated(phrase, locale="ru") == russian
    assert translated(restored(stored(phrase), text=""), locale="ru") == russian


@pytest.mark.parametrize(
    ("n", "english", "russian"),
    [
        (1, "String should have at most 1 character", "не длиннее 1 знака"),
        (21, "String should have at most 21 characters", "не длиннее 21 знака"),
        (200, "String should have at most 200 characters", "не длиннее 200 знаков"),
    ],
)
def test_a_phrase_that_counts_has_the_form_of_its_number(n: int, english: str, russian: str) -> None:
    phrase = Phrase.counted(
        "String should have at most {n} character", "String should have at most {n} characters", n=n
    )
    assert phrase == english
    assert translated(phrase, locale="en") == english
    assert translated(phrase, locale="ru") == russian
    assert translated(restored(stored(phrase), text=""), locale="ru") == russian


@pytest.mark.parametrize("text", ["no such words anywhere", "line 1: " * 300, "", "Field required"])
def test_what_is_no_phrase_stays_as_it_is(text: str) -> None:
    assert translated(text, locale="ru") == text


def test_an_error_of_a_library_is_quoted() -> None:
    assert phrase_of(ValueError("Expecting value: {")) == "Expecting value: {"
    assert phrase_of(ValueError(WRONG)) is WRONG


def test_an_error_says_its_field_and_its_phrase() -> None:
    assert InvalidError.of("key", WRONG).detail == "key: there is no template `draft`"


def test_a_language_without_a_catalogue_is_a_mistake_of_ours() -> None:
    with pytest.raises(FileNotFoundError):
        translated(WRONG, locale="eo")


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (str, 1),
        (int, "x"),
        (int, 1.5),
        (int, []),
        (float, "x"),
        (float, []),
        (bool, []),
        (dict, 1),
        (list, 1),
        (tuple, 1),
    ],
)
def test_what_pydantic_finds_wrong_is_said_in_russian(schema: type, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(schema).validate_python(value)
    for mistake in caught.value.errors():
        assert said_of(mistake) == mistake["msg"]
        assert re.search("[а-яё]", translated(said_of(mistake), locale="ru")), mistake["msg"]
