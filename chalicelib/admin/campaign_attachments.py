"""The files that a campaign's letters carry, put on and taken off on its check page."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from chalicelib.accounts.managers import Role
from chalicelib.admin.campaigns import check_campaign
from chalicelib.admin.lists import MAX_FILE_BYTES
from chalicelib.admin.templating import Go
from chalicelib.admin.views import Visit, action
from chalicelib.campaigns.model import CampaignPatch, spec_of
from chalicelib.clock import new_id
from chalicelib.errors import FieldError, InvalidError, Phrase
from chalicelib.stage.app import stage
from chalicelib.validation import invalid

_FORM = ("file", "url", "name", "inline")  # its fields, as an attachment calls them


@action(
    "/admin/campaigns/{id}/attach",
    role=Role.EDITOR,
    does="campaign.attach",
    again=check_campaign,
    largest_file=MAX_FILE_BYTES,
)
def attach_file(visit: Visit) -> Go:
    """Takes a file, or fetches it from its address; what was approved must be approved again."""
    known = spec_of(stage().campaigns.get(visit.path["id"])).attachments
    files, address = visit.sent("file"), visit.typed("url")
    if not files and not address:
        raise InvalidError.of("file", Phrase("expected a file, or its address"))
    asked = {"name": visit.typed("name") or address.rpartition("/")[2], "inline": visit.typed("inline") or None}
    if files:
        asked["file"] = new_id()
        stage().attachment_files.upload(asked["file"] or "", files[0].content)
    else:
        asked["url"] = address
    return _saved(visit, [*(one.model_dump() for one in known), asked])


@action("/admin/campaigns/{id}/detach", role=Role.EDITOR, does="campaign.detach", again=check_campaign)
def detach_file(visit: Visit) -> Go:
    """By its name."""
    known = spec_of(stage().campaigns.get(visit.path["id"])).attachments
    return _saved(visit, [one.model_dump() for one in known if one.name != visit.typed("name")])


def _saved(visit: Visit, attachments: Sequence[Mapping[str, Any]]) -> Go:
    try:
        patch = CampaignPatch.model_validate({"attachments": attachments})
    except ValidationError as error:
        raise _at_the_form(invalid(error)) from error
    try:
        stage().campaign_commands.edit(visit.path["id"], patch, by=visit.manager.key, seen=visit.seen)
    except InvalidError as error:
        raise _at_the_form(error) from error
    return Go(f"/admin/campaigns/{visit.path['id']}/check", done="saved")


def _at_the_form(error: InvalidError) -> InvalidError:
    """The mistakes beside the fields that they were typed into."""

    def field_of(one: FieldError) -> str:
        last = one.field.rpartition(".")[2]
        return last if last in _FORM else "file"

    return InvalidError(error.detail, [FieldError(field_of(one), one.message) for one in error.errors])
