"""The public pages have the same words in both languages, for every category."""

import json
from typing import Any

import pytest

from chalicelib.categories import CATEGORIES
from chalicelib.public.pages import LANGUAGES
from chalicelib.rendering.shipped import shipped_folder


def read(language: str) -> dict[str, Any]:
    words: dict[str, Any] = json.loads((shipped_folder() / "pages" / f"{language}.json").read_text(encoding="utf-8"))
    return words


def names(words: object, path: str = "") -> set[str]:
    if not isinstance(words, dict):
        assert isinstance(words, str)
        assert words.strip()
        return {path}
    return {name for key, inner in words.items() for name in names(inner, f"{path}.{key}")}


def test_both_languages_say_the_same_things() -> None:
    assert names(read("ru")) == names(read("en"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_category_that_can_be_switched_has_a_name_and_a_meaning(language: str) -> None:
    switchable = {name for name, category in CATEGORIES.items() if not category.transactional}

    assert switchable == set(read(language)["categories"])
