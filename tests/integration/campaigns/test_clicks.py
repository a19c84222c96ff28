"""Links in a mailing's e-mails: counted by short links of ours that all letters share, at no write for a letter."""

import re
from collections.abc import Mapping
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.channels.port import Message
from chalicelib.errors import UnavailableError
from chalicelib.stage.app import Stage
from chalicelib.storage.ledger import Ledger
from chalicelib.storage.rows.links import LinkRow
from chalicelib.storage.short_links import ShortLinks
from tests.integration.api.gateway import gateway
from tests.integration.campaigns.conftest import ANNA, Desk, PostOffice, Viewers
from tests.integration.own_say.conftest import BROWSER, Person

OURS = "https://notify.cinema.example"
PROGRAM = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
READER, ROBOT = Person({"user-agent": BROWSER}), Person({"user-agent": PROGRAM})
_HREF = re.compile(r'href="([^"]+)"')
_SHARED = re.compile(rf"{OURS}(/s/[a-z2-7]{{16}}\.[\w-]{{31}})(?![\w-])")

HTML = """<p><a href="https://cinema.example/films?id=1&amp;from=mail">Film</a>
<a class="button" href='https://shop.example/tickets'>Tickets</a> <a href="{{ url }}">Here</a>
<a href="https://cinema.example/u/{{ user.email }}/gift?x=1">Gift</a>
<a href="https://shop.example/">https://shop.example/</a>
<a href="mailto:help@cinema.example">Write</a> <a href="tel:+7800">Call</a> <a href="#top">Up</a>
<a href="{{ links.unsubscribe }}">Unsubscribe</a></p>"""
TEMPLATE = {
    "category": "marketing",
    "channels": ["email", "sms"],
    "default_locale": "en",
    "variables": {"url": {"type": "url"}},
    "sample": {"context": {"url": "https://cinema.example/sample"}},
    "locales": {"en": {"email.subject": "A film", "email.html": HTML, "sms": "Look: {{ url|short }}"}},
}


@pytest.fixture
def template(stage: None) -> None:
    answer = gateway().put("/v1/templates/film", TEMPLATE)
    assert answer.status == 200, answer.text


def send(desk: Desk, **fields: object) -> str:
    given = {"template": "film", "context": {"url": "https://elsewhere.example/a?b=c#d"}, "channels": ["email"]}
    campaign_id = desk.start(**{**given, **fields})
    desk.finish()
    return campaign_id


def hrefs(html: str) -> list[str]:
    return [unescape(one) for one in _HREF.findall(html) if "fonts" not in one]


def places(office: PostOffice) -> dict[str, dict[str, str]]:
    """By address of the reader: where each counted link of the letter leads, and its path."""
    return {letter.address: links_of(letter) for letter in office.letters}


def links_of(letter: Message) -> dict[str, str]:
    paths = _SHARED.findall(unescape(letter.parts["html"]))
    return {READER.head(path).headers["location"]: path for path in paths}


def marks(desk: Desk, campaign_id: str) -> Mapping[str, int]:
    progress = desk.progress(campaign_id)
    return {"clicked": progress.clicked, "machine_clicked": progress.machine_clicked}


