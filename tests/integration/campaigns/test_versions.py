"""A letter is made of what it was accepted with: the versions of template and layout, however long it waits, and
whatever is deployed or saved meanwhile, newer or older."""

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from chalicelib.campaigns.model import CampaignPatch
from chalicelib.channels.port import Outcome, Verdict
from chalicelib.clock import rfc3339
from chalicelib.deliveries import DeliveryKey
from chalicelib.errors import ConflictError, InvalidError
from chalicelib.pipeline.requests import NotificationRequest
from chalicelib.profiles.model import UserBody
from chalicelib.profiles.preferences import Preferences
from chalicelib.rendering.shipped import shipped_folder
from chalicelib.services.event_intake import Event
from chalicelib.stage.app import Stage
from chalicelib.storage.rows.campaigns import CampaignRow
from chalicelib.storage.rows.configuration import TemplateRow
from infra.account import Account
from infra.shipped_templates import write_down_templates
from tests.integration.campaigns.conftest import ANNA, Desk, PostOffice, head_row
from tests.integration.conftest import moto_of
from tests.ledgers import every_delivery
from tests.processes import compose

NOTE = {"template": "note", "context": {"headline": "Tonight"}}
CAMPAIGN = {**NOTE, "category": "marketing"}


class Release:
    """The code that runs: its shipped templates, `note` among them. `deploy` restarts every process with others."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._monkeypatch = monkeypatch
        self.versions: list[str] = []

    def deploy(self, word: str, *, wants_a_device: bool = False) -> None:
        """Brings out a release whose letters say `word` in subject, body and layout; writes nothing down."""
        home = self._folder / str(len(self.versions)) / "templates"
        for part in ("_layout", "collected"):
            shutil.copytree(shipped_folder() / part, home / part)
        variables: dict[str, Any] = {"headline": {"type": "string"}}
        if wants_a_device:
            variables["device"] = {"type": "string"}
        more = " {{ device }}" if wants_a_device else ""
        meta = {"category": "series", "channels": ["email"], "default_locale": "en", "variables": variables}
        sample = {"context": {"headline": "A", **({"device": "TV"} if wants_a_device else {})}}
        sources = home / "note" / "en"
        sources.mkdir(parents=True)
        (sources.parent / "meta.json").write_text(json.dumps({**meta, "sample": sample}))
        (sources / "email.subject").write_text(f"{word}: {{{{ headline }}}}{more}")
        (sources / "email.html").write_text(f"<p>{word} body{more}</p>")
        layout = home / "_layout" / "email.html"
        layout.write_text(layout.read_text().replace("</body>", f"<p>{word} layout</p></body>"))
        for module in ("chalicelib.rendering.template_store", "chalicelib.rendering.render"):
            self._monkeypatch.setattr(f"{module}.shipped_folder", lambda: home)
        self.restart()
        self.versions.append(str(Stage.own().templates.get("note").version))
        self.folder = home

    def restart(self) -> None:
        """New processes of the same code."""
        compose()


@pytest.fixture
def release(tmp_path: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Release]:
    """A stage with a release out, whose letters say `One`."""
    release = Release(tmp_path, monkeypatch)
    release.deploy("One")
    yield release


def put(user_id: str, **wishes: Any) -> None:
    """A user with an address, and what they wish."""
    Stage.own().directory.put(user_id, UserBody(email=f"{user_id}@example.com", locale="en", timezone="UTC"))
    if wishes:
        Stage.own().preferences.put(user_id, Preferences.model_validate(wishes))


def accept(user_id: str, *, key: str | None = None, **more: Any) -> str:
    request = NotificationRequest.model_validate({**NOTE, "recipients": [{"user_id": user_id}], **more})
    return Stage.own().accept.accept(request, caller="shop", key=key)[0].id


def later(desk: Desk, release: Release, **time: float) -> None:
    """Lets time pass, SQS's too, and every process end meanwhile."""
    desk.clock.pass_(**time)
    release.restart()
    Stage.own().limiter.set_rate("ses.bulk", 1_000)
    for queue in moto_of("sqs").queues.values():
        for message in queue._messages:
            message.delayed_until = 0
    for _ in range(3):
        desk.tick()
        Stage.own().digest_queue.release()
        for queue in moto_of("sqs").queues.values():
            for message in queue._messages:
                message.delayed_until = 0
        assert desk.pump.run("retry") == []
        assert desk.pump.run() == []


