"""What can be checked before anything is built or changed."""

from collections.abc import Callable

from infra.account import Account
from infra.other_way import made_by_chalice
from infra.room import no_room

Check = Callable[[Account, str], str | None]

# Each returns why the stage cannot be deployed and what to do, or None.
CHECKS: tuple[Check, ...] = (made_by_chalice, lambda account, stage: no_room(account.lambdas, stage))


def in_the_way(account: Account, stage: str) -> list[str]:
    """All of it at once. Raises: ClientError."""
    return [found for check in CHECKS if (found := check(account, stage))]
