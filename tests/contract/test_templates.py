"""Every shipped template is complete: a folder that is not fails here, by name."""

import pytest

from chalicelib.manifest import CHANNELS
from chalicelib.rendering.checks import check
from chalicelib.rendering.lint.lint import lint, of_languages
from chalicelib.rendering.render import Renderer, Site
from chalicelib.rendering.shipped import shipped_folder
from chalicelib.rendering.template_store import TemplateStore

STORE = TemplateStore()
RENDERER = Renderer(channels=CHANNELS, site=Site(name="Кинозал", url="https://kino.example"))
LINKS = {"unsubscribe": "https://kino.example/u/1", "preferences": "https://kino.example/p/1"}
LETTERS = [(key, locale) for key in STORE.keys() for locale in STORE.get(key).locales]  # noqa: SIM118 - a method


def test_the_letters_of_the_mission_are_shipped() -> None:
    assert {"welcome", "new-episode", "weekly-digest", "promo", "password-reset"} <= set(STORE.keys())


@pytest.mark.parametrize("key", STORE.keys())
def test_a_shipped_template_has_no_mistake(key: str) -> None:
    assert check(STORE.get(key), renderer=RENDERER, channels=CHANNELS) == []


@pytest.mark.parametrize("key", STORE.keys())
def test_a_shipped_template_is_as_its_own_checks_advise(key: str) -> None:
    letters = lint(STORE.get(key), renderer=RENDERER)
    found = {(one.code, one.place) for letter in letters for one in letter.findings}

    assert len(letters) == len(STORE.get(key).locales)
    assert found | {(one.code, one.place) for one in of_languages(STORE.get(key))} == set()


@pytest.mark.parametrize("key", STORE.keys())
def test_a_shipped_template_speaks_russian_and_english(key: str) -> None:
    assert {"ru", "en"} <= set(STORE.get(key).locales)


@pytest.mark.parametrize("key", STORE.keys())
def test_every_variable_is_described_with_an_example(key: str) -> None:
    for name, variable in (STORE.get(key).variables or {}).items():
        assert variable.description, name
        assert variable.example is not None or variable.fields, name


@pytest.mark.parametrize("key", STORE.keys())
def test_every_category_of_a_letter_has_its_reason_in_the_footer(key: str) -> None:
    for locale in ("ru", "en"):
        reasons = RENDERER.layout.strings(locale)["why"]
        assert isinstance(reasons, dict)
        assert STORE.get(key).category in reasons


@pytest.mark.parametrize(("key", "locale"), LETTERS)
@pytest.mark.parametrize("named", [True, False])
def test_a_letter_greets_with_a_name_and_without(key: str, locale: str, named: bool) -> None:
    template = STORE.get(key)
    sample = template.sample
    user = {**sample.user, "name": "Анна"} if named else {}

    letter = RENDERER.render(
        template, channel="email", locale=locale, context=sample.context, user=user, service=sample.service, links=LINKS
    )

    assert letter.locale == locale
    assert set(letter.parts) - {"calendar"} == {"subject", "html", "text"}
    assert ("Анна" in letter.parts["html"]) is named
    for text in letter.parts.values():
        assert "None" not in text
        assert "{{" not in text
        assert " ," not in text


@pytest.mark.parametrize(("key", "locale"), LETTERS)
def test_each_address_that_the_html_leads_to_is_in_the_text_too(key: str, locale: str) -> None:
    sample = STORE.get(key).sample

    parts = RENDERER.render(
        STORE.get(key),
        channel="email",
        locale=locale,
        context=sample.context,
        user=sample.user,
        service=sample.service,
        links=LINKS,
    ).parts

    for address in _addresses(sample.context) | _addresses(sample.service) | set(LINKS.values()):
        assert address in parts["html"]
        assert address in parts["text"]


def test_no_folder_with_letters_in_it_is_overlooked() -> None:
    folders = {part.parents[1].name for part in shipped_folder().glob("*/*/email.*")}

    assert folders == set(STORE.keys())


def _addresses(value: object) -> set[str]:
    if isinstance(value, str):
        return {value} if value.startswith("https://") and not value.endswith(".jpg") else set()
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {address for one in inner for address in _addresses(one)}
