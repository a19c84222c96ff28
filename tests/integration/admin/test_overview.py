"""The figures on the first page."""

from chalicelib.admin.subsystems import groups_of_queues
from chalicelib.admin.templating import queue_name, words
from chalicelib.campaigns.model import Campaign
from chalicelib.manifest import CONSUMERS, Queue
from chalicelib.stage.app import Stage
from tests.integration.admin.conftest import Visitor


def test_the_delivery_rate_counts_what_has_an_outcome(boss: Visitor) -> None:
    """Promise G6: of ten letters sent three have arrived, one came back, and of six nothing is known yet: 75 %."""
    Stage.own().hourly_stats.add({"sent": 10, "delivery": 3, "bounce": 1})
    assert "75.0%" in boss.get("/admin").text


def test_without_an_outcome_there_is_no_rate(boss: Visitor) -> None:
    Stage.own().hourly_stats.add({"sent": 10})
    assert '<dd class="figure">—</dd>' in boss.get("/admin").text


def test_a_day_without_letters_has_no_chart(boss: Visitor) -> None:
    assert "<svg" not in boss.get("/admin").text
    Stage.own().hourly_stats.add({"sent": 1})
    assert "<svg" in boss.get("/admin").text


def a_draft() -> None:
    context = {"headline": "Half price", "text": "All films.", "url": "https://cinema.example/p"}
    spec = {"name": "The first", "template": "promo", "audience": {"everyone": True}, "context": context}
    Stage.own().campaign_commands.draft(Campaign.model_validate(spec), by="test")


def test_an_empty_desk_shows_the_way_to_the_first_campaign_until_there_is_one(boss: Visitor) -> None:
    steps = ["/admin/settings", "/admin/templates", "/admin/lists", "/admin/campaigns/new"]
    shown = boss.get("/admin").text.partition('class="first-run"')[2].partition("</ol>")[0]
    assert [path for path in steps if f'{path}"' in shown] == steps
    a_draft()
    assert 'class="first-run"' not in boss.get("/admin").text


def test_queues_are_called_by_what_they_do() -> None:
    names = {queue: queue_name(queue, say=words("en")) for queue in CONSUMERS}
    assert names[Queue.FANOUT] == "Gathering audiences"
    assert names["deliver-email-bulk"] == "E-mail: mass letters"
    assert [queue for queue, name in names.items() if name == queue] == []
    assert queue_name("of-a-newer-release", say=words("en")) == "of-a-newer-release"


def test_every_queue_is_in_one_group(boss: Visitor) -> None:
    groups = groups_of_queues()
    assert sorted(queue for queues in groups.values() for queue in queues) == sorted(CONSUMERS)
    assert set(groups) == set(words("en")["queue_groups"])
    text = boss.get("/admin/subsystems").text
    places = [text.index(f">{name}<") for name in ("Before sending", "Sending", "After sending", "Other work")]
    assert places == sorted(places)
