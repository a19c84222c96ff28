"""The demo page's own calls: for known users, and only where the stage has the demo on."""

import pytest

from chalicelib.stage.app import Stage
from tests.integration.api.gateway import Gateway
from tests.integration.conftest import Pump
from tests.processes import compose

FILES = ("", "/live.js", "/page.js", "/words.js", "/live.css")
CALLS = ("tickets", "notifications")


@pytest.fixture
def demo(api: Gateway, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    monkeypatch.setenv("VESTNIK_LIVE_DEMO", "true")
    compose()
    api.put("/v1/users/anna", {"name": "Anna", "locale": "ru"})
    return api


@pytest.fixture
def hidden(api: Gateway, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    monkeypatch.setenv("VESTNIK_LIVE_DEMO", "false")
    compose()
    return api


def test_a_visitor_has_an_example_sent_by_the_ordinary_way(demo: Gateway, pump: Pump) -> None:
    sent = demo.post("/live-demo/notifications", {"user_id": "anna"})
    pump.run()
    [entry] = Stage.own().inbox.page("anna", before=None, limit=5).entries
    assert (entry["id"], entry["template"]) == (sent.body["id"], "new-episode")


@pytest.mark.parametrize("call", CALLS)
def test_a_user_who_is_not_known_gets_nothing(demo: Gateway, call: str) -> None:
    assert demo.post(f"/live-demo/{call}", {"user_id": "nobody"}).status == 404
    assert set(demo.post(f"/live-demo/{call}", {"user": "anna"}).bad_fields) == {"user", "user_id"}


@pytest.mark.parametrize("file", FILES)
def test_every_file_of_the_page_is_served(demo: Gateway, file: str) -> None:
    assert demo.get(f"/live-demo{file}").status == 200


def test_where_the_demo_is_off_there_is_nothing(hidden: Gateway) -> None:
    assert [hidden.get(f"/live-demo{file}").status for file in FILES] == [404] * len(FILES)
    assert [hidden.post(f"/live-demo/{call}", {"user_id": "anna"}).status for call in CALLS] == [404] * len(CALLS)
