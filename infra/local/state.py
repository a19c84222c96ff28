"""The folder that keeps a local cloud between two runs."""

import fcntl
import json
import secrets
from datetime import datetime
from pathlib import Path
from typing import TextIO

from pydantic import BaseModel, ConfigDict

from infra.local.patience import StartError

# The emulator's services that hold what was deployed. It saves each to a file of its own, one after the other.
SERVICES = frozenset({"apigateway_v1", "cloudformation", "dynamodb", "iam", "lambda", "s3", "scheduler", "sns", "sqs"})


class ApiKeyParts(BaseModel):
    """The key of this cloud's first service; a lost state gets the same key again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key_id: str
    secret: str


class StateFolder:
    """`emulator/`, `mailbox/`, `tmp/` and the API key of one local cloud."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: TextIO | None = None

    @property
    def emulator(self) -> Path:
        return self.path / "emulator"

    @property
    def mailbox(self) -> Path:
        return self.path / "mailbox"

    @property
    def temporary(self) -> Path:
        return self.path / "tmp"

    def acquire(self) -> None:
        """Makes it this process's own until it ends. Raises: StartError when another run has it."""
        self.path.mkdir(parents=True, exist_ok=True)
        lock = (self.path / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise StartError(
                f"{self.path} is in use: this checkout already runs on this port. "
                "Stop that run with Ctrl-C, or choose another port: PORT=5000 make run"
            ) from error
        self._lock = lock

    def release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def is_empty(self) -> bool:
        """Whether the emulator would start from nothing."""
        return not any(self.emulator.glob("*.json"))

    def is_whole(self) -> bool:
        """False when a file is missing or was cut short (a full disk, a kill while it was saved): the emulator would
        start without that service and think the rest complete."""
        saved = {file.stem: file for file in self.emulator.glob("*.json")}
        try:
            for file in saved.values():
                json.loads(file.read_bytes())
        except ValueError:
            return False
        return saved.keys() >= SERVICES

    def set_aside(self) -> Path:
        """Moves the emulator's state out of the way and answers where to. Nothing is deleted."""
        aside = self.path / f"emulator.damaged-{datetime.now():%Y%m%d-%H%M%S-%f}"
        self.emulator.rename(aside)
        return aside

    def put_back(self, aside: Path) -> None:
        """Undoes `set_aside`: the state was not to blame."""
        if self.emulator.exists():
            self.emulator.rename(aside.with_name(f"{aside.name}.replacement"))
        aside.rename(self.emulator)

    def manager_password(self) -> str:
        """The first manager's, made at the first call and readable by the owner alone."""
        file = self.path / "manager-password"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(15))
        return file.read_text()

    def api_key(self) -> ApiKeyParts:
        """The key's parts, made at the first call and readable by the owner alone."""
        file = self.path / "api-key.json"
        if not file.exists():
            parts = ApiKeyParts(key_id=secrets.token_hex(6), secret=secrets.token_urlsafe(32))
            file.touch(mode=0o600)
            file.write_text(parts.model_dump_json())
        return ApiKeyParts.model_validate_json(file.read_text())
