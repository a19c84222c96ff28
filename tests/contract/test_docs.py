"""What the documentation names exists, and the other way round."""

import re

import pytest

from chalicelib.api.endpoint import ENDPOINTS
from chalicelib.settings import Settings
from infra.paths import ROOT, TEMPLATE
from tools import api_docs

SETTINGS_PAGE = ROOT / "docs" / "settings.md"
ROW = re.compile(r"^\| `(VESTNIK_[A-Z_]+)` \| (.*?) \| (.*?) \|$", re.MULTILINE)


def variable(name: str) -> str:
    return f"VESTNIK_{name.upper()}"


def documented() -> dict[str, str]:
    return {name: default for name, default, _ in ROW.findall(SETTINGS_PAGE.read_text(encoding="utf-8"))}


def test_every_setting_is_documented_and_no_other() -> None:
    assert list(documented()) == [variable(name) for name in Settings.model_fields]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_documented_default_is_the_real_one(name: str) -> None:
    field = Settings.model_fields[name]
    wanted = "required" if field.is_required() else f"`{field.default}`" if field.default not in (None, "") else "none"

    assert documented()[variable(name)] == wanted


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_given_by_the_template(name: str) -> None:
    assert f"{variable(name)}:" in TEMPLATE.read_text(encoding="utf-8")


def test_every_link_between_the_pages_leads_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    broken = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]

    assert broken == []


def test_every_file_that_the_readme_names_exists() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:chalicelib|functions|infra|templates|docs|tests)/[\w./-]+\w)`", text)

    assert [one for one in named if not (ROOT / one).exists()] == []


def test_the_page_of_the_api_is_what_make_docs_writes() -> None:
    assert api_docs.PAGE.read_text(encoding="utf-8") == api_docs.page(), "run `make docs`"


def test_every_call_of_the_api_has_its_example_on_the_page() -> None:
    calls = len(re.findall(r"^`[A-Z]+ /v1/", api_docs.PAGE.read_text(encoding="utf-8"), re.MULTILINE))

    assert calls == len(ENDPOINTS) == api_docs.PAGE.read_text(encoding="utf-8").count("curl -sS")