def words(office: PostOffice) -> dict[str, set[str]]:
    """What the letters to each user say: the first words of their subjects and the releases that their HTML names."""
    said: dict[str, set[str]] = {}
    for letter in office.letters:
        name = letter.address.partition("@")[0]
        found = {word for word in ("One", "Two", "Three") if word in letter.parts["subject"] + letter.parts["html"]}
        said[name] = said.get(name, set()) | found
    return said


def wait_short(_desk: Desk) -> None:
    put("short")
    accept("short", send_at=rfc3339(_desk.clock() + timedelta(minutes=10)))


def wait_long(_desk: Desk) -> None:
    put("long")
    accept("long", send_at=rfc3339(_desk.clock() + timedelta(days=20)))


def wait_for_a_step(_desk: Desk) -> None:
    rule = {"film.added": {"steps": [{"template": "note", "delay": "P30D"}]}}
    Stage.own().settings_changes.put("event_rules", rule, by="test")
    event = {"type": "film.added", "id": "e-1", "user": {"id": "step", "email": "step@example.com", "locale": "en"}}
    Stage.own().event_intake.take(Event.model_validate({**event, "data": {"headline": "Tonight"}}), caller="site")


def wait_for_a_digest(_desk: Desk) -> None:
    put("digest", digests={"series": {"every": "week", "on": "monday", "at": "09:00"}})
    accept("digest")


def wait_for_quiet_hours_to_end(desk: Desk) -> None:
    at = desk.clock()
    put("quiet", quiet_hours={"from": f"{at - timedelta(hours=1):%H:%M}", "to": f"{at + timedelta(hours=1):%H:%M}"})
    accept("quiet")


def wait_for_the_provider(desk: Desk, office: PostOffice) -> None:
    put("retry")
    office.verdicts["retry@example.com"] = Outcome(Verdict.NOT_ACCEPTED, reason="no_connection")
    accept("retry")
    desk.pump.run()
    office.verdicts.clear()


def wait_in_a_paused_campaign(desk: Desk) -> Callable[[], object]:
    put("parked")
    campaign_id = desk.start(**CAMPAIGN, audience={"list_id": desk.load_list(b"email,locale\nparked@example.com,en\n")})
    desk.pump.run("fanout")
    control = Stage.own().campaign_commands
    control.pause(campaign_id, by=ANNA)
    desk.forget_states()
    desk.pump.run()
    return lambda: Stage.own().campaign_commands.resume(campaign_id, by=ANNA)


def wait_for_a_canary(desk: Desk) -> Callable[[], object]:
    campaign_id = desk.start(
        **CAMPAIGN,
        audience={"list_id": desk.load_list(b"email,locale\ncanary-1@example.com,en\ncanary-2@example.com,en\n")},
        canary_percent=50,
    )
    desk.pump.run()
    return lambda: Stage.own().campaign_commands.release_canary(campaign_id, by=ANNA)


def wait_for_a_slow_campaign(desk: Desk) -> None:
    rows = "".join(f"slow-{n}@example.com,en\n" for n in range(3))
    audience = {"list_id": desk.load_list(b"email,locale\n" + rows.encode())}
    desk.start(**{**CAMPAIGN, "audience": audience, "rate_per_second": 0.01, "publish_per_second": 1})
    desk.pump.run()


