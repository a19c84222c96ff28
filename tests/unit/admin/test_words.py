"""The texts of the managers' page: the same ones in every language, with the same gaps to fill."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.admin.look import LANGUAGES, words

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
