"""From the counts of a campaign's page to the people behind them, and from each to what became of their letter."""

import re
from html import unescape
from urllib.parse import urlsplit

import pytest

from chalicelib.accounts.managers import Role
from chalicelib.channels.port import Outcome, Verdict
from chalicelib.deliveries import DeliveryKey
from chalicelib.stage.app import Stage
from chalicelib.states import Engagement
from tests.integration.admin.conftest import Visitor, signed_in
from tests.integration.campaigns.conftest import (  # noqa: F401 - fixtures
    Desk,
    PostOffice,
    Viewers,
    clock,
    desk,
    office,
    viewers,
)
from tests.ledgers import engage as ledger_engage

_LETTER = re.compile(r'href="(/admin/notifications/[^"]+)">([^<]+)<')
_LISTED = re.compile(r'href="(/admin/campaigns/[^"]+/recipients\?[^"]+)">([^<]+)</a>.*?<(?:b|td) class="num">(\d+)<')
_NEXT = re.compile(r'class="button plain" href="([^"]+cursor=[^"]+)"')


@pytest.fixture
def viewer(desk: Desk) -> Visitor:  # noqa: F811
    """A manager who may look, and no more."""
    return signed_in("ivan", Role.VIEWER)


@pytest.fixture
def campaign(desk: Desk, viewers: Viewers, office: PostOffice) -> str:  # noqa: F811
    """It went to sixty people; two have no address, one was refused."""
    first, *_ = viewers(60, lambda n: {"email": None} if n in (1, 2) else {})
    refused = Stage.own().directory.get(first).email
    assert refused
    office.verdicts[refused] = Outcome(Verdict.REFUSED, reason="rejected")
    made = desk.start()
    desk.finish()
    return made


def letters(viewer: Visitor, path: str) -> list[tuple[str, str]]:
    """Address of each letter's page, and to whom it went, of all pages of a list."""
    found: list[tuple[str, str]] = []
    following: str | None = path
    while following:
        page = viewer.get(following)
        assert page.status == 200, page.text
        found += _LETTER.findall(page.text)
        more = _NEXT.search(page.text)
        following = unescape(more[1]) if more else None
    return found


def test_every_count_of_a_campaign_leads_to_as_many_recipients(viewer: Visitor, campaign: str) -> None:
    """Promise D3."""
    page = viewer.get(f"/admin/campaigns/{campaign}").text

    counts = {text: (unescape(path), int(n)) for path, text, n in _LISTED.findall(page)}

    assert {text: n for text, (_, n) in counts.items()} == {
        "Sent": 57,
        "Delivered": 0,
        "Not sent: there is no address": 2,
        "Not sent: the provider rejected the content": 1,
    }
    assert {text: len(letters(viewer, path)) for text, (path, _) in counts.items()} == {
        text: n for text, (_, n) in counts.items()
    }


def test_all_are_listed_page_by_page_each_once(viewer: Visitor, campaign: str) -> None:
    found = letters(viewer, f"/admin/campaigns/{campaign}/recipients")

    assert len({path for path, _ in found}) == len({to for _, to in found}) == len(found) == 60


def test_each_leads_to_why_they_got_nothing(viewer: Visitor, campaign: str) -> None:
    path = f"/admin/campaigns/{campaign}/recipients?reason=no_address"
    for letter, to in letters(viewer, path):
        page = viewer.get(letter).text
        assert to in page
        assert "there is no address" in page


def test_the_erased_have_no_name(viewer: Visitor, campaign: str) -> None:
    (_, to), *_ = letters(viewer, f"/admin/campaigns/{campaign}/recipients")
    Stage.own().personal_data.erase(to)

    shown = [name for _, name in letters(viewer, f"/admin/campaigns/{campaign}/recipients")]
    assert (shown.count(to), shown.count("erased"), len(shown)) == (0, 1, 60)


def test_an_earlier_run_is_chosen_by_its_time(viewer: Visitor, campaign: str, desk: Desk) -> None:  # noqa: F811
    desk.clock.pass_(minutes=5)
    Stage.own().resend.begin(campaign, by="anna", run=None, reasons=None)
    desk.finish()
    newest, earlier = (run.run_id for run in desk.runs(campaign))
    path = f"/admin/campaigns/{campaign}/recipients"

    assert f'value="{earlier}"' in viewer.get(path).text
    assert [len(letters(viewer, f"{path}{run}")) for run in ("", f"?run={newest}", f"?run={earlier}")] == [3, 3, 60]


