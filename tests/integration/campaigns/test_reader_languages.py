"""Before a campaign starts its readers are counted by language, and the run does what was counted."""

from collections import Counter
from typing import Any

import pytest

from chalicelib.campaigns.preview import AudienceCount
from chalicelib.campaigns.reader_languages import MOST_LANGUAGES, OTHERS, ReaderLanguages
from chalicelib.stage.app import Stage
from chalicelib.storage.users import Profile
from tests.integration.api.gateway import Gateway, gateway
from tests.integration.campaigns.conftest import ANNA, Desk, PostOffice, Viewers

RUSSIAN = {"headline": "Сегодня", "text": "За полцены"}
IN_TWO: dict[str, Any] = {"locale": "en", "translations": {"ru": RUSSIAN}}
LOCALES = ["en", "ru", "de", None, "en-GB", "de-AT", "en"]


def drafted(desk: Desk, **fields: Any) -> str:
    return Stage.own().campaign_commands.draft(desk.spec(**fields), by=ANNA).id


def counted(desk: Desk, campaign_id: str, **more: Any) -> AudienceCount:
    head = desk.head(campaign_id)
    return Stage.own().campaign_preview.look(head, desk.spec(**head.spec), **more)


def languages(look: AudienceCount) -> list[tuple[str, int, bool, str | None]]:
    return [(one.locale, one.people, one.has_content, one.used) for one in look.languages]


@pytest.mark.parametrize(
    ("fields", "expected", "left_out"),
    [
        ({**IN_TWO}, [("en", 4, True, "en"), ("de", 2, False, "en"), ("ru", 1, True, "ru")], 0),
        ({"locale": "en"}, [("en", 4, True, "en"), ("de", 2, False, "en"), ("ru", 1, False, "ru")], 0),
        (
            {"locale": "en", "untranslated": "default"},
            [("en", 4, True, "en"), ("de", 2, False, "en"), ("ru", 1, False, "en")],
            0,
        ),
        (
            {**IN_TWO, "untranslated": "skip"},
            [("en", 4, True, "en"), ("de", 2, False, None), ("ru", 1, True, "ru")],
            2,
        ),
        ({}, [("en", 3, False, "en"), ("de", 2, False, "ru"), ("ru", 2, True, "ru")], 0),
    ],
)
def test_readers_are_counted_by_language_with_what_they_will_get(
    desk: Desk,
    viewers: Viewers,
    office: PostOffice,
    fields: dict[str, Any],
    expected: list[tuple[str, int, bool, str | None]],
    left_out: int,
) -> None:
    """A reader without a language counts as one of the campaign's own, or else of the stage's."""
    viewers(len(LOCALES), lambda n: {"locale": LOCALES[n]} if LOCALES[n] else {})
    campaign_id = drafted(desk, **fields)

    look = counted(desk, campaign_id)
    Stage.own().campaign_commands.start(campaign_id, by=ANNA)
    desk.finish()

    assert languages(look) == expected
    assert (look.counts["no_translation"], look.counts["final"]) == (left_out, len(LOCALES) - left_out)
    assert sum(look.counts.values()) == 2 * look.counts["recipients"]
    assert len(office.letters) == look.counts["final"]
    assert desk.progress(campaign_id).skipped == ({"no_translation": left_out} if left_out else {})


def test_a_count_in_pages_adds_up(desk: Desk, viewers: Viewers) -> None:
    viewers(7, lambda n: {"locale": ["en", "ru", "de"][n % 3]})
    campaign_id = drafted(desk, **IN_TWO, untranslated="skip")
    look = counted(desk, campaign_id, at_most=2)
    pages = 1
    while look.cursor:
        look = counted(desk, campaign_id, at_most=2, cursor=look.cursor)
        pages += 1

    assert pages > 3
    assert languages(look) == [("en", 3, True, "en"), ("de", 2, False, None), ("ru", 2, True, "ru")]
    assert look.counts["no_translation"] == 2


def test_a_template_whose_words_are_its_own_needs_no_translation(desk: Desk, viewers: Viewers) -> None:
    """What a language's part of the template does not use need not be translated into it."""
    template = Stage.own().templates.get("promo")
    own_words = {"email.subject": "Tonight", "email.html": "<p>Half price {{ url }}</p>"}
    russian = {name: text for name, text in template.locales["ru"].items() if name.startswith("email.")}
    changes = {"locales": {"ru": russian, "en": own_words}, "extra_channels": ()}
    Stage.own().templates.add(template.model_copy(update=changes), by="test")
    viewers(1, lambda _: {"locale": "en"})

    assert languages(counted(desk, drafted(desk))) == [("en", 1, True, "en")]


def test_thousands_of_languages_do_not_fill_a_cursor(desk: Desk) -> None:
    read = ReaderLanguages(desk.spec(), Stage.own().templates.get("promo"), default_locale="ru")
    letters = "abcdefghijklmnopqrstuvwxyz"
    people = [Profile(id="", locale=f"{a}{b}") for a in letters for b in letters]
    counts = Counter[str]()
    read.count([*people, Profile(id="", locale="not a language")], counts)

    assert len(counts) <= MOST_LANGUAGES + len(["en", "ru", OTHERS])
    assert counts.total() == len(people) + 1
    assert counts[OTHERS] > 500


def test_the_api_tells_the_same(desk: Desk, viewers: Viewers) -> None:
    viewers(3, lambda n: {"locale": ["en", "ru", "de"][n]})
    campaign_id = drafted(desk, **IN_TWO)

    api: Gateway = gateway()
    assert api.post(f"/v1/campaigns/{campaign_id}/preview").body["languages"] == [
        {"locale": "de", "people": 1, "has_content": False, "used": "en"},
        {"locale": "en", "people": 1, "has_content": True, "used": "en"},
        {"locale": "ru", "people": 1, "has_content": True, "used": "ru"},
    ]
    changed = api.patch(f"/v1/campaigns/{campaign_id}", {"untranslated": "skip"}).body
    assert (changed["untranslated"], changed["translations"]) == ("skip", {"ru": RUSSIAN})
    seen = api.post(f"/v1/campaigns/{campaign_id}/preview").body
    assert (seen["final"], seen["no_translation"], seen["languages"][0]["used"]) == (2, 1, None)
    assert api.patch(f"/v1/campaigns/{campaign_id}", {"translations": None}).body["translations"] == {}