def test_every_letter_is_the_one_that_was_accepted_whatever_is_deployed_before_it_leaves(
    release: Release, desk: Desk, office: PostOffice
) -> None:
    """Promise A1: what waits keeps the version it was accepted with, forwards and backwards."""
    release.deploy("Two")
    wait_short(desk)
    wait_long(desk)
    wait_for_a_step(desk)
    wait_for_a_digest(desk)
    wait_for_quiet_hours_to_end(desk)
    wait_for_the_provider(desk, office)
    resume = wait_in_a_paused_campaign(desk)
    go_on = wait_for_a_canary(desk)
    wait_for_a_slow_campaign(desk)
    early = words(office)

    release.deploy("Three", wants_a_device=True)
    later(desk, release, minutes=5)
    resume()
    later(desk, release, hours=2)
    release.deploy("One")  # rolled back
    go_on()
    later(desk, release, days=8)
    release.deploy("Three", wants_a_device=True)
    later(desk, release, days=30)

    assert early.keys() < words(office).keys()
    assert release.versions[0] == release.versions[3] != release.versions[1] != release.versions[2]
    found = words(office)
    collected = found.pop("digest")  # itself accepted when it was sent, by the code of then
    waited = "short long step quiet retry parked canary-1 canary-2 slow-0 slow-1 slow-2"
    assert found == {one: {"Two"} for one in waited.split()}
    assert "Two" in collected


def test_what_a_deployment_writes_down_is_said_once(release: Release) -> None:
    """Promise A1: every shipped version is written down when it is deployed, before anything can name it."""
    account = Account(boto3.Session())

    assert write_down_templates(account, "test", folder=release.folder) == [
        "shipped templates: new versions of _layout, collected, note are written down"
    ]
    assert TemplateRow.get(f"note#{release.versions[0]}", 0).body["version"] == release.versions[0]
    assert write_down_templates(account, "test", folder=release.folder) == []


def test_a_deployment_says_which_stored_versions_hide_a_shipped_one_that_has_changed(release: Release) -> None:
    """Promise A3: a deployment that changes a shipped template under a stored one says it."""
    account, desk = Account(boto3.Session()), Stage.own().template_changes
    desk.add("note", Stage.own().templates.get("note").fields, by="anna")
    write_down_templates(account, "test", folder=release.folder)
    assert write_down_templates(account, "test", folder=release.folder) == []

    release.deploy("Two")

    [_, told] = write_down_templates(account, "test", folder=release.folder)
    assert told == (
        "template note: version 1, stored by anna, stays in force; the shipped one that it hides has changed since: "
        "see /admin/templates/note"
    )
    Stage.own().template_changes.add("note", Stage.own().templates.get("note", 0).fields, by="anna")
    assert write_down_templates(account, "test", folder=release.folder) == []


def test_an_event_told_again_after_a_deployment_makes_the_same_letters(
    release: Release, desk: Desk, office: PostOffice
) -> None:
    """Promise A1: a repeated event makes the letters of the first time, though their template wants more now."""
    put("step")
    rule = {"film.added": {"steps": [{"template": "note"}, {"template": "note", "delay": "P1D"}]}}
    Stage.own().settings_changes.put("event_rules", rule, by="test")
    user = {"id": "step", "email": "step@example.com", "locale": "en"}
    data = {"headline": "Tonight", "device": "TV"}
    event = Event.model_validate({"type": "film.added", "id": "e-1", "user": user, "data": data})
    first = Stage.own().event_intake.take(event, caller="site")

    release.deploy("Two", wants_a_device=True)

    assert Stage.own().event_intake.take(event, caller="site") == first
    later(desk, release, days=2)
    assert [letter.parts["subject"] for letter in office.letters] == ["One: Tonight", "One: Tonight"]


