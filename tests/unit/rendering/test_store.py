"""Where a template comes from: the stored version, else the shipped one; and what a version's name promises."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from chalicelib.errors import NotFoundError
from chalicelib.rendering.model import Template
from chalicelib.rendering.shipped import shipped_folder
from chalicelib.rendering.template_store import TemplateStore
from chalicelib.storage.configuration import TemplateVersions
from tests.unit.rendering.letters import template


class Shelf(TemplateVersions):
    """What is written down, in memory; counts the questions."""

    def __init__(self, *templates: Template) -> None:
        self.bodies: dict[tuple[str, int | str], Mapping[str, Any]] = {
            (one.key, one.version): one.model_dump(mode="json") for one in templates
        }
        self.questions = self.writes = 0

    def latest(self, key: str) -> int | None:
        self.questions += 1
        return self._latest(key)

    def body(self, key: str, version: int | str) -> Mapping[str, Any] | None:
        self.questions += 1
        return self.bodies.get((key, version))

    def newest(self) -> list[Mapping[str, Any]]:
        self.questions += 1
        found = [(key, self._latest(key)) for key in dict.fromkeys(key for key, _ in self.bodies)]
        return [self.bodies[key, number] for key, number in found if number is not None]

    def keep(self, key: str, name: str, body: Mapping[str, Any]) -> None:
        self.writes += 1
        self.bodies.setdefault((key, name), body)

    def add(self, key: str, version: int, body: Mapping[str, Any], *, replaces: int | None, by: str) -> bool:
        self.bodies[key, version] = body
        return True

    def _latest(self, wanted: str) -> int | None:
        numbers = [version for key, version in self.bodies if key == wanted and isinstance(version, int)]
        return max(numbers, default=None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Shipped templates of the test's own: the layout and `welcome`."""
    for name in ("_layout", "welcome"):
        shutil.copytree(shipped_folder() / name, tmp_path / name)
    return tmp_path


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_a_stored_version_hides_the_shipped_one_which_stays_to_be_had() -> None:
    store = TemplateStore(Shelf(template(key="welcome", version=3)))

    assert store.get("welcome").version == 3
    assert store.get("welcome", 0).category == "account"


def test_the_shipped_templates_need_no_stored_ones() -> None:
    store = TemplateStore()

    assert store.get("welcome") is store.get("welcome", 0)
    assert "welcome" in store.keys()  # noqa: SIM118 - a method


def test_all_templates_are_listed_by_one_question() -> None:
    shelf = Shelf(
        template(key="welcome", version=2), template(key="welcome", version=3), template(key="zebra", version=1)
    )
    store = TemplateStore(shelf)

    found = {one.key: one.version for one in store.everything()}

    assert (found["welcome"], found["zebra"], str(found["promo"])[:8]) == (3, 1, "shipped-")
    assert shelf.questions == 1


def test_what_was_stored_a_moment_ago_is_the_newest_version_at_once() -> None:
    shelf = Shelf(template(version=1))
    store = TemplateStore(shelf)
    seen = [store.get("letter").version]

    store.add(template(), by="anna")
    seen.append(store.get("letter").version)

    assert seen == [1, 2]


def test_a_given_version_is_asked_for_once() -> None:
    shelf = Shelf(template(version=1))
    store = TemplateStore(shelf)

    assert store.get("letter", 1) is store.get("letter", 1)
    assert shelf.questions == 1


@pytest.mark.parametrize(
    ("key", "version"),
    [("nothing", None), ("welcome", 7), ("welcome", "shipped-000000000000"), ("../welcome", None), ("_layout", 0)],
)
def test_what_is_not_there_is_not_found(key: str, version: int | str | None) -> None:
    with pytest.raises(NotFoundError):
        TemplateStore(Shelf()).get(key, version)


def test_every_key_is_listed_once() -> None:
    keys = TemplateStore(Shelf(template(key="welcome"), template(key="own"))).keys()

    assert keys.count("welcome") == 1
    assert "own" in keys


def test_every_change_of_a_shipped_templates_content_is_another_version_and_the_same_content_the_same_one(
    folder: Path,
) -> None:
    """Promise A1: a shipped version is named by its content."""
    first = TemplateStore(folder=folder).get("welcome").version
    edit(folder / "welcome" / "ru" / "email.json", "пожаловать", "прийти")
    second = TemplateStore(folder=folder).get("welcome").version
    meta = json.loads((folder / "welcome" / "meta.json").read_text())
    (folder / "welcome" / "meta.json").write_text(json.dumps({**meta, "default_locale": "en"}))
    third = TemplateStore(folder=folder).get("welcome").version
    (folder / "welcome" / "meta.json").write_text(json.dumps(meta, indent=7))
    edit(folder / "welcome" / "ru" / "email.json", "прийти", "пожаловать")

    assert len({first, second, third}) == 3
    assert TemplateStore(folder=folder).get("welcome").version == first


def test_what_a_letter_is_accepted_with_is_found_by_newer_and_by_older_code(folder: Path) -> None:
    """Promise A1: forwards and backwards."""
    shelf = Shelf()
    old = TemplateStore(shelf, folder=folder)
    old.write_down(accepted_by_old := old.edition("welcome"))
    old_words = old.layout(accepted_by_old.layout).strings("en")
    edit(folder / "welcome" / "ru" / "email.json", "пожаловать", "прийти")
    edit(folder / "_layout" / "en.json", "Unsubscribe", "Leave")
    new = TemplateStore(shelf, folder=folder)
    new.write_down(accepted_by_new := new.edition("welcome"))

    assert accepted_by_old.layout != accepted_by_new.layout
    assert new.get("welcome", accepted_by_old.template.version) == accepted_by_old.template
    assert new.layout(accepted_by_old.layout).strings("en") == old_words
    assert old.get("welcome", accepted_by_new.template.version) == accepted_by_new.template
    assert old.layout(accepted_by_new.layout).strings("en") != old_words


def test_a_process_writes_a_shipped_version_down_once() -> None:
    shelf = Shelf()
    store = TemplateStore(shelf)

    for _ in range(3):
        store.write_down(store.edition("welcome"))
        store.write_down(store.edition("promo"))

    assert shelf.writes == 3  # two templates and the layout


def test_a_layout_that_nobody_has_written_down_is_not_found() -> None:
    with pytest.raises(NotFoundError):
        TemplateStore(Shelf()).layout("layout-000000000000")
