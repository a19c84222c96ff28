"""Where a template comes from: the stored version, else the shipped one."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.errors import NotFoundError
from chalicelib.rendering.model import Template
from chalicelib.rendering.store import TemplateStore
from tests.unit.rendering.letters import template


class Shelf:
    """Stored versions in memory; counts the questions."""

    def __init__(self, *templates: Template) -> None:
        self.templates = list(templates)
        self.questions = 0

    def latest(self, key: str) -> Template | None:
        self.questions += 1
        return max((one for one in self.templates if one.key == key), key=lambda one: one.version, default=None)

    def version(self, key: str, version: int) -> Template | None:
        self.questions += 1
        return next((one for one in self.templates if (one.key, one.version) == (key, version)), None)

    def newest(self) -> list[Template]:
        self.questions += 1
        by_version = sorted(self.templates, key=lambda one: one.version)
        return list({one.key: one for one in by_version}.values())


class Watch:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 22, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment


def test_a_stored_version_hides_the_shipped_one_which_stays_to_be_had() -> None:
    store = TemplateStore(Shelf(template(key="welcome", version=3)))

    assert store.get("welcome").version == 3
    assert store.get("welcome", 0).category == "account"


def test_the_shipped_templates_need_no_stored_ones() -> None:
    store = TemplateStore()

    assert store.get("welcome").version == 0
    assert "welcome" in store.keys()  # noqa: SIM118 - a method


def test_all_templates_are_listed_by_one_question() -> None:
    shelf = Shelf(
        template(key="welcome", version=2), template(key="welcome", version=3), template(key="zebra", version=1)
    )
    store = TemplateStore(shelf)

    found = {one.key: one.version for one in store.everything()}

    assert (found["welcome"], found["zebra"], found["promo"]) == (3, 1, 0)
    assert shelf.questions == 1


def test_the_latest_version_is_asked_for_again_when_its_time_is_over() -> None:
    watch, shelf = Watch(), Shelf(template(version=1))
    store = TemplateStore(shelf, ttl_seconds=30, clock=watch)

    seen = [store.get("letter").version]
    shelf.templates.append(template(version=2))
    watch.moment += timedelta(seconds=29)
    seen.append(store.get("letter").version)
    watch.moment += timedelta(seconds=1)
    seen.append(store.get("letter").version)

    assert seen == [1, 1, 2]


def test_a_given_version_is_asked_for_once() -> None:
    shelf = Shelf(template(version=1))
    store = TemplateStore(shelf)

    assert store.get("letter", 1) is store.get("letter", 1)
    assert shelf.questions == 1


@pytest.mark.parametrize(("key", "version"), [("nothing", None), ("welcome", 7), ("../welcome", None), ("_layout", 0)])
def test_what_is_not_there_is_not_found(key: str, version: int | None) -> None:
    with pytest.raises(NotFoundError):
        TemplateStore(Shelf()).get(key, version)


def test_every_key_is_listed_once() -> None:
    keys = TemplateStore(Shelf(template(key="welcome"), template(key="own"))).keys()

    assert keys.count("welcome") == 1
    assert "own" in keys
