"""What a letter says in its headers: how to leave, which list it is of, and that no person wrote it."""

from email.header import decode_header, make_header

import pytest

from chalicelib.configuration.setting_shapes import Sender
from chalicelib.configuration.site_values import SiteValues
from chalicelib.pipeline.jobs import LetterSpec
from chalicelib.pipeline.letter_headers import headers_of

PAGE = "https://notify.cinema.example/unsubscribe/TOKEN"
SITE = SiteValues(
    site_host="cinema.example",
    mail_domain="cinema.example",
    sender=Sender(name="Cinema", address="news@cinema.example"),
    senders={"series": Sender(name="Сериалы «Вестника» и всё, что о них стоит знать", address="series@cinema.example")},
    redirect_url="https://cinema.example",
)


def headers(category: str, *, campaign_id: str | None = None, unsubscribe: str | None = PAGE) -> dict[str, str]:
    letter = LetterSpec(
        template="promo",
        template_version=1,
        category=category,
        lane="bulk",
        context={},
        request_id="r",
        accepted_at="2026-11-30T10:00:00Z",
        campaign_id=campaign_id,
    )
    return headers_of(letter, unsubscribe=unsubscribe, site=SITE)


def test_an_account_letter_is_automatic_and_nothing_else() -> None:
    assert headers("account", unsubscribe=None) == {"Auto-Submitted": "auto-generated"}


def test_a_mailing_names_its_list_and_how_to_leave_it() -> None:
    assert headers("marketing", campaign_id="c-1") == {
        "List-Unsubscribe": f"<{PAGE}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": '"Cinema: marketing" <marketing.vestnik.cinema.example>',
    }


def test_what_nobody_started_by_hand_is_automatic() -> None:
    assert headers("series")["Auto-Submitted"] == "auto-generated"
    assert "Auto-Submitted" not in headers("series", campaign_id="c-1")


def test_a_list_has_the_name_of_its_sender_in_any_script_and_one_id() -> None:
    listed = headers("series")["List-Id"]

    assert listed.isascii()
    assert max(map(len, listed.split())) <= 75
    assert len(listed) <= 870  # SES v2: a header's value
    name, _, id_ = listed.rpartition(" ")
    assert str(make_header(decode_header(name))) == "Сериалы «Вестника» и всё, что о них стоит знать: series"
    assert id_ == "<series.vestnik.cinema.example>"


@pytest.mark.parametrize("category", ["account", "series", "marketing", "digest"])
def test_nobody_is_told_to_write_to_a_mailbox_that_nobody_reads(category: str) -> None:
    assert "mailto:" not in str(headers(category))
