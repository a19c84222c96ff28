"""Until when somebody is barred from the chat, and for longer each time. Kept beside the people, whatever connections
come and go: of a user in their own row, of guests by network and by name there (`guests.py`). It is the chat that is
barred: a user's notifications and inbox go on.
"""

from collections.abc import Sequence

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.clock import Clock
from chalicelib.live.person_keys import user_of
from chalicelib.storage.dynamodb import find, reaching_dynamodb, update_if
from chalicelib.storage.rows.live import PersonRow

FIRST_SECONDS = 60
LONGEST_SECONDS = 60 * 60
FORGET_SECONDS = 60 * 60  # so long after a bar, the next is a first one again
_KEPT_SECONDS = 24 * 60 * 60


class Bars:
    """The bars of one stage. Every method raises: UnavailableError (retryable)."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def seconds_left(self, keys: Sequence[str]) -> int:
        """Of the longest bar of these; 0: there is none."""
        with reaching_dynamodb():
            rows = list(PersonRow.batch_get(list(set(keys)), consistent_read=True))
        return max(map(self.left, rows), default=0)

    def left(self, row: PersonRow) -> int:
        """Seconds of the bar in this row; 0: there is none."""
        return max(0, int(row.barred_until_epoch or 0) - self._now())

    def bar(self, key: str, *, seconds: int) -> None:
        """For so long from now on, at least."""
        until = PersonRow.barred_until_epoch
        self._bar(PersonRow(key), seconds, [], until.does_not_exist() | (until < self._now() + seconds))

    def lengthen(self, key: str) -> None:
        """For a minute, and each time for twice as long, up to an hour. Of two who say it at once one counts."""
        row = find(PersonRow, key) or PersonRow(key)
        over = self._now() - int(row.barred_until_epoch or 0)
        before = int(row.bars or 0) if over < FORGET_SECONDS else 0
        seconds = min(LONGEST_SECONDS, FIRST_SECONDS * 2**before)
        same = PersonRow.bars == row.bars if row.bars else PersonRow.bars.does_not_exist()
        self._bar(row, seconds, [PersonRow.bars.set(before + 1)], same)

    def _bar(self, row: PersonRow, seconds: int, actions: list[Action], condition: Condition) -> None:
        until = self._now() + seconds
        actions = [*actions, PersonRow.barred_until_epoch.set(until)]
        if user_of(row.person) is None:
            actions.append(PersonRow.expires_at_epoch.set(until + _KEPT_SECONDS))
        update_if(row, actions, condition)

    def _now(self) -> int:
        return int(self._clock().timestamp())
