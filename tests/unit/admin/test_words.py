"""The texts of the managers' page: the same ones in every language, with the same gaps to fill."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.admin.templating import LANGUAGES, words
from chalicelib.channels import port as base
from chalicelib.channels.providers import ses_answers
from chalicelib.channels.providers import sns_answers as sns
from chalicelib.rendering.shipped import read_shipped, shipped_folder, shipped_keys

_GAP = re.compile(r"\{(\w*)\}")


def texts(tree: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, str]]:
    for name, value in tree.items():
        if isinstance(value, str):
            yield f"{place}/{name}", value
        else:
            yield from texts(value, f"{place}/{name}")


def test_every_language_has_the_same_texts_with_the_same_gaps() -> None:
    first, *others = [dict(texts(words(language))) for language in LANGUAGES]
    for other in others:
        assert first.keys() == other.keys()
        assert [name for name in first if set(_GAP.findall(first[name])) != set(_GAP.findall(other[name]))] == []


def test_no_text_is_empty() -> None:
    assert [name for language in LANGUAGES for name, text in texts(words(language)) if not text.strip()] == []


def test_every_variable_of_a_shipped_template_is_explained_in_every_language() -> None:
    folder = shipped_folder()
    letters = [read_shipped(folder, key) for key in shipped_keys(folder)]
    asked = [variable for letter in letters for variable in (letter.variables or {}).items()]
    for language in LANGUAGES:
        assert {name for name, _ in asked} <= words(language)["variables"].keys()
        assert {variable.description for _, variable in asked} == words(language)["variable_hints"].keys()
    assert not [text for text in words("ru")["variable_hints"].values() if not re.search("[а-я]", text)]


def test_every_reason_that_a_provider_gives_has_its_words() -> None:
    of_texts = {one.reason for table in (ses_answers.TEXTS, *sns.TEXTS.values()) for _, one in table}
    of_names = {one.reason for one in ses_answers.ANSWERS.values()} | {
        one for of in sns.REFUSALS.values() for one in of.values()
    }
    shared = {base.THROTTLED, base.DAILY_QUOTA, base.NO_CONNECTION, base.BAD_REQUEST, base.TOO_LONG, base.UNCLEAR}
    for language in LANGUAGES:
        assert (of_texts | of_names | shared) - words(language)["reasons"].keys() == set()
