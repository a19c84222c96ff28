"""Tags: what was seen is told from what is there, and the fields that differ are named."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import ChangedError, InvalidError, Phrase
from chalicelib.etags import MAX_CHARACTERS, Seen, etag, tag_of

NAMES = ("email", "locale", "name")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
THINGS = st.fixed_dictionaries(dict.fromkeys(NAMES, VALUES))


@given(THINGS)
def test_a_thing_has_one_tag_in_whatever_order_its_fields_stand(thing: dict[str, Any]) -> None:
    assert tag_of(thing) == tag_of(dict(reversed(thing.items())))
    Seen.of(etag(tag_of(thing))).require(thing, what=Phrase("it"))


@given(THINGS, st.sampled_from(NAMES), VALUES)
def test_the_field_that_differs_is_named(thing: dict[str, Any], name: str, value: Any) -> None:
    now = {**thing, name: value}
    if repr(now) == repr(thing):
        return
    with pytest.raises(ChangedError) as refused:
        Seen((tag_of(thing),)).require(now, what=Phrase("the thing"))

    assert [one.field for one in refused.value.differs] == [name]
    assert refused.value.tag == tag_of(now)
    assert refused.value.detail == f"the thing was changed since it was read: {name}"


def test_a_tag_of_other_fields_is_no_tag_of_this_thing() -> None:
    with pytest.raises(ChangedError) as refused:
        Seen((tag_of({"name": "Anna"}),)).require({"name": "Anna", "email": None}, what=Phrase("it"))

    assert refused.value.differs == ()


def test_a_star_is_whatever_there_is() -> None:
    Seen.of("*").require({"name": "Anna"}, what=Phrase("it"))
    with pytest.raises(ChangedError):
        Seen.of("*").require(None, what=Phrase("it"))


def test_one_of_several_tags_is_enough_and_a_weak_one_is_not() -> None:
    tag = tag_of({"name": "Anna"})
    Seen.of(f'"0" , {etag(tag)}').require({"name": "Anna"}, what=Phrase("it"))
    with pytest.raises(ChangedError):
        Seen.of(f"W/{etag(tag)}").require({"name": "Anna"}, what=Phrase("it"))


@pytest.mark.parametrize("header", ["", "abc", '"abc', '"a" "b"', "**", '*, "a"', '"a",', 'w/"a"', '"é"', '"a\n"'])
def test_what_is_no_if_match_is_refused(header: str) -> None:
    with pytest.raises(InvalidError) as refused:
        Seen.of(header)
    assert refused.value.errors[0].field == "If-Match"


def test_an_endless_if_match_is_refused() -> None:
    with pytest.raises(InvalidError):
        Seen.of(f'"{"a" * MAX_CHARACTERS}"')


@given(st.text(max_size=40))
def test_any_header_is_read_or_refused(header: str) -> None:
    with suppress(InvalidError):
        Seen.of(header)
