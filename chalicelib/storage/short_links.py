"""Short links: written before the letter that holds them, counted at every visit."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.addresses import user_of
from chalicelib.clock import Clock, expiry_epoch, parse_rfc3339, rfc3339
from chalicelib.composed import Composed
from chalicelib.errors import ConflictError, NotFoundError, Phrase, UnavailableError
from chalicelib.etags import Seen
from chalicelib.storage.dynamodb import reaching_dynamodb, update_if
from chalicelib.storage.new_links import Link
from chalicelib.storage.rows.links import LinkRow, campaign_shard
from chalicelib.storage.visit_counts import count_beside, is_shared, with_visits

if TYPE_CHECKING:
    from chalicelib.service_scope import Sight  # a module less for `deliver`

TRANSACTION_ITEMS = 100  # DynamoDB: items in one transaction
_TRIES = 3
_MOST_KNOWN = 10_000
KEPT_AFTER_DAYS = 30  # how long an expired link's counts stay


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
    scope: str | None = None
    pattern: str | None = None
    anywhere: bool | None = None


class ShortLinks(Composed):
    """Writes, counts, reads and revokes links."""

    clock: Clock

    def write(self, links: Sequence[Link]) -> None:
        """Writes links that letters are about to carry; an existing one keeps its counts and its revocation, and is
        valid until the latest date of its letters. Raises: UnavailableError (retryable)."""
        unique = list({link.code: link for link in links}.values())
        self._write_shared([link for link in unique if link.scope is not None])
        self._write_together([link for link in unique if link.scope is None])

    def _write_shared(self, links: Sequence[Link]) -> None:
        """Once a day by each process. Where others write them in the same moment, transactions stand in each other's
        way: then one by one."""
        new = [link for link in links if self._known_shared.get(link.code) != link.valid_until.date()]
        try:
            self._write_together(new)
        except UnavailableError:
            for link in new:
                update_if(LinkRow(link.code), self._creation(link), None)
        if len(self._known_shared) + len(new) > _MOST_KNOWN:
            self._known_shared.clear()
        self._known_shared.update({link.code: link.valid_until.date() for link in new})

    def _write_together(self, links: Sequence[Link]) -> None:
        connection = LinkRow._get_connection().connection
        for start in range(0, len(links), TRANSACTION_ITEMS):
            with reaching_dynamodb(), TransactWrite(connection=connection) as transaction:
                for link in links[start : start + TRANSACTION_ITEMS]:
                    transaction.update(LinkRow(link.code), actions=self._creation(link))

    @cached_property
    def _known_shared(self) -> dict[str, date]:
        """Which were written for until when."""
        return {}

    def visit(self, code: str, *, bot: bool, whose: str = "") -> ShortLink:
        """Counts a visit of a valid link by one conditional write; returns the link after it. A link that letters share
        is counted in one of VISIT_PLACES rows beside it, by whose letter it stood in. Raises: NotFoundError (permanent:
        unknown, expired or revoked; nothing was counted), UnavailableError (retryable)."""
        at = rfc3339(self.clock())
        counted: list[Action] = [LinkRow.last_visited_at.set(at)]
        if bot:
            counted.append(LinkRow.bot_visits.add(1))
        else:
            counted += [LinkRow.visits.add(1), LinkRow.first_visited_at.set(LinkRow.first_visited_at | at)]
        if is_shared(code):
            link = self.peek(code)
            count_beside(code, whose, counted, expires=_expiry(parse_rfc3339(link.valid_until)))
            return link
        row = LinkRow(code)
        valid = (LinkRow.valid_until > at) & LinkRow.revoked_at.does_not_exist()
        self._update(row, counted, condition=valid)
        return link_of(row)

    def peek(self, code: str, *, consistent: bool = True) -> ShortLink:
        """A valid link, with nothing counted; not `consistent`: as of a second ago. Raises: as `visit`."""
        link = self._read(code, consistent=consistent)
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
        return describe(with_visits([self._read(code, sight)])[0])

    def targets(self, codes: Sequence[str]) -> dict[str, str]:
        """Where those that exist lead to, by code; a hundred per request. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            found = LinkRow.batch_get(list(codes)) if codes else ()
            return {row.code: row.redirect_url for row in found if row.redirect_url}

    def of_user(self, user_id: str) -> list[ShortLink]:
        """All links of a user, or of the owner of an address. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            codes = [row.code for row in LinkRow.by_user.query(user_id)]
            return [link_of(row) for row in LinkRow.batch_get(codes, consistent_read=True)] if codes else []

    def erase_user(self, user_id: str) -> None:
        """Deletes confirmation links, and those whose target is theirs alone; of the others only target, campaign and
        counts stay. Raises: UnavailableError (retryable)."""
        for link in self.of_user(user_id):
            row = LinkRow(link.code)
            with reaching_dynamodb():
                if link.kind == "confirm" or link.pattern is not None:  # its target may name them
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
            (LinkRow.scope, link.scope),
            (LinkRow.pattern, link.pattern),
            (LinkRow.anywhere, link.anywhere or None),
            (LinkRow.created_at, rfc3339(self.clock())),
            (LinkRow.visits, 0),
            (LinkRow.bot_visits, 0),
        ]
        actions: list[Action] = [name.set(name | value) for name, value in first if value is not None]
        actions.append(LinkRow.campaign_id.remove())  # an older link that is written again: it is in its shard
        actions.append(LinkRow.valid_until.set(rfc3339(link.valid_until)))
        actions.append(LinkRow.expires_at_epoch.set(_expiry(link.valid_until)))
        return actions

    def _update(self, row: LinkRow, actions: list[Action], *, condition: Any) -> None:
        if not update_if(row, actions, condition):
            raise _no_link()

    def _read(self, code: str, sight: "Sight | None" = None, *, consistent: bool = True) -> ShortLink:
        with reaching_dynamodb():
            found = list(LinkRow.batch_get([code], consistent_read=consistent))
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


def _expiry(valid_until: datetime) -> int:
    return expiry_epoch(KEPT_AFTER_DAYS, since=valid_until)


def _no_link() -> NotFoundError:
    return NotFoundError(Phrase("there is no such link, or it has expired"))
