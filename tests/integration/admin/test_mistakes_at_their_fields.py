"""What is wrong in a form is said at the field, in the manager's language and words; the list at the top leads there,
and nothing typed is lost."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib.admin.field_mistakes import at_their_fields, control_of
from chalicelib.admin.form_reader import CHECKS, Control, Form, forms_in
from tests.integration.admin.conftest import Seen, Visitor
from tests.integration.admin.test_pages import PROMO, written

LISTED = re.compile(r'<div class="note bad" role="alert".*?</div>', re.DOTALL)
LINK = re.compile(r'<a href="#([^"]+)">(.+?)</a>')
# What no person should read: a pattern, a path with brackets, a part of a type.
RAW = re.compile(r"\^\[|\\d|\{0,|literal\[|constrained|\[\d+\]|[a-z]+_[a-z]+: ")

WRONG: Mapping[str, tuple[Mapping[str, Any], set[str]]] = {
    "/admin/settings/redirect_url": ({"value": "cinema"}, {"value"}),
    "/admin/settings/age_mark": ({"value": "adults"}, {"value"}),
    "/admin/settings/allowed_hosts": ({"value": "one.example\r\nhttp://two"}, {"value"}),
    "/admin/settings/sender": ({"name": "Кино", "address": "кино", "reply_to": "answers@"}, {"address", "reply_to"}),
    "/admin/settings/caps": ({"marketing.letters": "many", "marketing.days": "7"}, {"marketing.letters"}),
    "/admin/settings/quiet_hours": ({"starts": "25:00", "ends": "08:00"}, {"starts"}),
    "/admin/event-rules/new": ({"event": "Order Paid", "template": ["promo"], "delay": ["1"]}, {"event"}),
    "/admin/templates/new": ({"title": "", "base": "promo", "locales": ["ru"]}, {"title"}),
    "/admin/managers": ({"name": "О", "role": ["editor", "operator"]}, {"name"}),
    "/admin/keys": ({"name": "", "scope": ["users:read"]}, {"name"}),
    "/admin/suppressions": ({"address": "nobody"}, {"address"}),
    "/admin/lists": ({"name": ""}, {"name"}),
    "/admin/subsystems/limits/ses.bulk": ({"rate_per_second": "fast"}, {"rate_per_second"}),
    "/admin/campaigns/new": (
        {**PROMO, "name": "", "when": "week", "at": "late", "timezone": "Atlantis", "rate_per_second": "5"},
        {"timezone"},
    ),
}


def mistaken(seen: Seen, path: str, typed: Mapping[str, Any]) -> tuple[Form, dict[str, list[Control]]]:
    """The form that was sent, and its fields that are marked as wrong."""
    found = [one for one in forms_in(seen.text) if any(target.endswith(path) for target in one.targets)]
    form = max(found, key=lambda one: len(set(typed) & {control.name for control in one.controls}))
    marked: dict[str, list[Control]] = {}
    for control in form.controls:
        if control.attributes.get("aria-invalid") == "true":
            marked.setdefault(control.name, []).append(control)
    return form, marked


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("path", WRONG)
def test_a_mistake_is_at_its_field_and_all_that_was_typed_stays(boss: Visitor, path: str, language: str) -> None:
    typed, fields = WRONG[path]
    boss.get(f"/admin/look?language={language}&back=/admin")

    seen = boss.post(path, **typed)

    assert seen.status == 422, seen.text
    form, marked = mistaken(seen, path, typed)
    assert fields <= set(marked), LISTED.findall(seen.text)
    for control in (one for found in marked.values() for one in found):
        described = control.attributes["aria-describedby"].split()
        assert all(f'id="{one}"' in seen.text for one in described), control
    listed = LISTED.findall(seen.text)[0]
    assert {at for at, _ in LINK.findall(listed)} <= {one.attributes.get("id", "") for one in form.controls}
    assert len(LINK.findall(listed)) >= len(fields), listed
    assert not RAW.search(re.sub(r"<[^>]*>", "", listed)), listed
    if language == "ru":
        assert re.search("[а-яё]", re.sub(r"<[^>]*>", "", listed.partition("<ul>")[2])), listed
    assert seen.text.count(" autofocus") == 1
    for name, value in typed.items():
        kept = form.values().get(name, [])
        wanted = value if isinstance(value, list) else [value.replace("\r\n", "\n")] if value else []
        checks = {one.kind for one in form.controls if one.name == name} & {*CHECKS}
        assert kept[: len(wanted)] == wanted or (checks and set(kept) == set(wanted)), (name, kept)


def test_a_wrong_setting_leaves_the_other_forms_alone(boss: Visitor) -> None:
    before = {next(iter(one.targets)): one.values() for one in forms_in(boss.get("/admin/settings").text)}

    seen = boss.post("/admin/settings/redirect_url", value="nowhere")

    after = {next(iter(one.targets)): one for one in forms_in(seen.text)}
    changed = {at for at in before if {**before[at], "token": []} != {**after[at].values(), "token": []}}
    assert {at.rpartition("/")[2] for at in changed} == {"redirect_url"}
    wrong = {at for at, one in after.items() for control in one.controls if "aria-invalid" in control.attributes}
    assert {at.rpartition("/")[2] for at in wrong} == {"redirect_url"}


def test_days_that_are_missing_are_asked_for_where_they_are_ticked(boss: Visitor) -> None:
    path = f"/admin/campaigns/{written(boss)}/edit"

    seen = boss.post(path, **{**PROMO, "when": "week", "at": ""})

    _, marked = mistaken(seen, path, PROMO)
    assert set(marked) == {"weekday", "at"}
    assert "expected one or more days of the week" in seen.text
    assert "On which days" in LISTED.findall(seen.text)[0]


def test_a_mistake_in_a_row_is_in_that_row(boss: Visitor) -> None:
    typed: dict[str, Any] = {"event": "order.paid", "template": ["promo", "promo"], "delay": ["1", "soon"]}
    rest: dict[str, Any] = {"unit": ["days", "days"]} | {
        name: ["", ""] for name in ("category", "channels", "attribute", "equals")
    }

    seen = boss.post("/admin/event-rules/new", **typed, **rest)

    form, marked = mistaken(seen, "/admin/event-rules/new", typed)
    rows = [one for one in form.controls if one.name == "delay"]
    assert [one for one in rows if "aria-invalid" in one.attributes] == marked["delay"] == [rows[1]]
    assert "Letter 2" in LISTED.findall(seen.text)[0]


PAGE = """<form method="post" action="/a"><label for="x">Name</label><input id="x" name="name" value="&lt;b&gt;">
<details><summary>More</summary><select name="kind"><option value="a">A</option></select>
<fieldset><legend>Days</legend><label><input type="checkbox" name="day" value="1"> One</label></fieldset></details>
</form>"""


def test_fields_are_found_by_either_end_of_a_path() -> None:
    (form,) = forms_in(PAGE)
    for path, name in {"user.name": "name", "kind[0].x": "kind", "a.day[2]": "day", "name": "name"}.items():
        found = control_of(form, path)
        assert found is not None
        assert found.name == name
    assert control_of(form, "other") is None


def test_marks_are_escaped_and_folds_are_opened() -> None:
    (form,) = forms_in(PAGE)

    page = at_their_fields(PAGE, form, {"kind": "<i>", "day": "which?"})

    assert "&lt;i&gt;</span>" in page
    assert "<details open>" in page
    assert '<input id="x" name="name" value="&lt;b&gt;">' in page
    assert page.count("aria-invalid") == 2
    assert page.index("autofocus") < page.index("Days")
