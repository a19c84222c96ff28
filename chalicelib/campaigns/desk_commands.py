"""What managers do with campaigns on their desk: tag them, put them away, copy them, delete drafts."""

from collections.abc import Sequence
from typing import Any

from chalicelib.campaigns.approval import Approvals
from chalicelib.campaigns.campaign_files import CampaignFiles
from chalicelib.campaigns.lifecycle import expect
from chalicelib.campaigns.model import Campaign, shown_spec
from chalicelib.campaigns.tags import distinct, folded
from chalicelib.clock import Clock, is_id
from chalicelib.composed import Composed
from chalicelib.errors import ConflictError, InvalidError, NotFoundError, Phrase, phrase_of
from chalicelib.etags import Seen
from chalicelib.schemas import kept
from chalicelib.service_scope import EVERYTHING, NO_OTHERS, Sight
from chalicelib.states import CampaignState as S
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.storage.campaign_shelf import CampaignShelf
from chalicelib.storage.campaigns import Campaigns

ARCHIVABLE = (S.DRAFT, S.COMPLETED, S.CANCELLED)
_LONGEST_NAME = 200
_TRIES = 3


class DeskCommands(Composed):
    """Campaigns outside `sight` do not exist. Every method raises: NotFoundError, ConflictError (permanent),
    UnavailableError (retryable)."""

    campaigns: Campaigns
    shelf: CampaignShelf
    files: CampaignFiles
    approvals: Approvals
    clock: Clock

    def tag(
        self, campaign_id: str, *, add: Sequence[str] = (), remove: Sequence[str] = (), sight: Sight = EVERYTHING
    ) -> CampaignHead:
        """Some tags more and some less, in any state; no approval is lost, and nobody else's change. Raises:
        InvalidError (permanent): it would have too many."""
        gone = set(map(folded, remove))
        for _ in range(_TRIES):
            head = self.campaigns.get(campaign_id, sight=sight)
            try:
                tags = distinct([*(one for one in head.tags if folded(one) not in gone), *add])
            except ValueError as error:
                raise InvalidError.of("add", phrase_of(error)) from error
            tagged = head if tags == tuple(head.tags) else self.shelf.tag(head, tags)
            if tagged is not None:
                return tagged
        raise ConflictError(Phrase("the campaign is being changed by others; try again"))

    def archive(self, campaign_id: str, *, sight: Sight = EVERYTHING) -> CampaignHead:
        """Puts it away: it is out of the list, and everything of it stays."""
        head = self.campaigns.get(campaign_id, sight=sight)
        if head.archived_at is not None:
            return head
        archived = self.shelf.put_away(head.id, only_from=ARCHIVABLE)
        if archived is None:
            expect(self.campaigns.get(head.id), ARCHIVABLE)
            raise ConflictError(Phrase("a run of the campaign has not finished yet"))
        return archived

    def unarchive(self, campaign_id: str, *, sight: Sight = EVERYTHING) -> CampaignHead:
        """Brings it back into the list."""
        head = self.campaigns.get(campaign_id, sight=sight)
        return (self.shelf.bring_back(head.id) if head.archived_at else None) or self.campaigns.get(head.id)

    def copy(
        self,
        campaign_id: str,
        *,
        by: str,
        name: str | None = None,
        named: str = "{name} (copy)",
        id_: str | None = None,
        service: str | None = None,
        hands: frozenset[str] = NO_OTHERS,
        sight: Sight = EVERYTHING,
    ) -> CampaignHead:
        """A new draft, called `name` or else as `named` says, with all of its content: texts, audience, files,
        schedule; without a start that has passed. What can no longer be sent, such as a list that was deleted, is told
        when the draft is checked."""
        source = self.campaigns.get(campaign_id, sight=sight)
        spec = shown_spec(source)
        self.files.renew(spec.attachments)
        changes: dict[str, Any] = {"name": name or _name_of_copy(spec.name, named)}
        if spec.start_at is not None and spec.start_at <= self.clock():
            changes["start_at"] = None
        copied: Campaign = spec.model_copy(update=changes)
        return self.campaigns.add(
            kept(copied), paces=copied.paces, by=by, id_=id_, service=service, hands=hands, copy_of=source
        )

    def delete_draft(self, campaign_id: str, *, seen: Seen | None = None, sight: Sight = EVERYTHING) -> None:
        """Deletes a draft that never ran, with `seen` only if unchanged since; of one that is deleted already, nothing
        happens. Its files are forgotten by their bucket, as everything there is. Raises: ChangedError (permanent)."""
        for _ in range(_TRIES):
            try:
                head = self.campaigns.get(campaign_id, sight=sight)
            except NotFoundError:
                if not is_id(campaign_id):
                    raise
                self.shelf.sweep(campaign_id)
                return
            self.approvals.require(head, seen)
            expect(head, [S.DRAFT])
            if head.newest_run is not None or head.open_runs:
                raise ConflictError(Phrase("the campaign has run: it can be archived, not deleted"))
            if self.shelf.delete_draft(head):
                return
        raise ConflictError(Phrase("the campaign is being changed by others; try again"))


def _name_of_copy(name: str, named: str) -> str:
    suffix = named.replace("{name}", "")
    bare = name.removesuffix(suffix)
    return bare[: _LONGEST_NAME - len(suffix)] + suffix
