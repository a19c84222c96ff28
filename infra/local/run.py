"""`make run`: the local cloud in the foreground, until Ctrl-C. `make dev`: the same, and what changes is deployed.

python -m infra.local.run --port 4566 --reload
"""

import argparse
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from clients.python.vestnik_client import Vestnik, VestnikError
from infra.local.background import Background, Task
from infra.local.children import Ports
from infra.local.cloud import LocalCloud
from infra.local.demo import demo_tasks
from infra.local.leash import tie_to_parent
from infra.local.patience import Say, StartError
from infra.local.process import free_port, port_is_free
from infra.local.seed import FIRST_MANAGER
from infra.local.watch import Watch
from infra.paths import BUILD
from infra.stacks import DeployError
from tools.local_cloud import LOCAL, stay_on_this_machine

_DEFAULT_PORT = 4566
_DEFAULT_MAILBOX_PORT = 8025
_DEMO_SECONDS = 60
PATIENCE_SECONDS = 10  # how long an earlier run may take to let its port go
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Somebody asked this process to end."""


def main() -> int:
    parser = argparse.ArgumentParser(description="Run Vestnik whole on this machine.")
    parser.add_argument("--port", type=port_of, default=_DEFAULT_PORT, help="of the emulator")
    parser.add_argument("--reload", action="store_true", help="deploy what changes in this checkout")
    parser.add_argument("--addresses", type=Path, default=LOCAL, help="where its addresses are written while it runs")
    chosen = parser.parse_args()
    tie_to_parent(os.getppid())
    stay_on_this_machine()
    try:
        with _stop_signals():
            _run(chosen.port, reload=chosen.reload, addresses=chosen.addresses)
    except Stopped:
        return 0
    except (StartError, DeployError) as error:
        print(f"make run: {error}", file=sys.stderr)
    except Exception as error:
        print(f"make run: {unforeseen(error, chosen.port)}", file=sys.stderr)
    return 1


def _run(port: int, *, reload: bool, addresses: Path) -> NoReturn:
    started = time.monotonic()
    wait_for_port(port)
    first_choice = _DEFAULT_MAILBOX_PORT if port == _DEFAULT_PORT else port + 1

    def say(line: str) -> None:
        print(f"[{time.monotonic() - started:5.1f} s] {line}", flush=True)

    cloud = LocalCloud(
        Ports(port, free_port(first_choice)), state_dir=BUILD / "state" / str(port), logs_dir=_logs(port), say=say
    )
    with _stopping(cloud):
        cloud.start()
        key = cloud.seed(demo=True)
        say("warming up what the first letter needs")
        cloud.warmth.first_letter(key)
        with _written(addresses, cloud, key), _background(cloud, key, say):
            print(welcome(cloud, key, time.monotonic() - started, addresses), flush=True)
            _stay(cloud, Watch() if reload else None)


@contextmanager
def _background(cloud: LocalCloud, key: str, say: Say) -> Iterator[None]:
    """What nobody waits for: the rest of the functions, and something to look at."""
    sns = cloud.account.session.client("sns", endpoint_url=cloud.emulator_url)
    vestnik = Vestnik(cloud.api_url, key, timeout_seconds=_DEMO_SECONDS)
    tasks = [
        Task("the other functions", lambda: cloud.warmth.everything(at_once=1)),
        *demo_tasks(vestnik, sns, environment=cloud.environment(), mailbox_url=cloud.mailbox_url),
    ]
    work = Background(tasks, failures=(VestnikError, BotoCoreError, ClientError), say=say)
    work.start()
    try:
        yield
    finally:
        work.stop()


def _logs(port: int) -> Path:
    return BUILD / "logs" / str(port)


def port_of(text: str) -> int:
    """A port as it was typed. Raises: argparse.ArgumentTypeError, which says what is expected."""
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"expected a port from 1 to 65535, such as PORT=5000, not {text}")
    return int(text)


def unforeseen(error: Exception, port: int) -> str:
    """One line for the person, the whole story into the log where there is room for one."""
    log, story = _logs(port) / "run.log", "".join(traceback.format_exception(error))
    told = _told(error)
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(story)
    except OSError as full:  # of a full disk, or a folder that is not ours, the log has no more room than the cloud
        return f"{told}. Nothing can be written to {relative(log)} ({full.strerror}): make room, or fix its permissions"
    return f"{told}. Run it again; if that does not help, {relative(log)} says where it broke"


def _told(error: Exception) -> str:
    """What is meant for a person as it is, anything else in a line."""
    if isinstance(error, StartError | DeployError):
        return str(error)
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"


def relative(path: Path) -> Path:
    """As somebody in this folder would write it."""
    return Path(os.path.relpath(path))


def wait_for_port(port: int) -> None:
    """Until an earlier run has let the port go. Raises: StartError, which says what to do."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not port_is_free(port):
        if time.monotonic() > deadline:
            raise StartError(f"port {port} is busy. Stop what uses it, or choose another: PORT=5000 make run")
        time.sleep(0.2)


