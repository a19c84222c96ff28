"""Links that a template shortens: counted per link and user, people told from programs, over when their time is."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.clock import derived_id, now, parse_rfc3339, rfc3339
from chalicelib.pipeline.bot_detection import is_bot
from chalicelib.pipeline.jobs import EnrichJob, EnrichRecipient, LetterSpec
from chalicelib.storage.rows.links import LinkRow, campaign_shard
from tests.integration.api.gateway import Gateway
from tests.integration.conftest import Letters, Pump
from tests.integration.own_say.conftest import BROWSER, Person, Register, links_in
from tests.ledgers import stored

FILM = "https://cinema.example/films/лодка?from=letter"
ENCODED = "https://cinema.example/films/%D0%BB%D0%BE%D0%B4%D0%BA%D0%B0?from=letter"
TEMPLATE = {
    "category": "marketing",
    "channels": ["email"],
    "default_locale": "en",
    "variables": {"url": {"type": "url"}},
    "sample": {"context": {"url": "https://cinema.example/sample"}},
    "locales": {"en": {"email.subject": "A film", "email.html": '<p><a href="{{ url|short }}">Watch</a></p>'}},
}


@pytest.fixture
def campaign(api: Gateway, register: Register, pump: Pump, letters: Letters) -> dict[str, str]:
    """The short links of a campaign's letters by user."""
    answer = api.put("/v1/templates/film", TEMPLATE)
    assert answer.status == 200, answer.text
    for user in ("anna", "boris"):
        register(user)
    send_campaign(pump, ["anna", "boris"])
    pump.run()
    return {letter["to"][0].partition("@")[0]: links_in(letter)["s"] for letter in letters()}


def send_campaign(pump: Pump, users: list[str], url: str = FILM) -> None:
    letter = LetterSpec(
        template="film",
        template_version=1,
        category="marketing",
        lane="bulk",
        context={"url": url},
        request_id=derived_id("r-1"),
        accepted_at=rfc3339(now()),
        campaign_id="spring",
    )
    for user in users:  # one by one: moto knows no SendBulkEmail
        recipient = EnrichRecipient(notification_id=derived_id("n", user), user_id=user)
        job = EnrichJob(letter=letter, channels=("email",), recipients=(recipient,))
        pump.put("enrich-bulk", job.model_dump_json())


def own_links(api: Gateway, **query: str) -> list[dict[str, Any]]:
    """Those of the readers, without the ones that all letters share."""
    listed: list[dict[str, Any]] = api.get("/v1/links", campaign_id="spring", **query).body["links"]
    return [one for one in listed if one["user_id"] is not None]


def film_totals(api: Gateway) -> list[dict[str, Any]]:
    """The visits of the film's links together."""
    found = [one for one in own_links(api) if one["redirect_url"] == ENCODED]
    sums = {name: sum(one[name] for one in found) for name in ("visits", "bot_visits")}
    visitors = sum(one["first_visited_at"] is not None for one in found)
    return [{"url": ENCODED, "links": len(found), "visitors": visitors, **sums}] if found else []


def counts(api: Gateway, link: str) -> tuple[int, int]:
    body = api.get(f"/v1/links/{link.removeprefix('/s/')}").body
    return body["visits"], body["bot_visits"]


def test_each_user_has_a_link_of_their_own_to_the_same_place(campaign: dict[str, str], person: Person) -> None:
    assert len(set(campaign.values())) == 2
    assert {person.get(link).headers["location"] for link in campaign.values()} == {ENCODED}


def test_visits_are_counted_by_link_and_user_total_and_unique(
    api: Gateway, campaign: dict[str, str], person: Person
) -> None:
    for _ in range(3):
        person.get(campaign["anna"])
    person.get(campaign["boris"])

    assert (counts(api, campaign["anna"]), counts(api, campaign["boris"])) == ((3, 0), (1, 0))
    [total] = film_totals(api)
    assert total == {"url": ENCODED, "links": 2, "visits": 4, "visitors": 2, "bot_visits": 0}


def test_programs_are_counted_apart(api: Gateway, campaign: dict[str, str], person: Person) -> None:
    for agent in ("Googlebot/2.1", "Mozilla/5.0 (compatible; bingbot/2.0)", "curl/8.5", ""):
        assert Person({"user-agent": agent}).get(campaign["anna"]).status == 302
    assert Person({}).get(campaign["anna"]).status == 302
    person.get(campaign["anna"])

    assert counts(api, campaign["anna"]) == (1, 5)
    [total] = film_totals(api)
    assert (total["visits"], total["visitors"], total["bot_visits"]) == (1, 1, 5)


def test_a_programs_visit_clicks_nothing(api: Gateway, campaign: dict[str, str]) -> None:
    """Promise D4: pages and API share one rule."""
    for agent in ("Mozilla/5.0", "Googlebot/2.1"):
        Person({"user-agent": agent}).get(campaign["anna"])
    Person({"user-agent": BROWSER, "sec-purpose": "prefetch"}).get(campaign["anna"])

    assert counts(api, campaign["anna"]) == (0, 3)
    told = {step.get("event") for step in stored(derived_id("n", "anna")).timeline}
    assert told == {None, "machine_clicked"}


def test_a_visit_of_a_program_alone_makes_no_visitor(api: Gateway, campaign: dict[str, str]) -> None:
    Person({"user-agent": "Googlebot/2.1"}).get(campaign["anna"])

    [total] = film_totals(api)
    assert total["visitors"] == 0


