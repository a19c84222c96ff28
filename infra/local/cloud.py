"""The whole service on one machine: the emulator, the mailbox, both deployables. `make run` and the end-to-end tests
use this one class, so that what is tested is what runs.

    with LocalCloud(Ports(4566, 8025), state_dir=…) as cloud:
        requests.get(cloud.api_url + "/healthz")
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from email.utils import parseaddr
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import boto3
import botocore.session
import requests

from infra.account import Account
from infra.local.artifacts import build_artifacts
from infra.local.children import REGION, STAGE, Ports, emulator, mailbox, own_environment, tracking_domain
from infra.local.emulated import DELIVERED, emulated, live_api_id, rest_api_id
from infra.local.patience import Say, StartError, silent, until
from infra.local.state import StateFolder
from infra.local.warm import Warm
from infra.paths import ROOT
from infra.planning import Release, app_stack, infra_stack
from infra.shipped_templates import write_down_templates
from infra.stacks import DeployError, deploy_stack
from infra.stage_keys import ensure_keys
from infra.stages import WorkerTimings, environment_of

_SEED_SECONDS = 120
_API_SECONDS = 180


def _session() -> boto3.Session:
    """A session of the emulator's account that never looks at the user's profiles and files."""
    nothing = {"profile": (None, None, None, None)}
    files = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
    core = botocore.session.Session(session_vars={**nothing, **files})
    return boto3.Session("test", "test", region_name=REGION, botocore_session=core)


class LocalCloud:
    """Starts, deploys and stops. Everything that must survive a restart is in `state_dir`. `settings`: variables
    other than the stage's. `events_url`: where the mailbox finds SNS, if not at the emulator itself. `forks`:
    workers begin quickly, as no measurement of them may have it."""

    def __init__(
        self,
        ports: Ports,
        *,
        state_dir: Path,
        logs_dir: Path,
        settings: Mapping[str, str] | None = None,
        timings: WorkerTimings | None = None,
        events_url: str | None = None,
        forks: bool = True,
        say: Say = silent,
    ) -> None:
        self.state = StateFolder(state_dir)
        self.emulator_url = f"http://127.0.0.1:{ports.emulator}"
        self.mailbox_url = f"http://127.0.0.1:{ports.mailbox}"
        self.api_url = f"{self.emulator_url}/_aws/execute-api/{rest_api_id(STAGE)}/api"
        self._timings = timings or WorkerTimings()
        self._say = say
        live = f"{self.emulator_url}/_aws/execute-api/{live_api_id(STAGE)}/api"
        self.ws_url = live.replace("http://", "ws://", 1)
        self._settings = {
            **environment_of(STAGE),
            **(settings or {}),
            "VESTNIK_PUBLIC_URL": self.api_url,
            "VESTNIK_LIVE_URL": self.ws_url,
            "VESTNIK_LIVE_MANAGEMENT_URL": live,
            "VESTNIK_MEDIA_URL": f"{self.emulator_url}{DELIVERED}/vestnik-{STAGE}-media",
            "VESTNIK_LIVE_ORIGINS": f"http://localhost:{ports.emulator}",
            "VESTNIK_TRACKING_DOMAIN": tracking_domain(ports),
        }
        self.account = Account(_session(), endpoint_url=self.emulator_url)
        self.warmth = Warm(self.account.lambdas, stage=STAGE, api_url=self.api_url, ws_url=self.ws_url, say=say)
        self.emulator = emulator(ports, self.state, logs_dir / "emulator.log", forks=forks)
        _, sender = parseaddr(self._settings["VESTNIK_MAIL_FROM"])
        self.mailbox = mailbox(
            ports,
            self.state,
            logs_dir / "mailbox.log",
            sender_domain=sender.rpartition("@")[2],
            events_url=events_url or self.emulator_url,
        )

    def start(self) -> None:
        """Returns when the API answers. Raises: StartError, DeployError; nothing is left running then."""
        self.state.acquire()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops both processes; the emulator saves its state on the way out."""
        self.emulator.stop()
        self.mailbox.stop()
        shutil.rmtree(self.state.temporary, ignore_errors=True)
        self.state.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def environment(self) -> dict[str, str]:
        """The environment of a process that acts as the app of this cloud: its settings, its AWS."""
        return {
            **own_environment(),
            **self._settings,
            "AWS_ENDPOINT_URL": self.emulator_url,
            "AWS_ENDPOINT_URL_SESV2": self.mailbox_url,
        }

    def deploy(self) -> None:
        """Brings the running cloud to this checkout; what has not changed is left alone. Raises: StartError,
        DeployError."""
        self._deploy(build_artifacts(STAGE))

    def seed(self, *, demo: bool = False) -> str:
        """Makes the API key of the first service, the same in every run, and answers it, and the first manager; with
        `demo`, what its data builds on. Raises: StartError."""
        key = self.state.api_key()
        parts = (key.key_id, key.secret, self.state.manager_password())
        command = [sys.executable, "-m", "infra.local.seed", *(["--demo"] if demo else []), "--", *parts]
        said = ""

        def write() -> str | None:  # a secret may begin with a hyphen, so that it stands behind "--"
            nonlocal said
            done = subprocess.run(
                command, cwd=ROOT, env=self.environment(), capture_output=True, text=True, check=False
            )
            said = done.stderr.strip()
            return None if done.returncode else done.stdout.strip()

        try:
            return until(write, what="the first data", say=self._say, limit_seconds=_SEED_SECONDS)
        except StartError as error:
            raise StartError(f"{error}\n{said[-2000:]}") from error

    def warm(self, *, talk: bool = True) -> None:
        """Calls every worker once with nothing to do, so that the first letter does not pay for their imports; with
        `talk` the live side too."""
        self.warmth.everything(talk=talk)

    def _start(self) -> None:
        if not (self.state.is_empty() or self.state.is_whole()):
            self._say(f"saved state is damaged; it is kept in {self.state.set_aside()}, starting from nothing")
        restored = not self.state.is_empty()
        with ThreadPoolExecutor(max_workers=1) as pool:
            artifacts = pool.submit(build_artifacts, STAGE)
            self._start_processes()
            release = artifacts.result()
        try:
            self._deploy(release)
        except (DeployError, StartError):
            if not restored:
                raise
            self._start_from_nothing(release)

    def _start_from_nothing(self, release: Release) -> None:
        """The second try after one on a saved state: if this one fails too, the state was not to blame."""
        self.emulator.stop()
        aside = self.state.set_aside()
        self._say(f"saved state does not work; it is kept in {aside}, starting from nothing")
        try:
            self._start_processes()
            self._deploy(release)
        except (DeployError, StartError):
            self.emulator.stop()
            self.state.put_back(aside)
            raise

    def _start_processes(self) -> None:
        self._say("starting the emulator and the mailbox")
        shutil.rmtree(self.state.temporary, ignore_errors=True)
        for folder in (self.state.emulator, self.state.mailbox, self.state.temporary):
            folder.mkdir(parents=True, exist_ok=True)
        children = [child for child in (self.emulator, self.mailbox) if not child.running]
        for child in children:
            child.start()
        for child in children:
            child.wait_healthy(self._say)

    def _deploy(self, release: Release) -> None:
        mailbox = {"AWS_ENDPOINT_URL_SESV2": self.mailbox_url, "AWS_ENDPOINT_URL_SNS": f"{self.mailbox_url}/sns"}
        settings, client = self._settings, self.account.cloudformation
        ensure_keys(self.account, STAGE)
        infra = infra_stack(self.account, release, environment={**settings, **mailbox}, timings=self._timings)
        changed = deploy_stack(client, **infra)
        self._say("workers, tables and queues: " + ("deployed" if changed else "as they were"))
        for line in write_down_templates(self.account, STAGE):
            self._say(line)
        app = app_stack(self.account, release, environment=settings, adapt=partial(emulated, stage=STAGE))
        # A changed app is recreated: the emulator makes the new API before it deletes the old one, and two cannot have
        # the one pinned id. Nothing is lost, the app's stack holds no data.
        changed = deploy_stack(client, **app, replace=True)
        self._say("API: " + ("deployed" if changed else "as it was"))
        self._wait_for_api()

    def _wait_for_api(self) -> None:
        last = "no answer"

        def look() -> bool | None:
            nonlocal last
            try:
                answer = requests.get(f"{self.api_url}/healthz", timeout=30)
            except requests.RequestException as error:
                last = type(error).__name__
                return None
            last = f"{answer.status_code} {answer.text[:300]}"
            return answer.ok or None

        try:
            until(look, what="the API", say=self._say, limit_seconds=_API_SECONDS)
        except StartError as error:
            raise StartError(f"{error}\n{self.api_url}/healthz: {last}") from error
