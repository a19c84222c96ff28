"""A campaign's texts in more than one language: who gets which, who is left out, and what is refused at its field."""

from collections import Counter
from typing import Any

import pytest

from chalicelib.channels.shared_lines import share
from chalicelib.errors import InvalidError
from chalicelib.pipeline.jobs import EnrichJob, read_job
from chalicelib.pipeline.requests import Recipient
from chalicelib.profiles.preferences import Preferences
from chalicelib.rendering.json_value import MAX_CONTEXT_BYTES
from chalicelib.stage.app import Stage
from tests.integration.campaigns.conftest import ANNA, CONTEXT, Desk, PostOffice, StandingClock, Viewers

RUSSIAN = {"headline": "Сегодня", "text": "За полцены"}
IN_TWO = {"locale": "en", "translations": {"ru": RUSSIAN}}
LOCALES = ["en", "ru", "de", None, "en-GB", "ru-RU"]


def subjects(office: PostOffice) -> dict[str, str]:
    return {letter.address.partition("@")[0]: letter.parts["subject"] for letter in office.letters}


def readers(viewers: Viewers, *locales: str | None) -> list[str]:
    return viewers(len(locales), lambda n: {"locale": locales[n]} if locales[n] else {})


def refused(desk: Desk, **fields: Any) -> dict[str, str]:
    with pytest.raises(InvalidError) as caught:
        Stage.own().campaign_commands.draft(desk.spec(**fields), by=ANNA)
    return {one.field: str(one.message) for one in caught.value.errors}


def test_readers_of_three_languages_get_the_letter_in_theirs(desk: Desk, viewers: Viewers, office: PostOffice) -> None:
    """Of German there is nothing: its readers get the campaign's own language."""
    readers(viewers, *LOCALES)
    desk.start(**IN_TWO, track_clicks=False)
    desk.finish()

    assert subjects(office) == {
        "u-00000": "Tonight",
        "u-00001": "Сегодня",
        "u-00002": "Tonight",
        "u-00003": "Tonight",
        "u-00004": "Tonight",
        "u-00005": "Сегодня",
    }
    [russian] = [one for one in office.letters if one.address.startswith("u-00001")]
    assert "За полцены" in russian.parts["html"]
    assert CONTEXT["url"] in russian.parts["text"], "what is the same everywhere is taken from the context"
    assert 'lang="ru"' in russian.parts["html"]


