"""Campaigns whose letters carry files: taken as the campaign is saved, covered by its approval, kept as long as it may
run."""

from typing import Any

import boto3
import pytest

from chalicelib.campaigns.model import CampaignPatch, spec_of
from chalicelib.errors import ChangedError, InvalidError
from chalicelib.etags import Seen
from chalicelib.pipeline.requests import Recipient
from chalicelib.stage.app import Stage
from chalicelib.storage.campaign_head import CampaignHead
from tests.integration.campaigns.conftest import ANNA, BORIS, Desk, PostOffice, Viewers
from tests.integration.pipeline.test_attachments import FileServer, server
from tests.processes import compose

__all__ = ["server"]  # a fixture
PROGRAMME = b"%PDF-1.7 the programme"
FILE = "0d2b0c56-5a0b-4c3e-9a55-0c1d2e3f4a5b"


@pytest.fixture
def attached(bucket: str) -> dict[str, Any]:
    """An uploaded file, as campaigns name it."""
    Stage.own().attachment_files.upload(FILE, PROGRAMME)
    return {"file": FILE, "name": "programme.pdf"}


def draft(desk: Desk, *attachments: dict[str, Any], **fields: Any) -> CampaignHead:
    return Stage.own().campaign_commands.draft(desk.spec(attachments=attachments, **fields), by=ANNA)


def edit(head: CampaignHead, **fields: Any) -> CampaignHead:
    return Stage.own().campaign_commands.edit(head.id, CampaignPatch(**fields), by=ANNA)


def content_of(office: PostOffice) -> list[tuple[str, bytes]]:
    return [(one.name, one.content) for letter in office.letters for one in letter.files]


def test_every_letter_of_a_campaign_carries_its_files(
    desk: Desk, viewers: Viewers, office: PostOffice, attached: dict[str, Any]
) -> None:
    viewers(60)
    desk.start(attachments=[attached])
    desk.finish()

    assert content_of(office) == [("programme.pdf", PROGRAMME)] * 60


def test_an_address_is_fetched_as_the_campaign_is_saved_and_not_again(
    desk: Desk, viewers: Viewers, office: PostOffice, server: FileServer
) -> None:
    viewers(3)
    url = server.put("programme.pdf", PROGRAMME)
    head = draft(desk, {"url": url, "name": "programme.pdf"})
    server.put("programme.pdf", b"another")
    edit(head, note="For the premiere")
    Stage.own().campaign_commands.start(head.id, by=ANNA)
    desk.finish()

    assert server.asked == 1
    assert content_of(office) == [("programme.pdf", PROGRAMME)] * 3


def test_a_file_that_is_attached_anew_is_taken_anew(desk: Desk, server: FileServer, clock: Any) -> None:
    url = server.put("programme.pdf", PROGRAMME)
    head = draft(desk, {"url": url, "name": "programme.pdf"})
    server.put("programme.pdf", b"another")

    shown = spec_of(head).attachments[0].model_dump(exclude={"name"})
    edited = edit(head, attachments=[{**shown, "name": "play.pdf"}])

    [before], [after] = spec_of(head).attachments, spec_of(edited).attachments
    assert before.kept is not None
    assert after.kept is not None
    assert (after.kept.key != before.kept.key, after.kept.size) == (True, len(b"another"))


def test_nobody_can_name_a_place_in_the_bucket(desk: Desk, attached: dict[str, Any]) -> None:
    head = draft(desk, {**attached, "kept": {"key": "files/somebody-elses", "size": 1}})
    [one] = spec_of(head).attachments
    assert one.kept is not None
    assert (one.kept.key, one.kept.size) == (f"campaigns/{FILE}", len(PROGRAMME))


def test_an_approval_covers_what_the_files_hold(
    desk: Desk, viewers: Viewers, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise B2: an approval is of the whole campaign."""
    monkeypatch.setenv("VESTNIK_CAMPAIGN_APPROVAL", "true")
    compose()
    viewers(1)
    url = server.put("programme.pdf", PROGRAMME)
    head = draft(desk, {"url": url, "name": "programme.pdf"})
    Stage.own().campaign_commands.start(head.id, by=ANNA)
    seen = Seen((Stage.own().approvals.tag(Stage.own().campaigns.get(head.id)),))
    server.put("programme.pdf", b"never approved")
    edit(head, attachments=[])
    edit(head, attachments=[{"url": url, "name": "programme.pdf"}])

    with pytest.raises(ChangedError) as refused:
        Stage.own().review.approve(head.id, by=BORIS, seen=seen)
    assert {one.field for one in refused.value.differs} == {"attachments"}


def test_a_test_letter_carries_the_files_as_they_were_taken(desk: Desk, office: PostOffice, server: FileServer) -> None:
    url = server.put("programme.pdf", PROGRAMME)
    head = draft(desk, {"url": url, "name": "programme.pdf"})
    server.put("programme.pdf", b"another")

    Stage.own().test_send.send(head.id, (Recipient(email="editor@cinema.example"),), by=ANNA)
    desk.pump.run()

    assert content_of(office) == [("programme.pdf", PROGRAMME)]


def test_what_is_wrong_with_an_attachment_is_said_at_its_field(desk: Desk, bucket: str) -> None:
    for attachments, field in (
        ([{"file": FILE, "name": "a.pdf"}], "attachments[0].file"),
        ([{"file": FILE, "name": "a.pdf", "inline": "poster"}], "attachments[0].inline"),
        ([{"url": "https://10.0.0.1/a.pdf", "name": "a.pdf"}], "attachments[0].url"),
    ):
        with pytest.raises(InvalidError) as refused:
            draft(desk, *attachments)
        assert [one.field for one in refused.value.errors] == [field]
    assert Stage.own().campaigns.page(limit=5, cursor=None)[0] == []


def test_a_campaign_whose_file_is_gone_is_not_started(
    desk: Desk, viewers: Viewers, attached: dict[str, Any], bucket: str
) -> None:
    viewers(1)
    head = draft(desk, attached)
    boto3.client("s3").delete_object(Bucket=bucket, Key=f"campaigns/{FILE}")

    with pytest.raises(InvalidError) as refused:
        Stage.own().campaign_commands.start(head.id, by=ANNA)
    assert [one.field for one in refused.value.errors] == ["attachments[0].file"]


def test_each_run_keeps_the_files_as_long_again(
    desk: Desk, viewers: Viewers, office: PostOffice, attached: dict[str, Any], bucket: str
) -> None:
    viewers(1)
    s3 = boto3.client("s3")
    desk.start(attachments=[attached], schedule={"every": "day", "at": "10:00"}, timezone="UTC")
    copies: list[str] = []
    Stage.own().s3.meta.events.register("before-send.s3.CopyObject", lambda request, **_: copies.append(request.url))
    for _ in range(2):
        desk.clock.pass_(days=1)
        desk.tick()
        desk.finish()

    assert len([one for one in copies if one.endswith(f"campaigns/{FILE}")]) == 2
    assert s3.get_object(Bucket=bucket, Key=f"campaigns/{FILE}")["Body"].read() == PROGRAMME
    assert content_of(office) == [("programme.pdf", PROGRAMME)] * 2
