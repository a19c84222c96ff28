"""The processes of the local cloud: the emulator and the mailbox, each with what it is started with."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.local.process import Child
from infra.local.state import StateFolder
from infra.mail_checkup import NEEDED_EVENTS, SEND, TRACKED_EVENTS

STAGE = "local"
REGION = "us-east-1"
ACCOUNT = "000000000000"  # the emulator's for the key `test`
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
# What children may inherit. The rest stays out: a stray AWS_PROFILE or AWS_ENDPOINT_URL would reach the functions,
# which get the emulator's own environment.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")


@dataclass(frozen=True)
class Ports:
    """Where the two processes listen, on this machine alone."""

    emulator: int
    mailbox: int


def emulator(ports: Ports, state: StateFolder, log: Path, *, forks: bool) -> Child:
    """AWS, as far as the service knows it; with `forks` its workers begin quickly."""
    environment = {
        **own_environment(),
        "GATEWAY_PORT": str(ports.emulator),
        "BIND_HOST": "127.0.0.1",
        "AUTH": "true",  # roles are enforced: a missing permission shows here, not on AWS
        "LOG_LEVEL": "WARNING",  # below it the emulator logs what it delivers: numbers, texts, events
        "PERSIST_STATE": "1",
        "STATE_DIR": str(state.emulator.resolve()),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str((state.path / "s3").resolve()),
        "TMPDIR": str(state.temporary.resolve()),
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",  # as Lambda tells each function, which has it from here
    }
    health_url = f"http://127.0.0.1:{ports.emulator}/_ministack/health"
    module = ["infra.local.emulator", *(["--forks"] if forks else [])]
    return Child("the emulator", module, environment=environment, log=log, health_url=health_url)


def tracking_domain(ports: Ports) -> str:
    """The redirect domain of mailings on this machine: the mailbox itself."""
    return f"127.0.0.1:{ports.mailbox}"


def mailbox(ports: Ports, state: StateFolder, log: Path, *, sender_domain: str, events_url: str) -> Child:
    """SES, and whatever else letters go to. Its events go to the topic at `events_url`."""
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:vestnik-{STAGE}-ses-events"
    account = f"vestnik-{STAGE}={','.join(sorted(NEEDED_EVENTS | {SEND}))}"
    mailings = f"vestnik-{STAGE}-mailings={','.join(sorted(NEEDED_EVENTS | TRACKED_EVENTS))}"
    module = ["ses_mailbox", "--port", str(ports.mailbox), "--data", str(state.mailbox.resolve())]
    module += ["--topic-arn", topic, "--configuration-set", account, "--configuration-set", mailings]
    module += ["--tracking-domain", tracking_domain(ports)]
    module += ["--aws-endpoint", events_url, "--verified", sender_domain, "--routes", "infra.local.cinema:routes"]
    health_url = f"http://127.0.0.1:{ports.mailbox}/healthz"
    return Child("the mailbox", module, environment=own_environment(), log=log, health_url=health_url)


def own_environment() -> dict[str, str]:
    """What every process of the cloud sees: the emulator's account, and nothing of the user's own AWS."""
    inherited: Mapping[str, str] = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {
        **inherited,
        **_CREDENTIALS,
        **dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), REGION),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONUTF8": "1",  # as on Lambda, whatever the locale here
    }
