"""What a run led to: clicks by link, by provider and by hour, who unsubscribed and complained."""

from typing import Any

import pytest

from chalicelib.campaigns import report_counts
from chalicelib.campaigns.report_counts import ReportCounts
from chalicelib.clock import now
from chalicelib.deliveries import DeliveryKey, DeliveryStatus
from chalicelib.marks import engaged, told
from chalicelib.reasons import Reason
from chalicelib.stage.app import Stage
from chalicelib.states import Engagement
from chalicelib.storage import run_chunks, run_outcomes
from tests.integration.api.gateway import Gateway, gateway
from tests.integration.campaigns.conftest import Desk, PostOffice, StandingClock, Viewers
from tests.integration.campaigns.test_clicks import READER, ROBOT, links_of, places, send, template  # noqa: F401

FILM, SHOP = "https://cinema.example/films?id=1&from=mail", "https://shop.example/tickets"
GIFT = "https://cinema.example/u/…/gift?x=1"
_MAIL = ("gmail.com", "bk.ru", "yandex.ru", "cinema-fans.example")


@pytest.fixture
def api(stage: None) -> Gateway:
    return gateway()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few viewers are worth several shards here, and so several homes."""
    monkeypatch.setattr(report_counts, "_HOMES_AT_ONCE", 5)
    monkeypatch.setattr(report_counts, "_PAGES_AT_ONCE", 6)


@pytest.fixture
def sent(template: None, desk: Desk, viewers: Viewers) -> str:  # noqa: F811
    """A campaign to eight viewers, two with each of four providers."""
    viewers(8, lambda n: {"email": f"u-{n:05}@{_MAIL[n % 4]}"})
    return send(desk)


def results(api: Gateway, campaign_id: str, **query: str) -> dict[str, Any]:
    answer = api.get(f"/v1/campaigns/{campaign_id}/results", **query)
    assert answer.status == 200, answer.text
    return dict(answer.body)


def hear(office: PostOffice, address: str, status: DeliveryStatus, reason: str | None = None) -> str:
    """What SES says about the letter to an address; its notification."""
    [letter] = [one for one in office.letters if one.address == address]
    key = DeliveryKey.of(letter.delivery_id, letter.tags["spot"])
    Stage.own().ledger.hear([told(key, status, reason, Stage.own().clock(), now=now())])
    return key.notification_id


def test_clicks_are_counted_by_link_people_and_machines_apart(api: Gateway, sent: str, office: PostOffice) -> None:
    found = places(office)
    first, second, third, *_ = found
    for _ in range(3):
        READER.get(found[first][FILM])
    READER.get(found[first][SHOP])
    READER.get(found[second][FILM])
    ROBOT.get(found[third][FILM])
    ROBOT.get(found[third][FILM])
    shown = results(api, sent)
    links = {one["url"]: one for one in shown["links"]}

    assert (links[FILM]["clicked"], links[FILM]["machine_clicked"], links[FILM]["share"]) == (2, 1, 66.7)
    assert (links[SHOP]["clicked"], links[SHOP]["machine_clicked"], links[SHOP]["share"]) == (1, 0, 33.3)
    assert links["https://elsewhere.example/a?b=c#d"]["clicked"] == 0
    assert (shown["clicked"], shown["machine_clicked"], shown["sent"]) == (2, 1, 8)
    assert next(iter(links)) == FILM


def test_links_of_each_reader_are_one_entry(api: Gateway, sent: str, office: PostOffice) -> None:
    for letter in office.letters[:3]:
        [own] = [one for one in letter.parts["html"].split('"') if len(one.rpartition("/s/")[2]) == 27 and "/s/" in one]
        READER.get(own.removeprefix("https://notify.cinema.example"))
    [gift] = [one for one in results(api, sent)["links"] if one["personal"]]
    assert (gift["url"], gift["clicked"]) == (GIFT, 3)


def test_a_click_before_the_delivery_is_a_machines(
    api: Gateway, sent: str, office: PostOffice, clock: StandingClock
) -> None:
    found = places(office)
    address = next(iter(found))
    READER.get(found[address][FILM])
    clock.pass_(seconds=5)
    hear(office, address, DeliveryStatus.DELIVERED)
    shown = results(api, sent)
    assert (shown["clicked"], shown["machine_clicked"]) == (0, 1)
    assert [(one["clicked"], one["machine_clicked"]) for one in shown["links"] if one["url"] == FILM] == [(0, 1)]


def test_results_are_told_apart_by_provider(api: Gateway, sent: str, office: PostOffice, clock: StandingClock) -> None:
    hear(office, "u-00000@gmail.com", DeliveryStatus.DELIVERED)
    hear(office, "u-00001@bk.ru", DeliveryStatus.BOUNCED, Reason.HARD_BOUNCE)
    hear(office, "u-00003@cinema-fans.example", DeliveryStatus.COMPLAINED, Reason.COMPLAINT)
    clock.pass_(seconds=1)
    READER.get(places(office)["u-00000@gmail.com"][FILM])
    nothing = dict.fromkeys(("sent", "delivered", "bounced", "complained", "opened", "clicked"), 0) | {"sent": 2}

    assert results(api, sent)["providers"] == [
        {"provider": "gmail.com", **nothing, "delivered": 1, "clicked": 1},
        {"provider": "mail.ru", **nothing, "bounced": 1},
        {"provider": "yandex.ru", **nothing},
        {"provider": "other", **nothing, "delivered": 1, "complained": 1},
    ]


def test_clicks_are_told_apart_by_hour(api: Gateway, sent: str, office: PostOffice, clock: StandingClock) -> None:
    found = list(places(office).values())
    for n, hours in enumerate((0, 2, 0, 500)):
        clock.pass_(hours=hours)
        READER.get(found[n][FILM])
    shown = results(api, sent)["hours"]
    busy = {one["hour"]: (one["sent"], one["clicked"]) for one in shown if one["sent"] or one["clicked"]}
    assert busy == {0: (8, 1), 2: (0, 2), 168: (0, 1)}
    assert [one["hour"] for one in shown if one["and_later"]] == [168]
    assert len(shown) == 169


def test_who_unsubscribed_and_complained_is_known_with_the_letter(
    api: Gateway, sent: str, office: PostOffice, clock: StandingClock
) -> None:
    angry = hear(office, "u-00003@cinema-fans.example", DeliveryStatus.COMPLAINED, Reason.COMPLAINT)
    [letter] = [one for one in office.letters if one.address == "u-00005@bk.ru"]
    page = letter.headers["List-Unsubscribe"].strip("<>").removeprefix("https://notify.cinema.example")
    clock.pass_(minutes=1)
    assert READER.post(page).status == 200
    shown = results(api, sent)

    [left] = shown["unsubscribed_readers"]
    [complained] = shown["complained_readers"]
    assert (left["recipient"], left["channel"]) == ({"user_id": "u-00005"}, "email")
    assert left["notification_id"] == letter.delivery_id.partition("_")[0]
    assert (complained["recipient"], complained["notification_id"]) == ({"user_id": "u-00003"}, angry)
    assert left["at"] > complained["at"]
    assert (shown["unsubscribed"], shown["complained"]) == (1, 1)


def test_a_campaign_without_a_run_has_no_results_yet(api: Gateway, desk: Desk) -> None:
    campaign_id = Stage.own().campaign_commands.draft(desk.spec(), by="anna").id
    assert api.get(f"/v1/campaigns/{campaign_id}/results").status == 404
    assert api.get(f"/v1/campaigns/{campaign_id}/results", run="no").status == 404


class TestLarge:
    """A run that is too large for a page is counted by a worker, page by page, and goes on after a crash."""

    @pytest.fixture(autouse=True)
    def large(self, small: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(report_counts, "_HOMES_AT_ONCE", 0)
        monkeypatch.setattr(report_counts, "BUDGET_SECONDS", -1.0)  # one page a message
        pages = run_outcomes.pages_of_home
        monkeypatch.setattr(run_chunks, "pages_of_home", lambda *given, rows=None: pages(*given, rows=rows or 2))

    @pytest.fixture
    def sent(self, template: None, desk: Desk, viewers: Viewers) -> str:  # noqa: F811
        viewers(300)
        return send(desk)

    def visited(self, office: PostOffice, count: int) -> None:
        for letter in office.letters[:count]:
            READER.get(links_of(letter)[FILM])

    def test_it_is_counted_in_the_background_and_fresh_after_a_minute(
        self, api: Gateway, sent: str, desk: Desk, office: PostOffice, clock: StandingClock
    ) -> None:
        self.visited(office, 7)
        first = results(api, sent)
        assert (first["counted_at"], first["counting"], first["sent"]) == (None, True, 0)
        assert desk.pump.run() == []
        shown = results(api, sent)
        assert (shown["counting"], shown["sent"], shown["clicked"]) == (False, 300, 7)
        assert next(one["clicked"] for one in shown["links"] if one["url"] == FILM) == 7
        clock.pass_(seconds=61)
        older = results(api, sent)
        assert (older["counting"], older["clicked"]) == (True, 7)
        assert desk.pump.run() == []
        assert results(api, sent)["counting"] is False

    @pytest.mark.parametrize("crash", range(4))
    def test_a_worker_that_dies_anywhere_counts_nothing_twice(
        self,
        api: Gateway,
        sent: str,
        desk: Desk,
        office: PostOffice,
        clock: StandingClock,
        crash: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self.visited(office, 5)
        results(api, sent)
        put, calls = ReportCounts._put, [0]

        def dying(self: ReportCounts, *given: Any) -> None:
            calls[0] += 1
            if calls[0] == crash:
                raise MemoryError
            put(self, *given)

        monkeypatch.setattr(ReportCounts, "_put", dying)
        desk.pump.run()
        monkeypatch.setattr(ReportCounts, "_put", put)
        for _ in range(3):
            clock.pass_(minutes=3)
            results(api, sent)
            desk.pump.run()
        shown = results(api, sent)
        assert (shown["sent"], shown["clicked"]) == (300, 5)
        assert [one["sent"] for one in shown["providers"]] == [300]

    def test_a_message_that_comes_twice_counts_once(self, api: Gateway, sent: str, desk: Desk) -> None:
        results(api, sent)
        [body] = desk.pump.bodies("fanout")
        desk.pump.put("fanout", body)
        assert desk.pump.run() == []
        assert results(api, sent)["sent"] == 300


def test_openings_are_counted_too(api: Gateway, sent: str, office: PostOffice, clock: StandingClock) -> None:
    for letter, what in zip(office.letters, (Engagement.OPENED, Engagement.MACHINE_OPENED), strict=False):
        key = DeliveryKey.of(letter.delivery_id, letter.tags["spot"])
        Stage.own().ledger.hear([engaged(key, what, clock())])
    shown = results(api, sent)
    assert (shown["opened"], shown["machine_opened"]) == (1, 1)
    assert sum(one["opened"] for one in shown["providers"]) == 1
