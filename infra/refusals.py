"""Why a release is not started."""

from collections.abc import Sequence
from typing import NamedTuple


class Refusal(NamedTuple):
    """One resource, what would happen to it, AWS's own rule, and the way in two releases. What a person may allow loses
    something; the rest fails in any case."""

    resource: str
    kind: str
    wrong: str
    rule: str
    steps: Sequence[str]
    may_be_allowed: bool = False