@pytest.mark.parametrize(
    "agent",
    [
        BROWSER,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile Safari/604.1",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 YaBrowser/25.10 Safari/537.36",
        "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/141.0 Mobile Safari/537.36 Telegram-Android/12.1",
        "Mozilla/5.0 (Linux; Android 13; CUBOT P80) AppleWebKit/537.36 Chrome/141.0 Mobile Safari/537.36",
    ],
)
def test_peoples_browsers_are_people(agent: str) -> None:
    assert not is_bot(agent)


@pytest.mark.parametrize(
    "agent",
    [
        "TelegramBot (like TwitterBot)",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "WhatsApp/2.23.20.0",
        "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
        "Mozilla/5.0 (compatible; Linux x86_64; Mail.RU_Bot/2.0; +http://go.mail.ru/help/robots)",
        "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
        "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com",
        "Mozilla/5.0 (compatible; AhrefsBot; +http://ahrefs.com/robot/)",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/141.0 Safari/537.36",
        "",
    ],
)
def test_programs_that_say_so_are_programs(agent: str) -> None:
    assert is_bot(agent)


def test_a_campaigns_links_are_listed_page_by_page(api: Gateway, campaign: dict[str, str]) -> None:
    first = api.get("/v1/links", campaign_id="spring", limit="2").body
    second = api.get("/v1/links", campaign_id="spring", limit="2", cursor=first["cursor"]).body

    listed = {one["user_id"]: f"/s/{one['code']}" for page in (first, second) for one in page["links"]}
    assert {user: code for user, code in listed.items() if user is not None} == campaign
    assert api.get("/v1/links", campaign_id="other", cursor=first["cursor"]).status == 422


def test_a_link_is_over_after_the_days_that_the_setting_says(
    api: Gateway, campaign: dict[str, str], person: Person
) -> None:
    row = LinkRow.get(campaign["anna"].removeprefix("/s/"))
    assert abs(parse_rfc3339(row.valid_until) - now() - timedelta(days=180)) < timedelta(hours=1)
    assert int(row.expires_at_epoch or 0) > parse_rfc3339(row.valid_until).timestamp()
    row.valid_until = rfc3339(now() - timedelta(seconds=1))
    row.save()

    assert person.get(campaign["anna"]).status == 404


def test_a_place_off_the_list_is_not_shortened(
    register: Register, pump: Pump, letters: Letters, campaign: dict[str, str]
) -> None:
    register("clara")
    send_campaign(pump, ["clara"], url="https://elsewhere.example/x")
    pump.run()

    assert "https://elsewhere.example/x" in letters()[-1]["body"]
    assert "https://elsewhere.example/x" not in {row.redirect_url for row in LinkRow.scan()}


def test_a_preview_shows_the_address_itself(api: Gateway, campaign: dict[str, str]) -> None:
    shown = api.post("/v1/templates/film/preview", {"context": {"url": "https://cinema.example/x"}})

    assert "https://cinema.example/x" in shown.text


def test_a_letter_rendered_again_resets_no_count(
    api: Gateway, campaign: dict[str, str], pump: Pump, person: Person
) -> None:
    person.get(campaign["anna"])
    send_campaign(pump, ["anna"])
    pump.run()

    assert counts(api, campaign["anna"]) == (1, 0)


def make_old(link: str) -> LinkRow:
    """As a release before the shards wrote it."""
    row = LinkRow.get(link.removeprefix("/s/"))
    row.campaign_id, row.campaign_shard = row.campaign, None
    row.save()
    return row


def test_links_of_before_the_shards_are_listed_and_summed_with_the_new_ones(
    api: Gateway, campaign: dict[str, str], person: Person
) -> None:
    """Promise F5."""
    old = make_old(campaign["anna"])
    person.get(campaign["anna"])

    listed = own_links(api)
    assert {one["code"]: one["campaign_id"] for one in listed} == dict.fromkeys(
        (link.removeprefix("/s/") for link in campaign.values()), "spring"
    )
    [total] = film_totals(api)
    assert (total["links"], total["visits"]) == (2, 1)
    assert api.get(f"/v1/links/{old.code}").body["campaign_id"] == "spring"


@pytest.mark.parametrize("written_by", ["this release", "the one before"])
def test_a_link_that_two_releases_wrote_is_listed_and_summed_once(
    api: Gateway, campaign: dict[str, str], pump: Pump, written_by: str
) -> None:
    """Promise F5."""
    if written_by == "this release":
        make_old(campaign["anna"])
        send_campaign(pump, ["anna"])
        pump.run()
    else:  # it sets what it does not find
        LinkRow(campaign["anna"].removeprefix("/s/")).update([LinkRow.campaign_id.set("spring")])

    assert len(own_links(api)) == 2
    [total] = film_totals(api)
    assert total["links"] == 2


def test_links_that_were_made_in_one_moment_are_all_listed_oldest_first(api: Gateway) -> None:
    codes = [f"{n:022}" for n in range(60)]
    for n, code in enumerate(codes):
        LinkRow(
            code,
            kind="short",
            campaign_shard=campaign_shard("spring", code),
            created_at=f"2026-11-29T10:00:0{n // 30}.000000Z",
            valid_until="2027-11-29T10:00:00.000000Z",
        ).save()
    listed: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.get("/v1/links", campaign_id="spring", limit="7", **cursor).body
        listed += [one["code"] for one in page["links"]]
        if page["cursor"] is None:
            break
        cursor = {"cursor": page["cursor"]}

    assert listed == codes
