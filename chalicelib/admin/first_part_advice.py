"""What the results of the part that went first advise, before somebody decides about the rest.

The limits are those at which providers of mail begin to mind: Amazon SES reviews an account from 5 % bounces or 0.1 %
complaints on, and Gmail refuses senders from 0.3 % complaints on.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

FEW = 3  # so few letters may be chance


class _Limit(NamedTuple):
    """From which share of what a count is unusual, and from which it speaks against the rest."""

    word: str
    of: Sequence[str]
    warn: float
    bad: float


class Advice(NamedTuple):
    """`word` is in `decision.advice` of the words; `level` is `good`, `warn` or `bad`."""

    level: str
    word: str
    part: int = 0
    whole: int = 0


_LIMITS = (
    _Limit("bounced", ("delivered", "bounced"), 0.02, 0.05),
    _Limit("complained", ("delivered",), 0.001, 0.003),
    _Limit("failed", ("sent", "failed"), 0.02, 0.1),
    _Limit("unsubscribed", ("delivered",), 0.01, 0.03),
)


def first_part_advice(progress: Mapping[str, Any]) -> list[Advice]:
    """From a run's progress (`campaigns.progress.Progress`), what matters most first; never empty."""
    found = [one for one in (_of(limit, progress) for limit in _LIMITS) if one is not None]
    if not progress["delivered"] + progress["bounced"]:
        found.append(Advice("warn", "unknown"))
    few = [one for one in found if one.level == "few"]
    clear = sorted((one for one in found if one.level != "few"), key=lambda one: one.level != "bad")
    return [*clear, *(one._replace(level="warn", word="few") for one in few[:1])] or [Advice("good", "fine")]


def _of(limit: _Limit, progress: Mapping[str, Any]) -> Advice | None:
    part, whole = progress[limit.word], sum(progress[name] for name in limit.of)
    if not part or part < limit.warn * whole:
        return None
    if part < FEW:
        return Advice("few", limit.word, part, whole)
    return Advice("bad" if part >= limit.bad * whole else "warn", limit.word, part, whole)
