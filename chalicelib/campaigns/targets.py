"""The recipients of a run, as its audience gives them, page by page."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from chalicelib.addresses import same_address_key
from chalicelib.pipeline.jobs import EnrichRecipient
from chalicelib.storage.users import Profile

Cursor = dict[str, Any]


class Target(NamedTuple):
    """One recipient of a run, their time zone (None: unknown), the profile if it is at hand, and of a resend the
    variant of an experiment that they were to get."""

    recipient: EnrichRecipient
    zone: str | None = None
    profile: Profile | None = None
    variant: str | None = None

    @property
    def email(self) -> str | None:
        """If it is known."""
        return self.profile.email if self.profile else (self.recipient.profile or {}).get("email")

    @property
    def keys(self) -> Sequence[str]:
        """What it may stand under on a list; its own first."""
        user, address = self.recipient.user_id, self.email
        return [
            *([f"user:{user}"] if user else []),
            *([f"address:{same_address_key('email', address)}"] if address else []),
        ]


class TargetPage(NamedTuple):
    """Some targets, and where the shard continues; None: it is finished. `asked` are the profiles that a rule was
    applied to, `unread` finds in one what the rule could not compare (`Rule.unread`). `left_out` are targets that get
    nothing, by notification id; `looked_at` says how many candidates there were."""

    targets: Sequence[Target]
    cursor: Cursor | None
    asked: Sequence[Profile] = ()
    unread: Callable[[Profile], Iterable[tuple[str, Any]]] | None = None
    left_out: Collection[str] = frozenset()
    looked_at: int = 0


class Source(Protocol):
    """One audience."""

    def page(self, *, shard: int, shards: int, cursor: Cursor | None, limit: int) -> TargetPage:
        """The targets among about `limit` candidates. Raises: UnavailableError (retryable)."""
        ...