def test_a_language_without_texts_gets_the_whole_letter_in_the_campaigns_own(
    desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    readers(viewers, "ru")
    desk.start(locale="en", untranslated="default")
    desk.finish()

    [letter] = office.letters
    assert letter.parts["subject"] == "Tonight"
    assert 'lang="en"' in letter.parts["html"]


def test_until_it_is_decided_a_template_in_their_language_gets_the_context_as_it_is(
    desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    readers(viewers, "ru")
    desk.start(locale="en")
    desk.finish()

    [letter] = office.letters
    assert letter.parts["subject"] == "Tonight"
    assert 'lang="ru"' in letter.parts["html"]


def test_a_half_translated_language_counts_as_none(desk: Desk, viewers: Viewers, office: PostOffice) -> None:
    readers(viewers, "ru", "en")
    campaign_id = desk.start(locale="en", translations={"ru": {"headline": "Сегодня"}}, untranslated="skip")
    desk.finish()

    assert subjects(office) == {"u-00001": "Tonight"}
    assert desk.progress(campaign_id).skipped == {"no_translation": 1}


def test_whoever_has_no_text_in_their_language_is_left_out_and_it_is_said_why(
    desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    """A reader without a language counts as one of the campaign's own."""
    ids = readers(viewers, *LOCALES)
    campaign_id = desk.start(**IN_TWO, untranslated="skip")
    desk.finish()

    assert set(subjects(office)) == {*ids} - {"u-00002"}
    assert desk.progress(campaign_id).skipped == {"no_translation": 1}
    assert desk.head(campaign_id).state == "completed"
    [notification] = Stage.own().history.of_user("u-00002", limit=10)[0]
    assert [(one["status"], one["reason"]) for one in notification["deliveries"]] == [("skipped", "no_translation")]


def test_a_chunk_that_comes_again_decides_as_it_did(
    desk: Desk, viewers: Viewers, office: PostOffice, clock: StandingClock
) -> None:
    """At quiet hours it waits in the retry queue, with its languages."""
    ids = readers(viewers, "ru", "de")
    quiet = {"quiet_hours": {"from": "09:00", "to": "17:00"}}
    for one in ids:
        Stage.own().preferences.put(one, Preferences.model_validate(quiet))
    campaign_id = desk.start(**IN_TWO, untranslated="skip")
    assert desk.pump.run() == []
    assert office.letters == []
    clock.pass_(hours=8)
    desk.pump.pass_("retry", seconds=900)
    desk.finish()

    assert subjects(office) == {"u-00000": "Сегодня"}
    assert desk.progress(campaign_id).skipped == {"no_translation": 1}


def test_a_chunk_holds_each_text_once_however_many_read_it(desk: Desk, viewers: Viewers) -> None:
    readers(viewers, *["ru", "en"] * 25)
    desk.start(**IN_TWO)
    desk.pump.run("fanout")
    bodies = desk.pump.bodies("enrich-bulk")

    assert sum(len(read_job(EnrichJob, body).recipients) for body in bodies) == 50
    assert [body.count("За полцены") for body in bodies] == [1] * len(bodies)


def test_lines_that_letters_of_two_languages_share_travel_once(
    desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    readers(viewers, *["ru", "en"] * 5)
    desk.start(**IN_TWO)
    desk.finish()
    letters = [letter.parts["html"] for letter in office.letters]
    template, own = share(letters, name="html")

    assert len(letters) == 10
    assert len(template) > min(map(len, letters)) / 2
    for letter, values in zip(letters, own, strict=True):
        made = template
        for name, value in values.items():
            made = made.replace(f"{{{{{name}}}}}", value)
        assert made == letter


def test_what_waits_for_a_digest_is_in_the_readers_language_too(
    desk: Desk, viewers: Viewers, office: PostOffice, clock: StandingClock
) -> None:
    """Whoever is left out has nothing in the digest."""
    ids = readers(viewers, "ru", "de")
    for one in ids:
        Stage.own().preferences.put(one, Preferences.model_validate({"digests": {"marketing": {"every": "day"}}}))
    campaign_id = desk.start(**IN_TWO, untranslated="skip")
    assert desk.pump.run() == []
    assert office.letters == []
    clock.pass_(days=1)
    desk.finish()

    [digest] = office.letters
    assert digest.address.startswith(ids[0])
    assert "Сегодня" in digest.parts["html"]
    assert "Tonight" not in digest.parts["html"]
    assert desk.progress(campaign_id).skipped == {"in_digest": 1, "no_translation": 1}


def test_a_test_letter_is_in_the_language_of_whoever_gets_it(desk: Desk, viewers: Viewers, office: PostOffice) -> None:
    """Also of somebody whom the campaign would leave out: a test is sent to be seen."""
    readers(viewers, "ru", "de")
    campaign_id = Stage.own().campaign_commands.draft(desk.spec(**IN_TWO, untranslated="skip"), by=ANNA).id
    for one in ("u-00000", "u-00001"):
        Stage.own().test_send.send(campaign_id, (Recipient(user_id=one),), by=ANNA)
    desk.pump.run()

    assert subjects(office) == {"u-00000": "Сегодня", "u-00001": "Tonight"}


def test_a_resend_is_in_the_same_languages(desk: Desk, viewers: Viewers, office: PostOffice) -> None:
    readers(viewers, "de", "ru")
    campaign_id = desk.start(**IN_TWO, untranslated="skip")
    desk.finish()
    Stage.own().resend.begin(campaign_id, by=ANNA)
    desk.finish()

    assert Counter(office.addresses) == {"u-00001@example.com": 1}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"translations": {"de": RUSSIAN}}, {"translations.de": "the template promo is written in: en, ru"}),
        ({"translations": {"ru": {"titel": "?"}}, "locale": "en"}, {"translations.ru.titel": "no such variable"}),
        ({"translations": {"ru": {"headline": 5}}, "locale": "en"}, {"translations.ru.headline": "string"}),
        ({"translations": {"ru": {"url": "kino"}}, "locale": "en"}, {"translations.ru.url": "http"}),
        ({"translations": {"ru": {"headline": " "}}, "locale": "en"}, {"translations.ru": "the subject is empty"}),
        ({"translations": {"ru": RUSSIAN}}, {"translations.ru": "the campaign's own language"}),
        ({"context": {**CONTEXT, "text": "Dear {{ user.name }}"}}, {"context.text": "expected plain text"}),
        (
            {"translations": {"ru": {"text": "{% if x %}"}}, "locale": "en"},
            {"translations.ru.text": "expected plain text"},
        ),
    ],
)
def test_what_is_wrong_is_refused_at_its_field(desk: Desk, fields: dict[str, Any], expected: dict[str, str]) -> None:
    found = refused(desk, **fields)

    assert found.keys() == expected.keys()
    for field, why in expected.items():
        assert why in found[field]


def test_all_texts_together_have_room_in_a_job(desk: Desk) -> None:
    half = "я" * (MAX_CONTEXT_BYTES // 4 - 200)
    russian = {**RUSSIAN, "text": half}
    both = {"context": {**CONTEXT, "text": half}, "translations": {"ru": russian}, "locale": "en"}
    assert Stage.own().campaign_commands.draft(desk.spec(**both), by=ANNA)

    russian["headline"] = "я" * 1_000
    assert set(refused(desk, **both)) == {"translations"}


def test_tags_deep_in_a_list_are_named_by_their_place(desk: Desk) -> None:
    films = [{"title": "Silence"}, {"title": "{{ film }}"}]
    found = refused(desk, template="weekly-digest", context={"films": films})

    assert "context.films[1].title" in found
