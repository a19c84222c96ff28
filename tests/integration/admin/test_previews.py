"""Who may look at what is not stored, and how often."""

import json

import pytest

from chalicelib.accounts.managers import Role
from chalicelib.admin.sample_pictures import with_sample_pictures
from chalicelib.admin.views import REGISTERED
from chalicelib.stage.app import Stage
from tests.integration.admin.conftest import Visitor, signed_in
from tests.integration.admin.test_pages import written
from tests.integration.used_up import use_up

TEMPLATE = "/admin/templates/promo"
PREVIEWS = [route for route in REGISTERED if route.method == "POST" and route.does is None and route.again]
LETTERS = [route for route in PREVIEWS if not route.path.endswith(("/blocks", "/checks"))]  # not counted as previews
FIELDS = {"template": "promo", "audience": "everyone", "letter": "en"}


def test_every_look_at_unsaved_work_is_an_editors_right() -> None:
    """Promise I1."""
    assert {route.path: route.role for route in PREVIEWS} == {
        "/admin/templates/{key}/preview": Role.EDITOR,
        "/admin/templates/{key}/blocks": Role.EDITOR,
        "/admin/campaigns/copy": Role.EDITOR,
        "/admin/campaigns/{id}/experiment/variants": Role.EDITOR,
        "/admin/templates/{key}/checks": Role.EDITOR,
        "/admin/campaigns/{id}/checks": Role.EDITOR,
        "/admin/campaigns/count": Role.EDITOR,
        "/admin/segments/count": Role.EDITOR,
        "/admin/campaigns/next": Role.EDITOR,
        "/admin/campaigns/preview": Role.EDITOR,
    }


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.EDITOR])
def test_whoever_may_not_store_a_template_sees_the_letter_of_what_is_stored(stage: None, role: Role) -> None:
    visitor = signed_in("olga", role)
    page = visitor.get(TEMPLATE)
    assert "readonly" in page.text
    assert f'action="{TEMPLATE}/letter"' in page.text
    assert "/preview" not in page.text
    assert "<button>Save" not in page.text
    letter = visitor.get(f"{TEMPLATE}/letter?letter=en&version={Stage.own().templates.get('promo').version}")
    assert (letter.status, str(Stage.own().templates.get("promo").sample.context["headline"]) in letter.text) == (
        200,
        True,
    )
    assert "sandbox" in letter.headers["content-security-policy"]
    assert visitor.get(f"{TEMPLATE}/letter?version=9").status == 404
    typed = {"source.en.email.subject": "{{ 'x' * 9 }}", "letter": "en"}
    assert visitor.post(f"{TEMPLATE}/preview", **typed).status == 403


@pytest.mark.parametrize("path", [route.path for route in LETTERS])
def test_a_manager_who_looks_too_often_is_told_when_to_go_on(boss: Visitor, path: str) -> None:
    """Promise I1."""
    path = path.format(key="promo", id=written(boss))
    assert boss.post(path, **FIELDS).status == 200
    use_up("preview", "manager:boss")
    seen = boss.post(path, **FIELDS)
    assert seen.status == 429
    assert "expected at most 60 previews a minute: try again in" in seen.text
    assert int(seen.headers["retry-after"]) >= 1
    assert signed_in("olga", Role.EDITOR).post(path, **FIELDS).status == 200  # each has their own


def test_it_is_said_in_the_managers_language_and_nothing_typed_is_lost(boss: Visitor) -> None:
    use_up("preview", "manager:boss")
    boss.cookies["__Host-vestnik_language"] = "ru"
    seen = boss.post("/admin/campaigns/count", **FIELDS, name="Осень")
    assert "не больше 60 просмотров в минуту" in seen.text
    assert 'value="Осень"' in seen.text


def test_whoever_has_looked_too_often_can_still_save(boss: Visitor) -> None:
    """Promise I1."""
    use_up("preview", "manager:boss")
    assert boss.post(TEMPLATE, **{"source.en.email.subject": "Tonight"}).said == "saved"


def test_whoever_saves_too_often_keeps_what_they_typed(boss: Visitor) -> None:
    use_up("check", "manager:boss")
    seen = boss.post(TEMPLATE, **{"source.en.email.subject": "Tonight"})
    assert (seen.status, int(seen.headers["retry-after"]) >= 1) == (429, True)
    assert "expected at most 60 checks a minute" in seen.text
    assert ">Tonight</textarea>" in seen.text
    assert json.dumps(Stage.own().templates.get("promo").version)[1:8] == "shipped"  # nothing was stored


def test_the_pictures_of_a_sample_are_drawn_and_others_are_not_touched(stage: None) -> None:
    visitor = signed_in("olga", Role.EDITOR)

    letter = visitor.get("/admin/templates/weekly-digest/letter?letter=en").text

    assert 'src="data:image/svg+xml,' in letter
    assert 'src="https://kino.example' not in letter
    assert 'href="https://kino.example/films/' in letter
    assert (
        with_sample_pictures('<img src="https://cinema.example/a.jpg">') == '<img src="https://cinema.example/a.jpg">'
    )
