"""Short links: written before the letter that holds them, counted at every visit."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.addresses import user_of
from chalicelib.clock import Clock, expiry_epoch, rfc3339
from chalicelib.composed import Composed
from chalicelib.errors import ConflictError, NotFoundError, Phrase
from chalicelib.etags import Seen
from chalicelib.storage.dynamodb import reaching_dynamodb, update_if
from chalicelib.storage.rows.links import LinkRow, campaign_shard

if TYPE_CHECKING:
    from chalicelib.service_scope import Sight  # a module less for `deliver`

LinkKind = Literal["confirm", "short"]
TRANSACTION_ITEMS = 100  # DynamoDB: items in one transaction
_TRIES = 3
KEPT_AFTER_DAYS = 30  # how long an expired link's counts stay


class Link(NamedTuple):
    """A new link. `redirect_url` is its own target; `user_id` is its owner, see `LinkRow`."""

    code: str
    kind: LinkKind
    user_id: str | None
    email: str | None
    redirect_url: str | None
    notification_id: str
    channel: str
    campaign_id: str | None
    valid_until: datetime
    service: str | None = None


class ShortLink(NamedTuple):
    """A stored link with its counts: `visits` are people's. `user_id` is the letter's owner: a user, or the owner of an
    address. Times are RFC 3339."""

    code: str
    kind: str
    user_id: str | None
    email: str | None
    redirect_url: str | None
    notification_id: str | None
    channel: str | None
    campaign_id: str | None
    service: str | None
    created_at: str
    valid_until: str
    revoked_at: str | None
    visits: int
    bot_visits: int
    first_visited_at: str | None
    last_visited_at: str | None
    confirmed_at: str | None


class ShortLinks(Composed):
    """Writes, counts, reads and revokes links."""

    clock: Clock

    def write(self, links: Sequence[Link]) -> None:
        """Writes links that letters are about to carry; an existing one keeps its counts and its revocation, and is
        valid until the latest date of its letters. Raises: UnavailableError (retryable)."""
        connection = LinkRow._get_connection().connection
        unique = list({link.code: link for link in links}.values())
        for start in range(0, len(unique), TRANSACTION_ITEMS):
            with reaching_dynamodb(), TransactWrite(connection=connection) as transaction:
                for link in unique[start : start + TRANSACTION_ITEMS]:
                    transaction.update(LinkRow(link.code), actions=self._creation(link))

    def visit(self, code: str, *, bot: bool) -> ShortLink:
        """Counts a visit of a valid link by one conditional write; returns the link after it. Raises: NotFoundError
        (permanent: unknown, expired or revoked; nothing was counted), UnavailableError (retryable)."""
        at = rfc3339(self.clock())
        counted: list[Action] = [LinkRow.last_visited_at.set(at)]
        if bot:
            counted.append(LinkRow.bot_visits.add(1))
        else:
            counted += [LinkRow.visits.add(1), LinkRow.first_visited_at.set(LinkRow.first_visited_at | at)]
        row = LinkRow(code)
        valid = (LinkRow.valid_until > at) & LinkRow.revoked_at.does_not_exist()
        self._update(row, counted, condition=valid)
        return link_of(row)

    def peek(self, code: str) -> ShortLink:
        """A valid link, with nothing counted. Raises: as `visit`."""
        link = self._read(code)
        if link.revoked_at is not None or link.valid_until <= rfc3339(self.clock()):
            raise _no_link()
        return link

    def note_confirmed(self, code: str) -> None:
        """Records when a link first confirmed its address. Raises: UnavailableError (retryable)."""
        at = rfc3339(self.clock())
        with reaching_dynamodb():
            LinkRow(code).update(actions=[LinkRow.confirmed_at.set(LinkRow.confirmed_at | at)])

    def revoke(self, code: str, *, seen: Seen | None = None, sight: "Sight | None" = None) -> None:
        """From now on the link is unknown to visitors; idempotent. Raises: NotFoundError (permanent: there is none in
        `sight`), ChangedError (permanent: it is not what was `seen`), ConflictError (permanent: others kept changing
        it), UnavailableError (retryable)."""
        at = rfc3339(self.clock())
        revoked = LinkRow.revoked_at.set(LinkRow.revoked_at | at)
        if sight is not None:
            self._read(code, sight)
        if seen is None:
            return self._update(LinkRow(code), [revoked], condition=LinkRow.code.exists())
        for _ in range(_TRIES):
            row = self._read(code)
            if row.revoked_at is not None:
                return None
            seen.require(fields_of(describe(row)), what=Phrase("the link {code}", code=code))
            same = (LinkRow.valid_until == row.valid_until) & LinkRow.revoked_at.does_not_exist()
            if update_if(LinkRow(code), [revoked], same):
                return None
        raise ConflictError(Phrase("the link is being changed by others; try again"))

    def get(self, code: str, *, sight: "Sight | None" = None) -> dict[str, Any]:
        """A link with its counts. Raises: NotFoundError (permanent: there is none in `sight`), UnavailableError
        (retryable)."""
        return describe(self._read(code, sight))

    def of_user(self, user_id: str) -> list[ShortLink]:
        """All links of a user, or of the owner of an address. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            codes = [row.code for row in LinkRow.by_user.query(user_id)]
            return [link_of(row) for row in LinkRow.batch_get(codes, consistent_read=True)] if codes else []

    def erase_user(self, user_id: str) -> None:
        """Deletes confirmation links; of the others only target, campaign and counts stay. Raises: UnavailableError
        (retryable)."""
        for link in self.of_user(user_id):
            row = LinkRow(link.code)
            with reaching_dynamodb():
                if link.kind == "confirm":
                    row.delete()
                else:
                    personal = (LinkRow.user_id, LinkRow.email, LinkRow.notification_id, LinkRow.channel)
                    row.update(actions=[attribute.remove() for attribute in personal])

    def _creation(self, link: Link) -> list[Action]:
        first: list[tuple[Any, Any]] = [
            (LinkRow.kind, link.kind),
            (LinkRow.user_id, link.user_id),
            (LinkRow.email, link.email),
            (LinkRow.redirect_url, link.redirect_url),
            (LinkRow.notification_id, link.notification_id),
            (LinkRow.channel, link.channel),
            (LinkRow.campaign_shard, link.campaign_id and campaign_shard(link.campaign_id, link.code)),
            (LinkRow.service, link.service),
            (LinkRow.created_at, rfc3339(self.clock())),
            (LinkRow.visits, 0),
            (LinkRow.bot_visits, 0),
        ]
        actions: list[Action] = [name.set(name | value) for name, value in first if value is not None]
        actions.append(LinkRow.campaign_id.remove())  # an older link that is written again: it is in its shard
        actions.append(LinkRow.valid_until.set(rfc3339(link.valid_until)))
        actions.append(LinkRow.expires_at_epoch.set(expiry_epoch(KEPT_AFTER_DAYS, since=link.valid_until)))
        return actions

    def _update(self, row: LinkRow, actions: list[Action], *, condition: Any) -> None:
        if not update_if(row, actions, condition):
            raise _no_link()

    def _read(self, code: str, sight: "Sight | None" = None) -> ShortLink:
        with reaching_dynamodb():
            found = list(LinkRow.batch_get([code], consistent_read=True))
        if not found or (sight is not None and not sight.has(found[0].service)):
            raise _no_link()
        return link_of(found[0])


def link_of(row: LinkRow) -> ShortLink:
    """The value of a row."""
    plain = {name: getattr(row, name) for name in ShortLink._fields}
    counts = {"visits": int(row.visits), "bot_visits": int(row.bot_visits)}
    return ShortLink(**plain | counts | {"campaign_id": row.campaign})


def describe(link: ShortLink) -> dict[str, Any]:
    """A link as the API shows it."""
    shown = (
        *("code", "kind", "redirect_url", "notification_id", "created_at", "valid_until", "campaign_id"),
        *("revoked_at", "first_visited_at", "last_visited_at", "confirmed_at", "visits", "bot_visits"),
    )
    return {"user_id": user_of(link.user_id), **{name: getattr(link, name) for name in shown}}


def fields_of(shown: Mapping[str, Any]) -> dict[str, Any]:
    """What somebody has seen of a link, apart from its visits."""
    return {name: shown[name] for name in ("redirect_url", "valid_until", "revoked_at")}


def valid_until(days: int, *, since: datetime) -> datetime:
    """When a link made at `since` stops working."""
    return since + timedelta(days=days)


def _no_link() -> NotFoundError:
    return NotFoundError(Phrase("there is no such link, or it has expired"))
