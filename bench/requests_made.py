"""Counts the requests to AWS that this process makes through boto3 and PynamoDB, by service and operation."""

from collections import Counter
from typing import Any

from botocore import handlers


class Requests:
    """Every client that is made after this one counts; a call that botocore tries again counts again."""

    def __init__(self) -> None:
        self.made: Counter[tuple[str, str]] = Counter()
        handlers.BUILTIN_HANDLERS.append(("before-send", self._note))

    def take(self) -> Counter[tuple[str, str]]:
        """Those since the last time, by (service, operation)."""
        made = self.made.copy()
        self.made.clear()
        return made

    def _note(self, event_name: str, **options: Any) -> None:
        del options  # the request itself is nothing to us
        _, service, operation = event_name.split(".")
        self.made[(service, operation)] += 1
