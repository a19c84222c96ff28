"""What the mailbox does to a letter as SES does: links through a redirect, a picture that reports openings."""

from html import unescape

import pytest
import requests

from pretended import CONFIGURATION_SET, MAILINGS_SET, TRACKING_DOMAIN
from ses_mailbox.client import MailboxClient, simple
from ses_mailbox.tracking import MAX_LINKS, Tracking, untracked

ID = "0100-id-000000"
OURS, AWS = Tracking(TRACKING_DOMAIN, opens=True, clicks=True), Tracking("", opens=True, clicks=True)
LINK = "https://cinema.example/film?a=1&b=%20x"


def link_of(html: str) -> str:
    return unescape(html.partition('href="')[2].partition('"')[0])


def test_a_link_leads_through_the_redirect_to_where_it_led() -> None:
    found = link_of(OURS.rewritten('<a class="x" href="https://cinema.example/film?a=1&amp;b=%20x">f</a>', ID))
    assert found.startswith(f"https://{TRACKING_DOMAIN}/CL0/https%3A%2F%2Fcinema.example%2Ffilm")
    assert untracked(found) == LINK


def test_without_a_domain_of_its_own_a_set_goes_through_that_of_all_customers() -> None:
    html = AWS.rewritten(f'<body><a href="{LINK}">f</a></body>', ID)
    assert html.count("awstrack.me") == 2
    assert untracked(link_of(html)) == LINK


@pytest.mark.parametrize(
    "anchor",
    [
        '<a ses:no-track href="https://a.example/">x</a>',
        '<a href="https://a.example/" ses:no-track="">x</a>',
        "<a href='mailto:a@b.example'>x</a>",
        '<a href="#top">x</a>',
        '<a href="https://a.example/a b">x</a>',
        '<a href="https://a.example/привет">x</a>',
        "<a>x</a>",
    ],
)
def test_what_is_not_to_be_tracked_or_cannot_be_stays(anchor: str) -> None:
    """And SES's own attributes go."""
    html = Tracking(TRACKING_DOMAIN, opens=False, clicks=True).rewritten(anchor, ID)
    assert html == anchor.replace(' ses:no-track=""', "").replace(" ses:no-track", "")


def test_of_many_links_the_first_are_tracked() -> None:
    html = OURS.rewritten(f'<a href="{LINK}">x</a>' * (MAX_LINKS + 5), ID)
    assert html.count("/CL0/") == MAX_LINKS


def test_the_picture_stands_at_the_end_or_where_it_is_asked_for() -> None:
    assert OURS.rewritten("<body>x</body>", ID).index("<img") < len("<body>x</body>")
    assert OURS.rewritten("<p>{{ses:openTracker}}</p><p>end</p>", ID).endswith("<p>end</p>")


def test_only_html_of_a_set_that_tells_of_it_is_rewritten(mailbox: MailboxClient) -> None:
    content = simple(html=f'<a href="{LINK}">x</a>', text=f"see {LINK}")
    mailbox.send(Content=content, ConfigurationSetName=CONFIGURATION_SET)
    mailbox.send(Content=content, ConfigurationSetName=MAILINGS_SET)
    mailbox.send(Content=content)

    account, mailing, without = mailbox.letters()
    assert account["html"] == without["html"] == f'<a href="{LINK}">x</a>'
    assert TRACKING_DOMAIN in mailing["html"]
    assert {one["text"] for one in (account, mailing, without)} == {f"see {LINK}"}


def test_the_redirect_leads_on_and_the_picture_is_one(mailbox: MailboxClient) -> None:
    mailbox.send(Content=simple(html=f'<a href="{LINK}">x</a>'), ConfigurationSetName=MAILINGS_SET)
    [letter] = mailbox.letters()
    click = link_of(letter["html"]).replace(f"https://{TRACKING_DOMAIN}", mailbox.url)
    picture = unescape(letter["html"].partition('src="')[2].partition('"')[0])

    answer = requests.get(click, allow_redirects=False, timeout=10)
    assert (answer.status_code, answer.headers["Location"]) == (302, LINK)
    shown = requests.get(picture.replace(f"https://{TRACKING_DOMAIN}", mailbox.url), timeout=10)
    assert shown.headers["Content-Type"] == "image/gif"
