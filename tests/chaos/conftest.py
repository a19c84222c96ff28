"""One cloud for all chaos tests of a process, with wires in all its lines; it is whole again before each test."""

import json
from collections.abc import Generator, Iterator

import pytest

from infra.local.children import Ports
from infra.local.cloud import LocalCloud
from infra.local.process import free_port
from infra.stages import WorkerTimings
from tests.chaos.rig import Rig
from tests.chaos.wires import Switchboard
from tests.e2e.conftest import Vestnik

_WORKER_SECONDS = 12
# Production's in proportion, in seconds instead of minutes: a lease outlives its worker, a claim waits for the word of
# the provider after that, a ramp takes a while to see.
TIMINGS = WorkerTimings(
    events_window_seconds=0,  # the emulator can take it, and every letter is delivered a second sooner
    function_timeout_seconds=_WORKER_SECONDS,  # a cold start is none of it, but the first call of a new process is
    visibility_timeout_seconds=_WORKER_SECONDS,
)
PROBE_SECONDS, RAMP_SECONDS = 3, 8
SETTINGS = {
    "VESTNIK_LEASE_SECONDS": "12",
    "VESTNIK_RECONCILE_SECONDS": "2",
    "VESTNIK_RETRY_SECONDS": "1",
    "VESTNIK_SES_PER_SECOND": "500",
    "VESTNIK_PROBE_SECONDS": str(PROBE_SECONDS),
    "VESTNIK_RAMP_SECONDS": str(RAMP_SECONDS),
}


@pytest.fixture(scope="session")
def chaos_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """The service behind its wires."""
    root = tmp_path_factory.mktemp("chaos")
    orders = root / "orders"
    orders.mkdir()
    board = Switchboard()
    ports = Ports(emulator=free_port(), mailbox=free_port())
    events = board.wire(ports.emulator)
    cloud = LocalCloud(
        ports,
        state_dir=root / "state",
        logs_dir=root / "logs",
        settings=SETTINGS,
        timings=TIMINGS,
        events_url=events.url,
    )
    try:
        with cloud:
            rig = Rig(Vestnik(cloud, cloud.seed()), board, orders=orders, events=events)
            rig.connect()
            cloud.warm(talk=False)
            yield rig
    finally:
        board.close()


@pytest.fixture
def rig(chaos_cloud: Rig) -> Rig:
    """The cloud, whole, with nothing in it that another test set up."""
    chaos_cloud.heal(patience_seconds=_WORKER_SECONDS)
    return chaos_cloud


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure tells what the cloud was busy with."""
    report = yield
    rig = item.funcargs.get("rig")
    if report.failed and isinstance(rig, Rig):
        report.sections.append(("messages in the queues", json.dumps(rig.queues.depths())))
    return report