def test_links_of_all_letters_are_counted_by_a_few_rows(
    template: None, desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    viewers(60)
    send(desk)

    shared = [row for row in LinkRow.scan() if row.scope]
    # Four targets and the site's own page of the layout; what gifts have in common; a gift for each.
    assert sorted(row.kind for row in shared) == ["pattern", *["short"] * 5]
    assert len([row for row in LinkRow.scan() if not row.scope]) == 60
    found = places(office)
    assert len(found) == 60
    assert {
        "https://cinema.example/films?id=1&from=mail",
        "https://shop.example/tickets",
        "https://elsewhere.example/a?b=c#d",
    } <= set.intersection(*map(set, found.values()))
    assert len({path for one in found.values() for path in one.values()}) == 4 * 60


def test_what_is_not_to_be_touched_stays(template: None, desk: Desk, viewers: Viewers, office: PostOffice) -> None:
    viewers(1)
    send(desk)
    [letter] = office.letters
    found = hrefs(letter.parts["html"])

    assert {"mailto:help@cinema.example", "tel:+7800", "#top", "https://shop.example/"} <= set(found)
    for page in ("unsubscribe", "preferences", "view"):
        assert any(one.startswith(f"{OURS}/{page}/") for one in found), page
    ours = [one for one in found if one.startswith(f"{OURS}/s/")]
    assert ours
    assert max(map(len, ours)) <= len(OURS) + 3 + 48
    in_text = {READER.head(path).headers["location"] for path in _SHARED.findall(letter.parts["text"])}
    assert in_text == {*places(office)[letter.address], "https://shop.example/"}  # a text shows no other address


def test_a_visit_counts_for_the_link_and_marks_the_letter(
    template: None, desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    viewers(3)
    campaign_id = send(desk)
    found = places(office)
    film, shop = "https://cinema.example/films?id=1&from=mail", "https://shop.example/tickets"
    first, second, third = found
    for _ in range(3):
        assert READER.get(found[first][film]).headers["location"] == film
    READER.get(found[second][film])
    READER.get(found[second][shop])
    ROBOT.get(found[third][film])

    assert marks(desk, campaign_id) == {"clicked": 2, "machine_clicked": 1}
    listed = gateway().get("/v1/links", campaign_id=campaign_id).body["links"]
    visits = {one["redirect_url"]: (one["visits"], one["bot_visits"]) for one in listed}
    assert (visits[film], visits[shop]) == ((4, 1), (1, 0))


def test_a_link_of_the_reader_alone_is_theirs(template: None, desk: Desk, viewers: Viewers, office: PostOffice) -> None:
    viewers(2)
    campaign_id = send(desk)
    for letter in office.letters:
        own = [one for one in hrefs(letter.parts["html"]) if re.fullmatch(rf"{OURS}/s/[\w-]{{27}}", one)]
        assert len(own) == 1
        place = READER.get(own[0].removeprefix(OURS)).headers["location"]
        assert place == f"https://cinema.example/u/{letter.address}/gift?x=1"
    [pattern] = [row for row in LinkRow.scan() if row.kind == "pattern"]
    assert pattern.redirect_url == "https://cinema.example/u/…/gift?x=1"
    assert {row.pattern for row in LinkRow.scan() if row.user_id} == {pattern.code}
    assert READER.get(f"/s/{pattern.code}").status == 404
    assert marks(desk, campaign_id)["clicked"] == 2


@pytest.mark.parametrize("broken", ["the count", "the ledger", "both"])
def test_the_reader_is_led_on_though_nothing_can_be_counted(
    template: None,
    desk: Desk,
    viewers: Viewers,
    office: PostOffice,
    broken: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise UnavailableError("DynamoDB is away")

    viewers(1)
    send(desk)
    [[path, *_]] = [list(one.values()) for one in places(office).values()]
    if broken != "the ledger":
        monkeypatch.setattr(ShortLinks, "visit", fails)
    if broken != "the count":
        monkeypatch.setattr(Ledger, "hear", fails)

    assert READER.get(path).status == 302


def test_a_forged_letter_is_led_on_and_clicks_nothing(
    template: None, desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    viewers(2)
    campaign_id = send(desk)
    one, other = (next(iter(found.values())) for found in places(office).values())
    mac = other[-9:]
    assert READER.get(one[:-9] + mac).status == 302
    assert READER.get(one.partition(".")[0]).status == 302
    assert marks(desk, campaign_id)["clicked"] == 0


def test_what_a_mail_program_appends_is_cut_off(
    template: None, desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    viewers(1)
    campaign_id = send(desk)
    [[path, *_]] = [list(one.values()) for one in places(office).values()]
    for tail in (".", ")", "%22", "_", "*"):
        assert READER.get(path + tail).status == 302
    assert marks(desk, campaign_id)["clicked"] == 1


def test_a_revoked_link_is_over_for_all(template: None, desk: Desk, viewers: Viewers, office: PostOffice) -> None:
    viewers(2)
    send(desk)
    film = "https://cinema.example/films?id=1&from=mail"
    paths = [found[film] for found in places(office).values()]
    Stage.own().links.revoke(paths[0].removeprefix("/s/").partition(".")[0])
    assert [READER.get(path).status for path in paths] == [404, 404]


@pytest.mark.parametrize("by", ["campaign", "setting"])
def test_nothing_is_counted_where_it_is_switched_off(
    template: None, desk: Desk, viewers: Viewers, office: PostOffice, by: str
) -> None:
    viewers(1)
    if by == "setting":
        Stage.own().site_settings.put("letter_links", {"clicks": False}, by=ANNA)
    send(desk, **({"track_clicks": False} if by == "campaign" else {}))
    [letter] = office.letters
    assert "https://shop.example/tickets" in hrefs(letter.parts["html"])
    assert f"{OURS}/s/" not in letter.parts["html"]
    assert list(LinkRow.scan()) == []


def test_links_to_the_site_carry_the_tags_of_the_setting(
    template: None, desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    viewers(1)
    Stage.own().site_settings.put("letter_links", {"utm_source": "vestnik"}, by=ANNA)
    send(desk, name="Чёрная пятница!", context={"url": "https://www.cinema.example/?utm_source=own#top"})
    [found] = places(office).values()
    tags = {urlsplit(one).path: parse_qs(urlsplit(one).query) for one in found}

    assert tags["/films"] == {
        "id": ["1"],
        "from": ["mail"],
        "utm_source": ["vestnik"],
        "utm_medium": ["email"],
        "utm_campaign": ["чёрная-пятница"],
    }
    assert tags["/"]["utm_source"] in (["own"], ["vestnik"])
    assert any("utm_source=own&utm_medium=email" in one and one.endswith("#top") for one in found)
    assert tags["/tickets"] == {}


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({"utm": False}, None),
        ({"utm_source": "partner", "utm_campaign": "{date}"}, "utm_source=partner&utm_medium=email&utm_campaign=2026-"),
        ({"utm_source": "partner", "track_clicks": False}, "utm_source=partner"),
    ],
)
def test_a_campaign_has_its_own_tags_or_none(
    template: None,
    desk: Desk,
    viewers: Viewers,
    office: PostOffice,
    own: dict[str, object],
    expected: str | None,
) -> None:
    viewers(1)
    Stage.own().site_settings.put("letter_links", {"utm_source": "vestnik"}, by=ANNA)
    send(desk, **own)
    [letter] = office.letters
    found = [*places(office)[letter.address], *hrefs(letter.parts["html"])]
    tagged = [one for one in found if "utm_" in one]
    assert (expected is None and tagged == []) or any(expected in one for one in tagged if expected)


def test_a_text_counts_where_it_leads_to_as_well(
    template: None, desk: Desk, viewers: Viewers, office: PostOffice
) -> None:
    """SMS ask for short links; each is its reader's, and stands for its target in the results."""
    from tests.processes import compose

    compose(channels={"email": office, "sms": office})
    viewers(2, lambda n: {"phone": f"+7900000000{n}"})
    campaign_id = send(desk, channels=["sms"])
    paths = [re.findall(rf"{OURS}(/s/[\w-]{{27}})", letter.parts["text"])[0] for letter in office.letters]
    assert {READER.get(path).headers["location"] for path in paths} == {"https://elsewhere.example/a?b=c#d"}
    [pattern] = [row for row in LinkRow.scan() if row.kind == "pattern"]
    assert pattern.redirect_url == "https://elsewhere.example/a?b=c#d"
    assert marks(desk, campaign_id)["clicked"] == 2
