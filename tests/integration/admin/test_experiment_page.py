"""An A/B test is set up, looked at and decided on its page."""

import re
from typing import Any

import pytest

from chalicelib.accounts.managers import Role
from chalicelib.admin.forms import form_to
from chalicelib.campaigns.model import spec_of
from chalicelib.stage.app import Stage
from tests.integration.admin.conftest import Visitor, signed_in, text_of
from tests.integration.admin.test_pages import written
from tests.integration.campaigns.conftest import (
    Desk,
    PostOffice,
    Viewers,
    clock,
    desk,
    no_event_sources,
    office,
    viewers,
)
from tests.integration.campaigns.test_experiment import click, variants_of
from tests.integration.conftest import pump
from tests.integration.control.requests_made import Requests

__all__ = ["clock", "desk", "no_event_sources", "office", "pump", "viewers"]  # fixtures
SUBJECT = "Popcorn or nachos?"
SETUP = {"variants": "2", "share_percent": "50", "winner_by": "clicks", "decide_after_hours": "2", "B.subject": SUBJECT}
MOST = 8  # requests of a page to the tables


def page_of(campaign_id: str) -> str:
    return f"/admin/campaigns/{campaign_id}/experiment"


def in_the_form(text: str, path: str) -> dict[str, Any]:
    form = form_to(text, path, {})
    assert form is not None, text
    return {name: list(values) for name, values in form.values().items()}


def test_a_test_is_set_up_changed_and_taken_away(boss: Visitor) -> None:
    campaign = written(boss, track_clicks="on")
    path = page_of(campaign)
    first = in_the_form(boss.get(path).text, path)
    changes = {**SETUP, "A.name": "as it is", "B.var_headline": "Nachos", "B.after": "1.5"}
    assert boss.post(path, **{**first, **changes}).said == "saved"
    experiment = spec_of(Stage.own().campaigns.get(campaign)).experiment
    assert experiment is not None
    assert [one.name for one in experiment.variants] == ["as it is", None]
    other = experiment.variants[1]
    assert (other.subject, other.context, other.send_after_minutes) == (SUBJECT, {"headline": "Nachos"}, 90)
    assert (experiment.share_percent, experiment.decide_after_hours) == (50, 2)

    shown = boss.get(path).text
    again = in_the_form(shown, path)
    assert {name: again[name] for name in changes} == {name: [value] for name, value in changes.items()}
    assert boss.post(path, **again).said == "saved"
    assert spec_of(Stage.own().campaigns.get(campaign)).experiment == experiment
    for where in (f"/admin/campaigns/{campaign}", f"/admin/campaigns/{campaign}/check"):
        assert f"{path}" in boss.get(where).text
    letter = boss.get(f"/admin/campaigns/{campaign}/letter?variant=B").text
    assert SUBJECT in letter
    assert "Nachos" in letter
    assert boss.get(f"/admin/campaigns/{campaign}/letter?variant=C").status == 404

    assert boss.post(f"{path}/remove").said == "saved"
    assert spec_of(Stage.own().campaigns.get(campaign)).experiment is None


def test_the_campaigns_own_form_keeps_its_test(boss: Visitor) -> None:
    campaign = written(boss, track_clicks="on")
    assert boss.post(page_of(campaign), **SETUP).said == "saved"
    edit = f"/admin/campaigns/{campaign}/edit"
    assert boss.post(edit, **{**in_the_form(boss.get(edit).text, edit), "name": "Another"}).status == 303
    spec = spec_of(Stage.own().campaigns.get(campaign))
    assert (spec.name, spec.experiment is not None) == ("Another", True)


