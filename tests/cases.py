"""How many random cases a property is tried with. `CASES=500` tries more than a gate has time for, others than those of
every day, and makes a failing one small, which takes minutes."""

import os

from hypothesis import HealthCheck, Phase, settings

_ASKED = int(os.environ.get("CASES", "0"))


def cases(usual: int) -> int:
    """As many as are asked for, or else this many."""
    return _ASKED or usual


def tried(usual: int) -> settings:
    """The settings of hypothesis for a property that shares the stage of its test."""
    return settings(
        max_examples=cases(usual),
        derandomize=not _ASKED,
        phases=[one for one in Phase if _ASKED or one is not Phase.shrink],
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
