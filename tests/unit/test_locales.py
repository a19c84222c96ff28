"""A language has one name, however it is written."""

from string import ascii_letters, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.locales import lookup, normal_locale, preferred, speaks

WRITTEN = {
    "ru_RU": "ru-RU",
    "ru_RU.UTF-8": "ru-RU",
    "en-us": "en-US",
    " EN ": "en",
    "zh-hans": "zh-Hans",
    "ZH_HANT_tw": "zh-Hant-TW",
    "es-419": "es-419",
    "fil": "fil",
    "tl": "fil",
    "iw": "he",
    "no": "nb",
    "sr_RS@latin": "sr-RS",
    "de-CH-1996": "de-CH-1996",
    "en-US-u-hc-h12": "en-US",
    "zh-cmn-Hans-CN": "zh-Hans-CN",
    "zh_yue_HK": "zh-HK",
}


@pytest.mark.parametrize(("written", "stored"), WRITTEN.items())
def test_a_language_is_stored_in_one_form(written: str, stored: str) -> None:
    """Promise E4: BCP 47 in any letter case, with `_` too."""
    assert normal_locale(written) == stored


@pytest.mark.parametrize(
    "wrong", ["", "russian", "r", "C", "POSIX", "ru-", "ru-RUS-", "рус", "ru RU", "../ru", "ru/RU"]
)
def test_what_is_no_language_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="language tag"):
        normal_locale(wrong)


@given(st.text(alphabet=ascii_letters + digits + "-_.@ ", max_size=24) | st.text())
def test_a_second_time_changes_nothing_and_a_lookup_never_fails(text: str) -> None:
    found = lookup(text)
    try:
        stored = normal_locale(text)
    except ValueError:
        assert found == (text,)
        return
    assert normal_locale(stored) == stored == found[0]
    assert found[-1] == stored.partition("-")[0]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("zh_Hant_TW", ["zh-Hant-TW", "zh-Hant", "zh"]),
        ("zh-TW", ["zh-TW", "zh-Hant", "zh"]),
        ("pt_br", ["pt-BR", "pt"]),
        ("ru", ["ru"]),
    ],
)
def test_a_language_is_looked_for_from_the_exact_to_the_general(wanted: str, found: list[str]) -> None:
    assert list(lookup(wanted)) == found


def test_a_kind_of_a_language_is_that_language_and_not_the_other_way_round() -> None:
    assert speaks("en-GB", "en")
    assert not speaks("en", "en-GB")
    assert not speaks("eng-GB", "en")


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("de, RU_ru;q=0.5, en;q=0.4", "ru"),
        ("en;q=0, ru;q=0.1", "ru"),
        ("de", None),
        ("ru;q=0", None),
        (None, None),
        (";;q=x,*", None),
    ],
)
def test_a_browser_is_answered_in_what_it_prefers_of_what_there_is(accepted: str | None, chosen: str | None) -> None:
    assert preferred(accepted, {"ru", "en"}) == chosen
