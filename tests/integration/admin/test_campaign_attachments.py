"""Files of a campaign on its check page: put on, shown with their sizes, taken off; all without JavaScript."""

from typing import Any

import pytest

from chalicelib.campaigns.model import Campaign, spec_of
from chalicelib.stage.app import Stage
from tests.integration.admin.conftest import Visitor
from tests.integration.api.gateway import PROMO

PROGRAMME = b"%PDF-1.7 the programme"


@pytest.fixture
def campaign(bucket: str) -> str:
    """The id of a draft."""
    body: dict[str, Any] = {"name": "Spring", **PROMO, "audience": {"everyone": True}}
    return Stage.own().campaign_commands.draft(Campaign.model_validate(body), by="manager:boss").id


def attachments_of(campaign: str) -> list[tuple[str, int]]:
    found = spec_of(Stage.own().campaigns.get(campaign)).attachments
    return [(one.name, one.kept.size if one.kept else 0) for one in found]


def test_a_file_is_attached_shown_and_taken_off(boss: Visitor, campaign: str) -> None:
    path = f"/admin/campaigns/{campaign}"
    seen = boss.upload(f"{path}/attach", "file", PROGRAMME * 100, name="programme.pdf")
    assert (seen.status, seen.place, seen.said) == (303, f"{path}/check", "saved"), seen.text
    page = boss.get(f"{path}/check").text
    assert "programme.pdf" in page
    assert "2 KB" in page

    assert boss.post(f"{path}/detach", name="programme.pdf").status == 303
    assert attachments_of(campaign) == []
    assert "The letters carry no files" in boss.get(f"{path}/check").text


def test_an_edit_of_the_form_leaves_the_files_alone(boss: Visitor, campaign: str) -> None:
    path = f"/admin/campaigns/{campaign}"
    boss.upload(f"{path}/attach", "file", PROGRAMME, name="programme.pdf")
    form = {"name": "Autumn", "template": "promo", "audience": "everyone", "when": "start", "rate_per_second": "50"}
    texts = {f"var_{name}": value for name, value in PROMO["context"].items()}

    seen = boss.post(f"{path}/edit", **form, **texts, canary_percent="", at="18:00", misfire="latest")

    assert seen.status == 303, seen.text
    assert spec_of(Stage.own().campaigns.get(campaign)).name == "Autumn"
    assert attachments_of(campaign) == [("programme.pdf", len(PROGRAMME))]


@pytest.mark.parametrize(
    ("file", "fields", "said"),
    [
        (b"", {"name": "a.pdf"}, "expected a file, or its address"),
        (PROGRAMME, {"name": ""}, "fill this in"),
        (PROGRAMME, {"name": "setup.exe"}, "SES refuses files of the type .exe"),
        (PROGRAMME, {"name": "a.pdf", "inline": "poster"}, "does not show cid:poster"),
        (b"", {"url": "https://10.0.0.1/a.pdf"}, "public IP"),
    ],
)
def test_what_is_wrong_is_said_on_the_page_and_what_was_typed_stays(
    boss: Visitor, campaign: str, file: bytes, fields: dict[str, str], said: str
) -> None:
    seen = boss.upload(f"/admin/campaigns/{campaign}/attach", "file", file, **fields)

    assert (seen.status, attachments_of(campaign)) == (422, [])
    assert said in seen.text
    assert all(f'value="{value}"' in seen.text for name, value in fields.items() if value and name != "file")


def test_a_file_over_4_mb_goes_by_the_api(boss: Visitor, campaign: str) -> None:
    answer = boss.upload(f"/admin/campaigns/{campaign}/attach", "file", b"x" * 4_300_000, name="a.pdf")
    assert (answer.status, attachments_of(campaign)) == (413, [])