def test_who_does_not_exist_is_not_listed(viewer: Visitor, campaign: str, desk: Desk) -> None:  # noqa: F811
    path = f"/admin/campaigns/{campaign}/recipients"
    draft = Stage.own().campaign_commands.draft(desk.spec(), by="anna").id

    assert "Nobody fits." in viewer.get(f"{path}?state=bounced").text
    assert "Nothing has been sent yet." in viewer.get(f"/admin/campaigns/{draft}/recipients").text
    assert viewer.get(f"{path}?state=lost").status == 422
    assert viewer.get(f"{path}?channel=sms").status == 422
    assert viewer.get(f"{path}?cursor=x").status == 422
    assert viewer.get(f"/admin/campaigns/{draft}/recipients?run={desk.runs(campaign)[0].run_id}").status == 404
    assert viewer.get("/admin/campaigns/none/recipients").status == 404


def test_who_looked_is_in_the_audit(viewer: Visitor, campaign: str) -> None:
    viewer.get(f"/admin/campaigns/{campaign}/recipients")

    (line, *_), _ = Stage.own().audit_log.page(limit=1, cursor=None, wanted={"did": "campaign.recipients"})
    assert (line.by, line.did, line.thing) == ("ivan", "campaign.recipients", campaign)


def test_somebody_is_found_by_their_address_and_the_list_says_what_they_did(viewer: Visitor, campaign: str) -> None:
    path = f"/admin/campaigns/{campaign}/recipients"
    [(letter, to)] = letters(viewer, f"{path}?q=U-00005%40example.com+")
    key = DeliveryKey(letter.rpartition("/")[2], "email")
    ledger_engage(Stage.own().ledger, key, Engagement.CLICKED)

    assert to == "u-00005"
    assert [one for one, _ in letters(viewer, f"{path}?engagement=clicked")] == [letter]
    assert "· clicked" in viewer.get(f"{path}?q=u-00005").text
    missing = viewer.get(f"{path}?q=nobody%40example.com")
    assert (missing.status, "No letter of this run is for nobody@example.com." in missing.text) == (200, True)
    assert viewer.get(f"{path}?engagement=slept").status == 422


def test_an_editor_exports_what_is_listed_and_downloads_it(viewer: Visitor, campaign: str, desk: Desk) -> None:  # noqa: F811
    editor = signed_in("olga", Role.EDITOR)
    [run] = desk.runs(campaign)
    path = f"/admin/campaigns/{campaign}"
    shown = editor.get(f"{path}/recipients?reason=no_address")
    assert 'name="reason" value="no_address"' in shown.text
    asked = {"run": run.run_id, "reason": "no_address"}
    seen = editor.post(f"{path}/exports", **asked)
    assert seen.status == 303, seen.text
    place = f"{seen.place}?{urlsplit(seen.headers['location']).query}"
    writing = editor.get(place)
    assert "<progress" in writing.text
    assert 'hx-trigger="every 2s"' in writing.text
    desk.pump.run()

    ready = editor.get(place).text
    file = unescape(re.findall(r'href="([^"]*exports/file[^"]*)"', ready)[0])
    answer = editor.get(file)
    assert (answer.status, "hx-trigger" in ready) == (303, False)
    assert answer.headers["location"].startswith("https://s3.")
    (line, *_), _ = Stage.own().audit_log.page(limit=1, cursor=None, wanted={"did": "campaign.export_file"})
    assert (line.by, line.thing) == ("olga", campaign)
    assert viewer.get(place).status == 200
    assert viewer.get(file).status == 403
    assert viewer.post(f"{path}/exports", **asked).status == 403
    export = file.rpartition("export=")[2]
    gone = editor.post(f"{path}/exports/delete", run=run.run_id, export=export)
    assert (gone.status, "Nothing of this run" in editor.get(place).text) == (303, True)


def test_a_page_says_in_words_why_somebody_got_nothing_and_leads_to_what_helps(viewer: Visitor, campaign: str) -> None:
    found = viewer.get(f"/admin/why?q=u-00001&campaign={campaign}")
    assert found.status == 200, found.text
    assert "to Viewer 1 was not sent.</b> No address of theirs is known for this channel." in found.text
    assert 'href="/admin/users/u-00001">To the profile' in found.text
    assert unescape(found.text).count("/admin/notifications/") == 1
    assert f'<option value="{campaign}" selected>' in found.text
    (line, *_), _ = Stage.own().audit_log.page(limit=1, cursor=None, wanted={"did": "why.look"})
    assert (line.by, line.did) == ("ivan", "why.look")

    misspelled = viewer.get("/admin/why?q=anna%40gmial.com").text
    assert 'href="/admin/why?q=anna%40gmail.com"' in misspelled
    (line, *_), _ = Stage.own().audit_log.page(limit=1, cursor=None, wanted={"did": "why.look"})
    assert "gmial" not in str(line)
    assert viewer.get("/admin/why?q=x&campaign=none").status == 404
    assert "<section" not in viewer.get("/admin/why").text
