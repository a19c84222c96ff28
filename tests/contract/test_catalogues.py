"""The catalogues of `locale/` have every phrase of an error, and nothing else."""

import ast
import re
from collections.abc import Iterator
from typing import Any

import pytest
from babel.messages.catalog import Message
from babel.messages.checkers import num_plurals
from pydantic_core import ErrorDetails
from pydantic_core._pydantic_core import list_all_errors

from chalicelib.validation import PHRASES, said_of
from infra.catalogues import LANGUAGES, extracted, read_catalogue, source_of, written
from infra.paths import ROOT

GAP = re.compile(r"(?<!\{)\{(\w+)\}(?!\})")
# Gaps that a translation may leave out: what a library says, and its name for a kind of value.
MAY_BE_LEFT_OUT = {"why", "kind"}
# Where the text of a ValueError meets nobody but its own module, or an engineer.
ON_ITS_OWN = {
    "campaigns/list_refused.py",
    "deliveries.py",
    "live/frames.py",
    "security/signing.py",
    "settings.py",
}
# Of what pydantic can find wrong: what no model of ours asks for.
ASKED_FOR_BY_NO_MODEL = re.compile(
    "value_error|assertion_error|.*argument.*|bytes_.*|callable_type|complex_.*|dataclass.*|decimal_.*|uuid_.*|frozen_"
    "(field|instance)|get_attribute_error|is_(instance|subclass)_of|iter.*|json_type|mapping_type|missing_sentinel_error"
    "|needs_python_object|no_such_attribute|recursion_loop|default_factory_not_called|time_delta_.*|timezone_(naive|"
    "offset)|date(time)?_(past|future)|string_not_ascii|url_syntax_violation"
)


def translations(language: str) -> dict[Any, Message]:
    return {message.id: message for message in read_catalogue(language) if message.id}


def forms(text: object) -> tuple[str, ...]:
    return tuple(text) if isinstance(text, tuple | list) else (str(text),)


def calls() -> Iterator[tuple[str, ast.Call]]:
    for path in sorted((ROOT / "chalicelib").rglob("*.py")):
        name = path.relative_to(ROOT / "chalicelib").as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield name, node


def phrases() -> Iterator[tuple[str, ast.Call]]:
    return ((name, one) for name, one in calls() if ast.unparse(one.func) in ("Phrase", "Phrase.counted"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_has_every_phrase_of_the_code_and_no_other(language: str) -> None:
    used = {message.id for message in extracted() if message.id}
    assert translations(language).keys() == used, "run `make words`"


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_in_a_catalogue_is_translated_in_every_form(language: str) -> None:
    catalogue = read_catalogue(language)
    for message in translations(language).values():
        assert all(forms(message.string)), message.id
        assert not message.fuzzy, message.id
        num_plurals(catalogue, message)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_gaps_of_its_phrase(language: str) -> None:
    for message in translations(language).values():
        gaps = set(GAP.findall(forms(message.id)[-1]))
        for form in forms(message.string):
            assert set(GAP.findall(form)) <= gaps, message.id
            assert gaps - set(GAP.findall(form)) <= MAY_BE_LEFT_OUT, message.id


def test_what_is_said_in_russian_is_in_russian() -> None:
    for message in translations("ru").values():
        for form in forms(message.string):
            assert re.search("[а-яё]", form) or not GAP.sub("", form).strip(" :;\n"), message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_is_written_as_make_words_writes_it(language: str) -> None:
    assert source_of(language).read_bytes() == written(read_catalogue(language)), "run `make words`"


def test_a_phrase_stands_whole_in_the_code_and_its_gaps_are_filled_there() -> None:
    """Otherwise no tool finds it, or a KeyError hides what went wrong."""
    for name, call in phrases():
        if name == "errors.py" and isinstance(call.args[0], ast.Name):
            continue  # what was stored is made again
        texts = [one.value if isinstance(one, ast.Constant) else None for one in call.args]
        where = f"{name}:{call.lineno}"
        assert len(texts) == (2 if ast.unparse(call.func) == "Phrase.counted" else 1), where
        for text in texts:
            assert isinstance(text, str), where
            assert set(GAP.findall(text)) | {"n"} == {str(one.arg) for one in call.keywords} | {"n"}, where
            text.format(**{str(one.arg): "" for one in call.keywords})


def test_what_a_value_error_says_to_others_is_a_phrase() -> None:
    plain = {
        name
        for name, call in calls()
        if ast.unparse(call.func) == "ValueError"
        and call.args
        and isinstance(call.args[0], ast.Constant | ast.JoinedStr)
    }
    assert {name for name in plain if not name.startswith("storage/")} == ON_ITS_OWN


def test_every_mistake_that_pydantic_may_find_is_a_phrase_with_its_own_words() -> None:
    known: dict[str, Any] = {one["type"]: one for one in list_all_errors()}
    assert {name for name in known if not ASKED_FOR_BY_NO_MODEL.fullmatch(name)} == PHRASES.keys()
    for name in PHRASES:
        context = {key: _example(key) for key in known[name].get("example_context") or {}}
        said = said_of(ErrorDetails(type=name, loc=(), msg="", input=None, ctx=context))
        own = known[name]["message_template_python"].format(**context, expected_plural="s")
        assert said == own


def _example(key: str) -> Any:
    return 2 if key.endswith("length") else "'a' or 'b'" if key == "expected" else key
