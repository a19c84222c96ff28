"""A new channel is an entry, a file, its texts and its parts of a template; all the rest follows. One is added to a
copy of the code, as anybody would add it, and tested there."""

from pathlib import Path

from tests.checkout import Checkout

CHANNEL = '''"""Pigeons: a note in a file for each."""

from collections.abc import Sequence
from pathlib import Path

from chalicelib.channels.port import ChannelParts, Message, Outcome, Verdict


class PigeonChannel:
    """Writes what a pigeon would carry."""

    name = "pigeon"
    batch_size = 10

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        with Path("flown").open("a") as sky:
            sky.writelines(f"{message.address}: {message.parts['text']}" for message in messages)
        return [Outcome(Verdict.ACCEPTED, provider_id=message.delivery_id) for message in messages]


def make(parts: ChannelParts) -> PigeonChannel:
    """The channel of a stage."""
    return PigeonChannel()
'''
FOLLOWS = '''"""What follows from the entry."""

import json
from pathlib import Path

from chalicelib.pipeline.requests import NotificationRequest
from chalicelib.profiles.model import UserBody
from chalicelib.stage.app import Stage
from chalicelib.storage.rate_limits import LIMITS
from infra.app_policies import policy_file
from infra.paths import TEMPLATE
from infra.template_build import plain_template
from infra.variables import fields
from tests.integration.api.gateway import Gateway
from tests.integration.conftest import Pump
from tests.integration.own_say.conftest import Person
from tests.integration.own_say.test_preferences import page

__all__ = ["page"]

QUEUES = ["deliver-pigeon", "deliver-pigeon-bulk"]


def test_a_letter_goes_out_on_it(pump: Pump) -> None:
    Stage.own().directory.put("anna", UserBody(phone="+79261234567", locale="en"))
    request = {
        "template": "promo",
        "context": {"headline": "Tonight", "text": "Half price", "url": "https://cinema.example/p"},
        "recipients": [{"user_id": "anna"}],
        "channels": ["pigeon"],
    }
    sent = Stage.own().accept.accept(NotificationRequest.model_validate(request), caller="shop", key=None)[0].id
    assert pump.run() == []
    [delivery] = Stage.own().history.notification(sent)["deliveries"]
    assert (delivery["channel"], delivery["status"]) == ("pigeon", "sent")
    assert Path("flown").read_text().strip() == "+79261234567: Tonight"


def test_it_has_its_switch_its_limits_and_their_setting(stage: None) -> None:
    assert "pigeon" in [one.name for one in Stage.own().switches.read_all()]
    limits = {one.name: one.rate_per_second for one in Stage.own().limiter.read_all(LIMITS)}
    assert {"pigeon.instant", "pigeon.bulk"} <= limits.keys()
    assert limits["pigeon.instant"] + limits["pigeon.bulk"] == 7
    assert "VESTNIK_PIGEON_PER_SECOND" in fields()


def test_the_stack_has_its_queues_sources_rights_and_alarms() -> None:
    resources = plain_template(TEMPLATE, "prod")["Resources"]
    for name in ("DeliverPigeon", "DeliverPigeonBulk"):
        assert {f"{name}Queue", f"{name}DeadLetters"} <= resources.keys()
        assert [alarm for alarm in resources if alarm.startswith(name) and alarm.endswith("Alarm")]
        for role in ("EnrichRole", "DeliverRole", "RetryRole", "TickRole"):
            assert f"{name}Queue" in json.dumps(resources[role])
    assert {"DeliverPigeon", "DeliverPigeonBulk", "PigeonSwitchAlarm"} <= resources.keys()
    for stage in ("local", "dev", "prod"):
        assert all(f"vestnik-{stage}-{queue}-dlq" in policy_file(stage).read_text() for queue in QUEUES)


def test_the_page_of_preferences_offers_it(api: Gateway, page: str, person: Person) -> None:
    api.patch("/v1/users/anna", {"phone": "+79161234567"})
    assert 'name="on.series.pigeon"' in person.get(page).text
'''


def test_all_that_a_channel_needs_follows_from_its_entry(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    manifest = "chalicelib/manifest.py"
    checkout.change(manifest, r'(    LIVE = "live"\n)', r'\1    PIGEON = "pigeon"\n')
    checkout.change(
        manifest, r"(    Subsystem\.LIVE: Rate.*\n)", r'\1    Subsystem.PIGEON: Rate(7, "pigeons a second"),\n'
    )
    entry = r'\1        ChannelSpec("pigeon", "phone", Subsystem.PIGEON, ("text",)),\n'
    checkout.change(manifest, r'(        ChannelSpec\("sms".*\n)', entry)
    checkout.write("chalicelib/channels/pigeon.py", CHANNEL)
    checkout.say("admin/words", "channels", pigeon="pigeon post")
    checkout.say("admin/words", "subsystems.names", pigeon="Pigeons")
    checkout.say("admin/words", "reasons", reached_by_pigeon="it was enough", opened_on_pigeon="it was seen")
    checkout.say("pages", "channels", pigeon="Pigeons")
    checkout.change("templates/promo/meta.json", r'"extra_channels": \[', '"extra_channels": ["pigeon", ')
    for language in ("en", "ru"):
        checkout.write(f"templates/promo/{language}/pigeon", "{{ headline }}")
    checkout.write("tests/integration/own_say/test_pigeon.py", FOLLOWS)

    checkout.run("-m", "infra.app_policies")
    checkout.run(
        *("-m", "pytest", "-q", "-x", "tests/integration/own_say/test_pigeon.py", "tests/contract/test_words.py"),
        *("tests/contract/test_failover.py", "tests/contract/test_public_words.py"),
    )
