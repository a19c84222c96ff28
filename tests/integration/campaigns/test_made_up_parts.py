"""A new field of a campaign and a new operator of audience rules are one declaration each, and their words. Both are
added to a copy of the code, as anybody would add them, and tested there."""

from pathlib import Path

from tests.checkout import Checkout

FIELD = """\\1    most_letters: Annotated[
        int | None, Field(ge=1, description="the most letters of a run"), Asked("number", "pace", on_page=True)
    ] = None
"""
OPERATOR = """\\1    "longer_than": Operator(
        Takes.ORDERED, lambda found, value, _: isinstance(found, str) and len(found) > value, "of a text"
    ),
"""
FOLLOWS = '''"""What follows from the declarations."""

import pytest

from chalicelib.api.campaign_answers import CampaignAnswer
from chalicelib.campaigns.audience_rules import Rule
from chalicelib.profiles.model import UserBody
from chalicelib.stage.app import Stage
from tests.integration.admin.conftest import Visitor
from tests.integration.admin.test_pages import form_in, written
from tests.integration.api.gateway import gateway

PROMO = {"name": "Promo", "template": "promo", "audience": {"everyone": True},
         "context": {"headline": "A", "text": "B", "url": "https://cinema.example/p"}}  # fmt: skip


def test_the_api_takes_checks_answers_and_changes_the_field(stage: None) -> None:
    api = gateway()
    made = api.post("/v1/campaigns", {**PROMO, "most_letters": 500})
    assert (made.status, made.body["most_letters"]) == (201, 500)
    assert "most_letters" in CampaignAnswer.model_json_schema()["properties"]
    path = f"/v1/campaigns/{made.body['id']}"
    assert api.patch(path, {"most_letters": 0}).status == 422
    assert api.patch(path, {"most_letters": 400}).body["most_letters"] == 400
    assert api.patch(path, {"most_letters": None}).body["most_letters"] is None


def test_the_form_asks_for_it_and_the_page_shows_it(boss: Visitor) -> None:
    campaign = written(boss, most_letters="500")
    assert Stage.own().campaigns.get(campaign).spec["most_letters"] == 500
    form = boss.get(f"/admin/campaigns/{campaign}/edit")
    assert "At most so many letters" in form.text
    assert form_in(form)["most_letters"] == ["500"]
    assert "<dt>At most so many letters</dt><dd>500</dd>" in boss.get(f"/admin/campaigns/{campaign}").text
    assert boss.post(f"/admin/campaigns/{campaign}/edit", **{**form_in(form), "most_letters": "0"}).status == 422


def test_an_approval_covers_it(stage: None) -> None:
    made = gateway().post("/v1/campaigns", {**PROMO, "most_letters": 500}).body["id"]
    assert Stage.own().approvals.inputs(Stage.own().campaigns.get(made))["most_letters"] == 500


def test_the_operator_is_checked_matched_and_offered(boss: Visitor) -> None:
    with pytest.raises(ValueError, match="longer_than compares with a number"):
        Rule.model_validate({"attribute": "name", "op": "longer_than", "value": "many"})
    form = {"audience": "rule", "rule.attribute": ["name"], "rule.op": ["longer_than"], "rule.value": ["3"]}
    campaign = written(boss, **form)
    rule = {"attribute": "name", "op": "longer_than", "value": 3}
    saved = Stage.own().campaigns.get(campaign).spec["audience"]["rule"]
    assert {name: value for name, value in saved.items() if value is not None} == rule
    shown = boss.get(f"/admin/campaigns/{campaign}/edit")
    assert \'<option value="longer_than" selected>is longer than</option>\' in shown.text
    Stage.own().directory.put("anna", UserBody(email="anna@example.com", name="Anna"))
    Stage.own().directory.put("bob", UserBody(email="bob@example.com", name="Bob"))
    counted = gateway().post(f"/v1/campaigns/{campaign}/preview", {})
    assert (counted.status, counted.body["recipients"]) == (200, 1)
'''


def test_all_that_a_field_and_an_operator_need_follows_from_their_declarations(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    checkout.change("chalicelib/campaigns/model.py", r"(    content: Content \| None = None\n)", FIELD)
    checkout.change("chalicelib/campaigns/operators.py", r"(OPERATORS: Mapping\[str, Operator\] = \{\n)", OPERATOR)
    checkout.say("admin/words", "fields", most_letters="At most so many letters")
    checkout.say("admin/words", "campaigns.hints", most_letters="The run stops there.")
    checkout.say("admin/words", "audience.ops", longer_than="is longer than")
    checkout.write("tests/integration/admin/test_parts.py", FOLLOWS)

    checkout.run("-m", "pytest", "-q", "-x", "tests/integration/admin/test_parts.py", "tests/contract/test_words.py")
