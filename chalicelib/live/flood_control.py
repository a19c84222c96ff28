"""Who says how much: a token bucket for each connection and for each person, repeated texts, and what follows: a
warning, a mute, the end.

`judge` decides, pure; `Limits` keeps a person's state: one conditional write a frame.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from unicodedata import normalize

from pydantic import BaseModel, ConfigDict
from pynamodb.expressions.update import Action

from chalicelib.live.frames import is_json
from chalicelib.schemas import StrictModel
from chalicelib.storage.dynamodb import reaching_dynamodb, update_if
from chalicelib.storage.rows.live import PersonRow
from chalicelib.text import without_ignorables

_TRIES = 4


class Bucket(NamedTuple):
    """So many at once, and so many a second for long."""

    burst: int
    per_second: float


class LimitRules(NamedTuple):
    """The numbers of a stage; `docs/live.md` names them, a test compares."""

    connection: Bucket = Bucket(burst=10, per_second=2)
    person: Bucket = Bucket(burst=20, per_second=4)
    repeats: int = 4  # the same text so often within `repeat_seconds` is fine, once more is not
    repeat_seconds: int = 30
    warnings: int = 2
    mute_seconds: int = 15  # doubled by every further mute
    muted_frames: int = 20  # so many frames into one mute end the connection
    mutes: int = 2  # who would be muted once more is disconnected instead
    forget_seconds: int = 120  # so long without a mistake, and all is forgotten


class Act(StrEnum):
    """What to do with a frame."""

    PASS = "pass"  # noqa: S105 - not a password
    WARN = "warn"
    MUTE = "mute"
    QUIET = "quiet"  # drop it and say nothing: the person was told a moment ago
    END = "end"


class Verdict(NamedTuple):
    """`code` is the warning to send; `seconds` is what remains of a mute; `begins`: it is a new one."""

    act: Act
    code: str | None = None
    seconds: int = 0
    begins: bool = False


class Level(StrictModel):
    """A bucket's content at a time."""

    tokens: float
    at: float


class State(BaseModel):
    """What is remembered of a person. Times are epoch seconds."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    person: Level | None = None
    connections: dict[str, Level] = {}
    text: str = ""  # a digest of the last text
    text_at: float = 0
    repeats: int = 0
    mistakes: int = 0
    mistake_at: float = 0
    mutes: int = 0
    muted_until: float = 0
    muted_frames: int = 0
    told_at: float = 0


def judge(before: State, *, connection_id: str, text: str, now: float, rules: LimitRules) -> tuple[State, Verdict]:
    """What becomes of one frame, and what is remembered after it. Pure."""
    state = before.model_copy(deep=True)
    if state.muted_until > now:
        return state, _while_muted(state, now, rules)
    if now - max(state.mistake_at, state.muted_until) > rules.forget_seconds:
        state.mistakes = state.mutes = 0
    enough = _take(state, connection_id, now, rules)
    repeated = _is_repeated(state, text, now, rules)
    if enough and not repeated:
        return state, Verdict(Act.PASS)
    return state, _mistake(state, "flood" if not enough else "repeated", now, rules)


def _take(state: State, connection_id: str, now: float, rules: LimitRules) -> bool:
    person = _refilled(state.person, rules.person, now)
    own = _refilled(state.connections.get(connection_id), rules.connection, now)
    enough = person >= 1 and own >= 1
    price = 1 if enough else 0
    state.person = Level(tokens=person - price, at=now)
    full_after = rules.connection.burst / rules.connection.per_second
    state.connections = {c: level for c, level in state.connections.items() if now - level.at < full_after}
    state.connections[connection_id] = Level(tokens=own - price, at=now)
    return enough


def _refilled(level: Level | None, bucket: Bucket, now: float) -> float:
    if level is None:
        return bucket.burst
    return min(bucket.burst, level.tokens + max(0.0, now - level.at) * bucket.per_second)


def _is_repeated(state: State, text: str, now: float, rules: LimitRules) -> bool:
    digest = _digest(text)
    if not digest:
        return False
    if digest != state.text or now - state.text_at > rules.repeat_seconds:
        state.text, state.repeats, state.text_at = digest, 0, now
    state.repeats += 1
    return state.repeats > rules.repeats


def _mistake(state: State, code: str, now: float, rules: LimitRules) -> Verdict:
    state.mistakes += 1
    state.mistake_at = state.told_at = now
    if state.mistakes <= rules.warnings:
        return Verdict(Act.WARN, code)
    if state.mutes >= rules.mutes:
        return Verdict(Act.END)
    seconds = rules.mute_seconds * 2**state.mutes
    state.mutes += 1
    state.muted_until, state.muted_frames = now + seconds, 0
    return Verdict(Act.MUTE, "muted", seconds, begins=True)


def _while_muted(state: State, now: float, rules: LimitRules) -> Verdict:
    state.muted_frames += 1
    if state.muted_frames > rules.muted_frames:
        state.muted_until = now  # the bar goes on from here: the first frame of the next connection is no flood
        return Verdict(Act.END)
    if now - state.told_at < 1:
        return Verdict(Act.QUIET)
    state.told_at = now
    return Verdict(Act.MUTE, "muted", int(state.muted_until - now) + 1)


def _digest(frame: str) -> str:
    """Of what is said, whoever it is said to: a flood to everybody is one text. Commands have none."""
    said = ""
    if is_json(frame):
        try:
            parsed = json.loads(frame)
        except (ValueError, RecursionError):
            parsed = None
        said = parsed.get("text", "") if isinstance(parsed, dict) else frame
    elif ":" in frame:
        said = frame.partition(":")[2]
    if not isinstance(said, str) or not said.strip():
        return ""
    folded = "".join(without_ignorables(normalize("NFKC", said)).casefold().split())
    return hashlib.sha256(folded.encode(errors="replace")).hexdigest()[:16]


@dataclass
class Limits:
    """The limits of one stage."""

    clock: Callable[[], datetime]
    rules: LimitRules = field(default_factory=LimitRules)

    def take(self, person: PersonRow, *, connection_id: str, text: str) -> Verdict:
        """Judges a frame and remembers it. Where a person's frames contend for their one state, they come in too fast:
        that is a mistake by itself. Raises: UnavailableError (retryable)."""
        now = self.clock().timestamp()
        for _ in range(_TRIES):
            state = State.model_validate(person.limits or {})
            after, verdict = judge(state, connection_id=connection_id, text=text, now=now, rules=self.rules)
            if self._save(person, after):
                return verdict
            with reaching_dynamodb():
                person.refresh(consistent_read=True)
        return Verdict(Act.WARN, "flood")

    def _save(self, person: PersonRow, state: State) -> bool:
        version = int(person.limits_version or 0)
        actions: list[Action] = [
            PersonRow.limits.set(_compact(state)),
            PersonRow.limits_version.set(version + 1),
        ]
        condition = PersonRow.limits_version == version if version else PersonRow.limits_version.does_not_exist()
        return update_if(person, actions, condition)


def _compact(state: State) -> Mapping[str, Any]:
    return state.model_dump(exclude_defaults=True)