def test_a_resend_is_of_the_version_of_its_run(release: Release, desk: Desk, office: PostOffice) -> None:
    """Promise A1: all letters of a run are of one version, those that make up for others too."""
    office.verdicts["late@example.com"] = Outcome(Verdict.REFUSED, reason="rejected")
    rows = b"email,locale\nlate@example.com,en\nin-time@example.com,en\n"
    campaign_id = desk.start(**CAMPAIGN, audience={"list_id": desk.load_list(rows)})
    desk.finish()
    office.verdicts.clear()

    release.deploy("Two")
    Stage.own().resend.begin(campaign_id, by=ANNA)
    desk.finish()

    assert words(office) == {"late": {"One"}, "in-time": {"One"}}
    assert {run.letter["template_version"] for run in desk.runs(campaign_id)} == {release.versions[0]}


def test_nothing_is_stored_for_a_request_that_is_refused(release: Release) -> None:
    with pytest.raises(InvalidError):
        accept("anna", context={})

    assert list(TemplateRow.scan()) == []


def test_a_resend_of_an_edited_campaign_is_what_its_run_was(desk: Desk, office: PostOffice) -> None:
    """Promise A1: neither the newer words with the older template, nor the newer words at all."""
    office.verdicts["late@example.com"] = Outcome(Verdict.REFUSED, reason="rejected")
    campaign_id = desk.start(
        audience={"list_id": desk.load_list(b"email,locale\nlate@example.com,en\n")},
        schedule={"every": "day", "at": "12:00"},
        timezone="UTC",
    )
    desk.clock.pass_(days=1)
    desk.tick()
    desk.finish()
    office.verdicts.clear()
    assert desk.head(campaign_id).state == "scheduled"
    other = CampaignPatch(context={"headline": "Another", "text": "text", "url": "https://cinema.example/n"})
    Stage.own().campaign_commands.edit(campaign_id, other, by=ANNA)

    Stage.own().resend.begin(campaign_id, by=ANNA)
    desk.finish()

    assert [letter.address for letter in office.letters] == ["late@example.com"]
    assert "Another" not in office.letters[0].parts["subject"]
    assert [int(run.version) for run in desk.runs(campaign_id)] == [1, 1]


def failed_letter(desk: Desk, office: PostOffice, **more: Any) -> tuple[str, DeliveryKey]:
    """A campaign that is over, and its one letter, which the provider refused."""
    office.verdicts["late@example.com"] = Outcome(Verdict.REFUSED, reason="rejected")
    rows = b"email,locale\nlate@example.com,en\n"
    campaign_id = desk.start(**CAMPAIGN, audience={"list_id": desk.load_list(rows)}, **more)
    desk.finish()
    office.verdicts.clear()
    [one] = every_delivery()
    return campaign_id, one.key


def test_one_letter_of_a_campaign_is_sent_once_more_as_its_run_was(
    release: Release, desk: Desk, office: PostOffice
) -> None:
    """Promise A1: what a person sends again is the letter of the run, and the counts stay exact."""
    campaign_id, key = failed_letter(desk, office)
    assert desk.progress(campaign_id).failed == 1
    release.deploy("Two")

    for _ in range(2):  # pressed twice
        Stage.own().operator_actions.send_again(key)
    later(desk, release, minutes=1)

    assert words(office) == {"late": {"One"}}
    progress = desk.progress(campaign_id)
    assert (progress.targeted, progress.sent, progress.failed, progress.queued) == (1, 1, 0, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"state": "awaiting_approval"},
        {"state": "paused"},
        {"state": "cancelled"},
        {"approved_site": "with another sender"},
    ],
)
def test_a_letter_of_a_campaign_that_is_held_is_not_sent_once_more(
    release: Release, desk: Desk, office: PostOffice, change: dict[str, str]
) -> None:
    """Promise A1: it would be put aside, and with its run over nothing would let it go on."""
    campaign_id, key = failed_letter(desk, office)
    head_row(campaign_id).update(actions=[getattr(CampaignRow, name).set(value) for name, value in change.items()])

    with pytest.raises(ConflictError):
        Stage.own().operator_actions.send_again(key)

    assert desk.progress(campaign_id).failed == 1
    assert all(desk.pump.waiting(queue) == 0 for queue in ("enrich-bulk", "retry"))
