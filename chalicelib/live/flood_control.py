"""How much somebody may say: a token bucket for each connection and for each person, repeated texts, and the
consequences: a warning, a mute, a disconnect. `judge` decides; `FloodControl` keeps a person's state, one conditional
write per frame."""

import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple
from unicodedata import normalize

from pydantic import BaseModel, ConfigDict

from chalicelib.clock import Clock
from chalicelib.live.frames import is_json
from chalicelib.schemas import StrictModel
from chalicelib.storage.live_people import LivePeople, Person
from chalicelib.text import without_ignorables

_TRIES = 4


class Bucket(NamedTuple):
    """A burst, and a sustained rate per second."""

    burst: int
    per_second: float


class LimitRules(NamedTuple):
    """The numbers of a stage; `docs/live.md` names them, a test compares."""

    connection: Bucket = Bucket(burst=10, per_second=2)
    person: Bucket = Bucket(burst=20, per_second=4)
    repeats: int = 4  # the same text so often within `repeat_seconds` is fine, once more is not
    repeat_seconds: int = 30
    warnings: int = 2
    mute_seconds: int = 15  # doubled with every further mute
    muted_frames: int = 20  # this many frames during one mute end the connection
    mutes: int = 2  # instead of one more mute comes a disconnect
    forget_seconds: int = 120  # after this long without a mistake everything is forgotten


class Act(StrEnum):
    """What to do with a frame."""

    PASS = "pass"  # noqa: S105 - not a password
    WARN = "warn"
    MUTE = "mute"
    QUIET = "quiet"  # drop it silently: the person has just been told
    END = "end"


class FloodVerdict(NamedTuple):
    """`code` is the warning to send; `seconds` is what remains of a mute; `begins`: it is a new one."""

    act: Act
    code: str | None = None
    seconds: int = 0
    begins: bool = False


class BucketLevel(StrictModel):
    """A bucket's content at a time."""

    tokens: float
    at: float


class FloodState(BaseModel):
    """What is remembered about a person. Times are epoch seconds."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    person: BucketLevel | None = None
    connections: dict[str, BucketLevel] = {}
    text: str = ""  # a digest of the last text
    text_at: float = 0
    repeats: int = 0
    mistakes: int = 0
    mistake_at: float = 0
    mutes: int = 0
    muted_until: float = 0
    muted_frames: int = 0
    told_at: float = 0


def judge(
    before: FloodState, *, connection_id: str, text: str, now: float, rules: LimitRules
) -> tuple[FloodState, FloodVerdict]:
    """The verdict on one frame, and the state after it. Pure."""
    state = before.model_copy(deep=True)
    if state.muted_until > now:
        return state, _while_muted(state, now, rules)
    if now - max(state.mistake_at, state.muted_until) > rules.forget_seconds:
        state.mistakes = state.mutes = 0
    enough = _take(state, connection_id, now, rules)
    repeated = _is_repeated(state, text, now, rules)
    if enough and not repeated:
        return state, FloodVerdict(Act.PASS)
    return state, _mistake(state, "flood" if not enough else "repeated", now, rules)


def _take(state: FloodState, connection_id: str, now: float, rules: LimitRules) -> bool:
    person = _refilled(state.person, rules.person, now)
    own = _refilled(state.connections.get(connection_id), rules.connection, now)
    enough = person >= 1 and own >= 1
    price = 1 if enough else 0
    state.person = BucketLevel(tokens=person - price, at=now)
    full_after = rules.connection.burst / rules.connection.per_second
    state.connections = {c: level for c, level in state.connections.items() if now - level.at < full_after}
    state.connections[connection_id] = BucketLevel(tokens=own - price, at=now)
    return enough


def _refilled(level: BucketLevel | None, bucket: Bucket, now: float) -> float:
    if level is None:
        return bucket.burst
    return min(bucket.burst, level.tokens + max(0.0, now - level.at) * bucket.per_second)


def _is_repeated(state: FloodState, text: str, now: float, rules: LimitRules) -> bool:
    digest = _digest(text)
    if not digest:
        return False
    if digest != state.text or now - state.text_at > rules.repeat_seconds:
        state.text, state.repeats, state.text_at = digest, 0, now
    state.repeats += 1
    return state.repeats > rules.repeats


def _mistake(state: FloodState, code: str, now: float, rules: LimitRules) -> FloodVerdict:
    state.mistakes += 1
    state.mistake_at = state.told_at = now
    if state.mistakes <= rules.warnings:
        return FloodVerdict(Act.WARN, code)
    if state.mutes >= rules.mutes:
        return FloodVerdict(Act.END)
    seconds = rules.mute_seconds * 2**state.mutes
    state.mutes += 1
    state.muted_until, state.muted_frames = now + seconds, 0
    return FloodVerdict(Act.MUTE, "muted", seconds, begins=True)


def _while_muted(state: FloodState, now: float, rules: LimitRules) -> FloodVerdict:
    state.muted_frames += 1
    if state.muted_frames > rules.muted_frames:
        state.muted_until = now  # the bar goes on from here: the first frame of the next connection is no flood
        return FloodVerdict(Act.END)
    if now - state.told_at < 1:
        return FloodVerdict(Act.QUIET)
    state.told_at = now
    return FloodVerdict(Act.MUTE, "muted", int(state.muted_until - now) + 1)


def _digest(frame: str) -> str:
    """Of the text, whoever it is for: a flood to everybody is one text. Commands have none."""
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
class FloodControl:
    """Judges each frame and stores the state with its person."""

    people: LivePeople
    clock: Clock
    rules: LimitRules = field(default_factory=LimitRules)

    def take(self, person: Person, *, connection_id: str, text: str) -> tuple[FloodVerdict, Person]:
        """The verdict on a frame, and the person's state after it. Frames that contend for a person's state come too
        fast, which is a mistake by itself. Raises: UnavailableError (retryable)."""
        now = self.clock().timestamp()
        for _ in range(_TRIES):
            state = FloodState.model_validate(person.limits)
            after, verdict = judge(state, connection_id=connection_id, text=text, now=now, rules=self.rules)
            saved = self.people.save_limits(person, after.model_dump(exclude_defaults=True))
            if saved is not None:
                return verdict, saved
            person = self.people.get(person.key)
        return FloodVerdict(Act.WARN, "flood"), person
