"""Where a picture of the library is used, and its end once it is used nowhere."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Literal, NamedTuple

from chalicelib.composed import Composed
from chalicelib.configuration.site_settings import SiteSettings
from chalicelib.errors import ConflictError, NotFoundError, Phrase
from chalicelib.etags import Seen
from chalicelib.media.shelf import Shelf
from chalicelib.rendering.template_store import TemplateStore
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.storage.campaigns import Campaigns
from chalicelib.storage.media import MediaRows, Picture
from chalicelib.storage.unfinished_campaigns import unfinished_campaigns

_TOLD = 3


class Use(NamedTuple):
    """A template, a campaign or a setting that shows a picture."""

    kind: Literal["template", "campaign", "setting"]
    id: str
    name: str


class MediaUse(Composed):
    """Who names a picture is found by its id, wherever it stands in their words."""

    rows: MediaRows
    shelf: Shelf
    templates: TemplateStore
    campaigns: Campaigns
    site: SiteSettings

    def places(self, picture_id: str) -> Iterator[Use]:
        """Templates in force, unfinished campaigns with the versions that they are sent with, and settings. Raises:
        UnavailableError (retryable)."""
        for template in self.templates.everything():
            if picture_id in template.model_dump_json():
                yield Use("template", template.key, template.key)
        for setting in self.site.list():
            if picture_id in json.dumps(setting.value):
                yield Use("setting", setting.name, setting.name)
        for head in unfinished_campaigns(self.campaigns):
            if picture_id in self._words(head):
                yield Use("campaign", head.id, str(head.spec.get("name", head.id)))

    def delete(self, picture_id: str, *, seen: Seen | None = None) -> None:
        """Takes a picture out of the library; letters that were sent show it as long as the ledger knows them. May be
        repeated. Raises: NotFoundError (permanent: it never was), ChangedError, ConflictError (permanent: it is used,
        or others change it at this moment), UnavailableError (retryable)."""
        picture = self.rows.find(picture_id)
        if picture.deleted_at is None:
            if seen is not None:
                seen.require(picture.fields(), what=Phrase("the picture {id}", id=picture_id))
            self._refuse_used(picture_id)
            if not self.rows.delete(picture):
                raise _being_changed()
        # Also of one that is deleted already: the call before may have died here.
        names_of = [name for name in (picture.file, picture.file_2x) if name]
        self.shelf.forget(names_of, content_type=picture.content_type or "")
        self.shelf.drop_original(picture_id)

    def describe(self, picture_id: str, alt: dict[str, str], *, seen: Seen | None = None) -> Picture:
        """Changes what is said of a picture. Raises: NotFoundError, ChangedError, ConflictError (permanent: others
        change it at this moment)."""
        picture = self.rows.get(picture_id)
        if seen is not None:
            seen.require(picture.fields(), what=Phrase("the picture {id}", id=picture_id))
        if not self.rows.describe(picture, alt):
            raise _being_changed()
        return picture._replace(alt=alt)

    def _refuse_used(self, picture_id: str) -> None:
        if used := list(self.places(picture_id)):
            names = ", ".join(one.name for one in used[:_TOLD]) + (" …" if len(used) > _TOLD else "")
            raise ConflictError(Phrase("the picture is used by {names}: take it out there first", names=names))

    def _words(self, head: CampaignHead) -> str:
        # A run that has begun shows what it began with: a deleted picture outlives it.
        words = json.dumps(head.spec)
        version = (head.approved or {}).get("template_version")
        with suppress(NotFoundError):
            words += self.templates.get(str(head.spec["template"]), version).model_dump_json() if version else ""
        return words


def _being_changed() -> ConflictError:
    return ConflictError(Phrase("the picture is being changed by others; try again"))
