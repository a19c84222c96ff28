"""Disaster recovery, rehearsed: the tables of a stage are lost in the middle of a campaign, and restored from a backup
that is older than some of its letters."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.children import Ports
from infra.local.cloud import LocalCloud
from infra.local.process import free_port
from infra.paths import ROOT
from infra.stages import WorkerTimings
from tests.e2e.conftest import SETTINGS, Vestnik, eventually
from tests.e2e.test_campaigns import finished, started

pytestmark = pytest.mark.e2e
VIEWERS = 150
PATIENT = WorkerTimings(events_window_seconds=0, function_timeout_seconds=15, visibility_timeout_seconds=15)
PER_SECOND = 3  # however long a backup takes, the campaign is not over then


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vestnik]:
    """A separate cloud, which may lose its tables."""
    root: Path = tmp_path_factory.mktemp("lost")
    ports = Ports(emulator=free_port(), mailbox=free_port())
    cloud = LocalCloud(ports, state_dir=root / "state", logs_dir=root / "logs", settings=SETTINGS, timings=PATIENT)
    with cloud:
        key = cloud.seed()
        cloud.warm(talk=False)
        shorten_calls(cloud)
        yield Vestnik(cloud, key)


def shorten_calls(cloud: LocalCloud) -> None:
    """What runs while a stage is stopped is waited for: as long as its slowest function may take."""
    lambdas, most = cloud.account.lambdas, PATIENT.function_timeout_seconds
    for function in lambdas.list_functions()["Functions"]:
        if function["Timeout"] > most:
            lambdas.update_function_configuration(FunctionName=function["FunctionName"], Timeout=most)


def command(vestnik: Vestnik, *arguments: str) -> str:
    """The output of an operator's command."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=vestnik.cloud.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def sent(vestnik: Vestnik) -> Counter[str]:
    return Counter(letter["to"][0] for letter in vestnik.letters("@lost.example"))


def pace(vestnik: Vestnik, campaign: str, *, per_second: int) -> None:
    """Another one for a run that has begun."""
    answer = vestnik.call("PATCH", f"/v1/campaigns/{campaign}", {"rate_per_second": per_second})
    assert answer.status_code == 200, answer.text


def test_a_half_sent_campaign_goes_on_after_its_tables_were_lost_and_no_letter_is_lost_or_sent_twice(
    lost: Vestnik,
) -> None:
    """Promise A6."""
    users = [
        {"id": f"lost-{n}", "email": f"lost-{n}@lost.example", "attributes": {"lost": True}} for n in range(VIEWERS)
    ]
    for start in range(0, VIEWERS, 50):
        assert lost.call("POST", "/v1/users/batch", {"users": users[start : start + 50]}).status_code == 200
    audience = {"rule": {"attribute": "lost", "op": "equals", "value": True}}
    campaign = started(lost, audience=audience, rate_per_second=PER_SECOND)

    eventually(lambda: lost.tick() and len(sent(lost)) > 0)
    name = command(lost, "infra.backup", "--stage", "local").split("FROM=")[1].strip()
    of_the_backup = len(sent(lost))
    eventually(lambda: of_the_backup + 20 < len(sent(lost)) < VIEWERS)
    dynamodb = lost.cloud.account.dynamodb
    for table in dynamodb.list_tables()["TableNames"]:
        dynamodb.delete_table(TableName=table)
    said = command(lost, "infra.restore", "--stage", "local", "--from", name, "--yes")
    for queue in ("fanout", "enrich-bulk", "deliver-email-bulk", "retry"):  # what failed too often without tables
        answer = lost.call("POST", f"/v1/control/dead-letters/{queue}/redrive", {"limit": 500})
        assert answer.status_code == 200, answer.text
    pace(lost, campaign, per_second=400)
    seen = finished(lost, campaign)

    assert "letters that left since the backup: " in said
    assert int(said.split("letters that left since the backup: ")[1].split(",")[0]) >= 20
    uncertain = seen["progress"]["uncertain"]
    assert seen["progress"]["targeted"] == VIEWERS
    received = sent(lost)
    assert set(received.values()) == {1}
    assert len(received) + uncertain >= VIEWERS
    expiry = dynamodb.describe_time_to_live(TableName="vestnik-local-ledger")["TimeToLiveDescription"]
    assert expiry["TimeToLiveStatus"] == "ENABLED", json.dumps(expiry)