def test_variants_come_and_go_and_what_was_typed_stays(boss: Visitor) -> None:
    campaign = written(boss, track_clicks="on")
    path = page_of(campaign)
    more = boss.post(f"{path}/variants", **SETUP, do="add")
    typed = in_the_form(more.text, path)
    assert (typed["variants"], typed["B.subject"], typed["C.subject"]) == (["3"], [SUBJECT], [""])
    fewer = boss.post(f"{path}/variants", **{**typed, "C.subject": "Third"}, do="remove.B")
    typed = in_the_form(fewer.text, path)
    assert (typed["variants"], typed["B.subject"], "C.subject" in typed) == (["2"], ["Third"], False)
    least = boss.post(f"{path}/variants", **typed, do="remove.B")
    assert in_the_form(least.text, path)["variants"] == ["2"]
    assert spec_of(Stage.own().campaigns.get(campaign)).experiment is None  # nothing was saved


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"share_percent": "0"}, "share_percent"),
        ({"share_percent": "many"}, "share_percent"),
        ({"decide_after_hours": "200"}, "decide_after_hours"),
        ({"winner_by": "opens"}, "winner_by"),
        ({"B.subject": "{{ user.name }}"}, "B.subject"),
        ({"B.var_url": "no address"}, "B.var_url"),
        ({"B.var_text": "{{ site.name }}"}, "B.var_text"),
        ({"B.after": "-1"}, "B.after"),
        ({"B.after": "soon"}, "B.after"),
        ({"B.subject": ""}, "B.name"),  # the same as A
        ({"B.template": "welcome"}, "B.template"),
    ],
)
def test_a_mistake_is_told_at_its_field_and_nothing_is_lost(boss: Visitor, typed: dict[str, str], field: str) -> None:
    campaign = written(boss, track_clicks="on")
    path = page_of(campaign)
    seen = boss.post(path, **{**SETUP, "B.name": "a question", **typed})
    assert seen.status == 422, seen.text
    assert f'id="m-{field}"' in seen.text
    form = in_the_form(seen.text, path)
    assert form["B.name"] == ["a question"]
    assert {name: form[name] for name in typed if name != "winner_by"} == {
        name: [value] for name, value in typed.items() if name != "winner_by"
    }
    assert spec_of(Stage.own().campaigns.get(campaign)).experiment is None


def test_a_campaign_with_a_canary_is_told_why_it_has_none(boss: Visitor) -> None:
    campaign = written(boss, canary_percent="5")
    shown = boss.get(page_of(campaign))
    assert "without a canary" in shown.text
    assert form_to(shown.text, page_of(campaign), {}) is None


def test_a_run_is_looked_at_in_few_requests_and_decided(
    boss: Visitor, desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    ids = viewers(120)
    variants: list[dict[str, Any]] = [{}, {"name": "a question", "subject": SUBJECT}]
    campaign = desk.start(experiment={"share_percent": 50, "winner_by": "hand", "variants": variants})
    desk.finish()
    lots = variants_of(desk, campaign, ids)
    click([one for one in office.letters if lots[one.address] == "B"][:20])
    desk.clock.pass_(minutes=2)
    path = page_of(campaign)
    viewer = signed_in("vera", Role.VIEWER)
    for visitor in (boss, viewer):
        visitor.cookies["__Host-vestnik_language"] = "en"
        said = text_of(visitor.get(path).text)
        assert "The rest is held until you choose a winner." in said
        assert re.search(r"By clicks: B wins, [\d.]+ points ahead of A: a difference like this is hardly chance.", said)
        assert ("Choose B" in said) == (visitor is boss)
    for _ in range(2):
        requests = Requests()
        assert boss.get(path).status == 200
        assert requests.count() - requests.count("PutItem") <= MOST
    assert viewer.post(f"{path}/winner", variant="B").status == 403
    assert "choose a winner" in text_of(boss.get("/admin").text)
    assert f"{path}?run=" in boss.get(f"/admin/campaigns/{campaign}").text

    run = desk.runs(campaign)[0].run_id
    assert boss.post(f"{path}/winner", variant="B", run=run).said == "winner_chosen"
    assert boss.post(f"{path}/winner", variant="A", run=run).status == 409
    desk.finish()
    assert len(office.letters) == 120
    for language, said in (("en", "The winner is B"), ("ru", "Победил вариант B")):
        boss.cookies["__Host-vestnik_language"] = language
        assert said in text_of(boss.get(path).text)


def test_a_test_letter_of_a_variant_goes_out(boss: Visitor, desk: Desk, office: PostOffice) -> None:
    campaign = written(boss, track_clicks="on")
    assert boss.post(page_of(campaign), **SETUP).said == "saved"
    assert boss.post(f"{page_of(campaign)}/test", to="editor@cinema.example", variant="B").said == "tested"
    refused = boss.post(f"{page_of(campaign)}/test", to="nobody at all", variant="B")
    assert (refused.status, 'id="m-to"' in refused.text) == (422, True)
    desk.pump.run()
    assert [one.parts["subject"] for one in office.letters] == [SUBJECT]
