"""One deployer at a time: a lock object in the stage's bucket of artifacts, created by a conditional write, renewed
while the deployment runs, and deleted with it."""

import getpass
import json
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, ConfigDict

from infra.account import Account
from infra.paths import ROOT
from infra.stacks import DeployError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEY: Final = "deploying.json"
BEAT_SECONDS: Final = 60.0
DEAD_AFTER_SECONDS: Final = 600.0  # ten renewals: a closed laptop has lost it by then
_TAKEN: Final = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")
_GONE: Final = ("NoSuchKey", "404")


class Holder(BaseModel):
    """Who is deploying."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    who: str
    commit: str
    since: float
    seen: float

    def words(self) -> str:
        """For whoever has to wait."""
        since, seen = (f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}" for at in (self.since, self.seen))
        return f"{self.who}, from commit {self.commit}, since {since} UTC (last sign of life {seen})"


@contextmanager
def deploy_lock(
    account: Account,
    stage: str,
    *,
    broken: str | None = None,
    clock: Callable[[], float] = time.time,
    beat_seconds: float = BEAT_SECONDS,
) -> Iterator[None]:
    """Holds the stage for the `with` block. `broken` is the id of a lock whose deployer is known to be dead. Raises:
    DeployError while somebody else holds it."""
    lock = _Lock(account.s3, account.artifact_bucket(stage), stage, clock)
    lock.take(account, broken)
    stop = threading.Event()
    beat = threading.Thread(target=lock.beat, args=(stop, beat_seconds), daemon=True)
    beat.start()
    try:
        yield
    finally:
        stop.set()
        beat.join()
        lock.let_go()


class _Lock:
    def __init__(self, s3: "S3Client", bucket: str, stage: str, clock: Callable[[], float]) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._stage = stage
        self._clock = clock
        self._etag = ""
        self._mine = Holder(id="", who="", commit="", since=0, seen=0)

    def take(self, account: Account, broken: str | None) -> None:
        now = self._clock()
        self._mine = Holder(id=uuid.uuid4().hex[:8], who=_who(account), commit=_commit(), since=now, seen=now)
        if self._write(IfNoneMatch="*"):
            return
        found = self._read()
        if found is None:
            free = self._write(IfNoneMatch="*")
        else:
            other, etag = found
            is_dead = now - other.seen > DEAD_AFTER_SECONDS or other.id == broken
            free = is_dead and self._write(IfMatch=etag)
        if not free:
            raise DeployError(self._busy())

    def beat(self, stop: threading.Event, seconds: float) -> None:
        """Renews the lock until told to stop. A missed renewal is made up for by the next."""
        while not stop.wait(seconds):
            self._mine = self._mine.model_copy(update={"seen": self._clock()})
            with suppress(BotoCoreError, ClientError):
                self._write(IfMatch=self._etag)

    def let_go(self) -> None:
        """Only if it is still ours: another may have taken it from a deployer that looked dead."""
        with suppress(BotoCoreError, ClientError):  # it expires in ten minutes
            found = self._read()
            if found and found[0].id == self._mine.id:
                self._s3.delete_object(Bucket=self._bucket, Key=KEY)

    def _write(self, **condition: str) -> bool:
        body = self._mine.model_dump_json().encode()
        try:
            answer = self._s3.put_object(Bucket=self._bucket, Key=KEY, Body=body, **condition)  # type: ignore[arg-type]
        except ClientError as error:
            if error.response["Error"]["Code"] in (*_TAKEN, *_GONE):
                return False
            raise
        self._etag = answer["ETag"]
        return True

    def _read(self) -> tuple[Holder, str] | None:
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=KEY)
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return None
            raise
        return Holder.model_validate(json.loads(answer["Body"].read())), answer["ETag"]

    def _busy(self) -> str:
        found = self._read()
        if found is None:
            return f"{self._stage}: somebody else has just deployed it; nothing was changed. Look, then deploy again"
        return (
            f"{self._stage} is being deployed by {found[0].words()}; nothing was changed.\n"
            "  do: wait until it is done. If that deployer is dead, the stage is free ten minutes after its last sign "
            f"of life; at once: make deploy STAGE={self._stage} BREAK_LOCK={found[0].id}"
        )


def _who(account: Account) -> str:
    arn = account.caller.rpartition("/")[2] or account.caller
    return f"{arn} ({getpass.getuser()} on {socket.gethostname()})"


def _commit() -> str:
    try:
        head = _git("rev-parse", "--short", "HEAD")
        return f"{head} and more" if _git("status", "--porcelain") else head
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
