"""The texts of the managers' page: the same ones in every language, with the same gaps to fill."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.admin.templating import LANGUAGES, words
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