@contextmanager
def _stop_signals() -> Iterator[None]:
    """Turns the first signal to stop into `Stopped`, and lets no second one disturb the saving of the state."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in _STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        raise Stopped

    for number in _STOP_SIGNALS:
        signal.signal(number, stop)
    yield


@contextmanager
def _stopping(cloud: LocalCloud) -> Iterator[None]:
    try:
        yield
    except Stopped:
        print("\nstopping; the state is kept for the next run", flush=True)
        raise
    finally:
        cloud.stop()


@contextmanager
def _written(place: Path, cloud: LocalCloud, key: str) -> Iterator[None]:
    """Its addresses, for scripts, as long as the cloud runs."""
    addresses = {
        "api_url": cloud.api_url,
        "ws_url": cloud.ws_url,
        "admin_url": f"{cloud.api_url}/admin",
        "mailbox_url": cloud.mailbox_url,
        "emulator_url": cloud.emulator_url,
        "api_key": key,
        "admin_user": FIRST_MANAGER,
        "admin_password": cloud.state.manager_password(),
    }
    text = json.dumps(addresses, indent=2) + "\n"
    unfinished = place.with_suffix(".part")
    unfinished.write_text(text)
    unfinished.chmod(0o600)
    unfinished.replace(place)
    try:
        yield
    finally:
        with suppress(OSError):  # another run of this checkout may have written its own since
            if place.read_text() == text:
                place.unlink()


def welcome(cloud: LocalCloud, key: str, took_seconds: float, addresses: Path = LOCAL) -> str:
    """What a newcomer reads: every address, and a line to paste that sends a letter."""
    letter = {
        "template": "new-episode",
        "recipients": [{"user_id": "anna"}],
        "context": {
            "series": "The Long Night",
            "season": 2,
            "episode": 5,
            "title": "Dawn",
            "url": "https://cinema.example/series/the-long-night",
        },
    }
    return f"""
Vestnik runs (ready in {took_seconds:.1f} s).

  API          {cloud.api_url}
  its docs     {cloud.api_url}/docs
  managers     {cloud.api_url}/admin  (user {FIRST_MANAGER}, password {cloud.state.manager_password()})
  live         {cloud.api_url}/live-demo  ({cloud.ws_url})
  letters      {cloud.mailbox_url}
  texts, chats {cloud.mailbox_url}/other
  emulator     {cloud.emulator_url}
  API key      {key}
  all of it    {relative(addresses)}

Send a letter, then look at {cloud.mailbox_url}:

curl -sS {cloud.api_url}/v1/notifications \\
  -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\
  -d '{json.dumps(letter)}'

Ctrl-C stops it; people, letters and keys are kept in build/state."""


def _stay(cloud: LocalCloud, watch: Watch | None) -> NoReturn:
    """Until a signal comes; what `watch` sees change is deployed. Raises: StartError when a process has ended by
    itself."""
    while True:
        for child in (cloud.emulator, cloud.mailbox):
            if not child.running:
                raise StartError(f"{child.name} has ended by itself; see build/logs. Run `make run` again")
        if watch and (changed := watch.changed()):
            deploy_again(cloud, changed)
        time.sleep(0.5)


def deploy_again(cloud: LocalCloud, changed: Sequence[str]) -> None:
    """Deploys what was saved, and says how it went. Never raises: what is being written may be anything."""
    started = time.monotonic()
    others = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    print(f"\n{changed[0]}{others}: deploying", flush=True)
    try:
        cloud.deploy()  # and no warming: the first call is as slow as one of them, not as all
    except Exception as error:  # a mistake in the code, as a rule: whatever it breaks, the next save may fix it
        told = _told(error)
        print(f"not deployed: {told}\nsave a file to try again; `make logs` shows what the functions say", flush=True)
    else:
        print(f"deployed in {time.monotonic() - started:.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
