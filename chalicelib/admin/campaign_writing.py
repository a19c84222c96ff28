"""Writing campaigns: choosing the template, the form, counting the audience, later changes. Starting and watching them
is in `campaigns.py`."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import ValidationError

from chalicelib.accounts.audit import note
from chalicelib.accounts.managers import Role
from chalicelib.admin.audience_form import GROUPS, excluded_ids, one, rows_of
from chalicelib.admin.campaign_form import form_of, left_alone, read_campaign, read_countable
from chalicelib.admin.campaign_texts import columns_of, copied, field_of, side_by_side, with_unshown
from chalicelib.admin.responses import mistakes_of
from chalicelib.admin.templating import Go, Page
from chalicelib.admin.views import Visit, action, page, preview
from chalicelib.campaigns.model import ASKED, Campaign, CampaignPatch, shown_spec, spec_of
from chalicelib.errors import InvalidError, Phrase, TooManyRequestsError
from chalicelib.etags import tag_of
from chalicelib.http_errors import status_of
from chalicelib.settings import settings
from chalicelib.stage.app import stage
from chalicelib.states import ListState
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.validation import invalid

_LISTS = 50
_OTHERS = 20


@page("/admin/campaigns/new", role=Role.EDITOR)
def new_campaign(visit: Visit) -> Page:
    """First the template, then the form that its variables require."""
    key = visit.query.get("template") or visit.typed("template")
    if not key:
        return Page(
            "campaign_template", {"templates": stage().templates.everything(), "list_id": visit.query.get("list")}
        )
    list_id = visit.query.get("list")
    audience = {"audience": ["list"], "list_id": [list_id]} if list_id else {"audience": ["everyone"]}
    form = visit.form or {"rate_per_second": ["50"], "when": ["start"], "at": ["18:00"], **audience}
    return _form_page(form, key, head=None)


@action("/admin/campaigns/new", role=Role.EDITOR, does="campaign.write", again=new_campaign)
def write_campaign(visit: Visit) -> Go:
    """Creates a draft: nothing is sent until it is started."""
    template = stage().templates.get(visit.typed("template"))
    spec = read_campaign(visit.form, template=template, default_zone=settings().default_timezone)
    _refuse_unknown(spec.audience.exclude_campaigns)
    head = stage().campaign_commands.draft(spec, by=visit.manager.key)
    note(things=[head.id])
    return Go(f"/admin/campaigns/{head.id}/check", done="saved")


@preview("/admin/campaigns/count")
def count_audience(visit: Visit) -> Page:
    """The form as typed, with how many it would reach; the form need not be complete."""
    head = stage().campaigns.get(visit.typed("campaign")) if visit.typed("campaign") else None
    template = stage().templates.get(visit.typed("template"))
    counted, mistakes, answer = None, {}, dict[str, Any]()
    try:
        stage().draft_allowance.preview(visit.manager.key)
        spec = read_countable(visit.form, template=template)
        counted = stage().campaign_preview.look(None, spec)
    except InvalidError as error:
        mistakes = mistakes_of(error)
    except TooManyRequestsError as error:
        mistakes = mistakes_of(error)
        answer = {"status": status_of(error), "retry_after_seconds": error.retry_after_seconds}
    shown = _form_page(visit.form, template.key, head=head)
    return shown._replace(values={**shown.values, "counted": counted, "mistakes": mistakes}, **answer)


@preview("/admin/campaigns/copy")
def copy_texts(visit: Visit) -> Page:
    """The form as typed, with the empty fields of a language filled from the campaign's own."""
    stage().draft_allowance.preview(visit.manager.key)
    head = stage().campaigns.get(visit.typed("campaign")) if visit.typed("campaign") else None
    template = stage().templates.get(visit.typed("template"))
    form = copied(visit.form, template, visit.typed("copy"))
    return _form_page(form, template.key, head=head)._replace(form=form)


@page("/admin/campaigns/{id}/edit", role=Role.EDITOR)
def edit_page(visit: Visit) -> Page:
    """The form with the current version."""
    head = stage().campaigns.get(visit.path["id"])
    return _form_page(visit.form, spec_of(head).template, head=head)


@action("/admin/campaigns/{id}/edit", role=Role.EDITOR, does="campaign.edit", again=edit_page)
def edit_campaign(visit: Visit) -> Go:
    """Creates a new version; what was approved must be approved again."""
    before = spec_of(stage().campaigns.get(visit.path["id"]))
    template = stage().templates.get(before.template)
    default_zone = settings().default_timezone
    typed = read_campaign(visit.form, template=template, default_zone=default_zone)
    spec = with_unshown(typed, before, template)
    _refuse_unknown(spec.audience.exclude_campaigns)
    given = {name: value for name, value in spec if value is not None or getattr(before, name) is not None}
    kept = {"content", "category", "publish_per_second", "template", "attachments"}  # what this form does not show
    kept |= left_alone(visit.form, spec, before, default_zone=default_zone)
    patch = CampaignPatch.model_validate({name: value for name, value in given.items() if name not in kept})
    stage().campaign_commands.edit(visit.path["id"], patch, by=visit.manager.key, seen=visit.seen)
    return Go(f"/admin/campaigns/{visit.path['id']}/check", done="saved")


@page("/admin/campaigns/{id}/pace", role=Role.EDITOR)
def pace_page(visit: Visit) -> Page:
    """The only thing that can be changed during a run."""
    head = stage().campaigns.get(visit.path["id"])
    shown = visit.typed("rate_per_second") or f"{head.rate_per_second or spec_of(head).rate_per_second:.15g}"
    values = {"campaign": head, "spec": spec_of(head), "rate": shown, "seen": stage().approvals.tag(head)}
    return Page("campaign_pace", values)


@action("/admin/campaigns/{id}/pace", role=Role.EDITOR, does="campaign.pace", again=pace_page)
def set_pace(visit: Visit) -> Go:
    """Takes effect within a minute."""
    try:
        patch = CampaignPatch.model_validate({"rate_per_second": visit.typed("rate_per_second")})
    except ValidationError as error:
        raise invalid(error) from error
    stage().campaign_commands.edit(visit.path["id"], patch, by=visit.manager.key, seen=visit.seen)
    return Go(f"/admin/campaigns/{visit.path['id']}", done="saved")


def _form_page(form: Mapping[str, Any], key: str, *, head: CampaignHead | None) -> Page:
    """With what was typed, or else what is stored."""
    inputs = stage().approvals.inputs(head) if head else {}
    # An edit uses the template's newest version, not the one that an approval has fixed.
    is_newest = head is not None and head.approved is None and inputs["template"] == key
    template = stage().templates.get(key, inputs["template_version"] if is_newest else None)
    if head is not None and not form:
        form = form_of(spec_of(head), template, default_zone=settings().default_timezone)
    own = template.choose_locale(one(form, "locale"))
    values = {
        "form": form,
        "rows": rows_of(form),
        "template": template,
        "own": own,
        "columns": columns_of(template, own),
        "side_by_side": side_by_side(template),
        "field_of": partial(field_of, template),
        "to": f"/admin/campaigns/{head.id}/edit" if head else "/admin/campaigns/new",
        "campaign": head.id if head else "",
        "seen": tag_of(inputs) if head else "",
        "group_letters": GROUPS,
        "counted": None,
        "title": spec_of(head).name if head else None,
        "asked": ASKED,
        "defaults": {name: Campaign.model_fields[name].default for name in ASKED},
        "lists": _ready_lists(one(form, "list_id")),
        "others": _others(excluded_ids(form), own=head.id if head else None),
    }
    return Page("campaign_form", values)


def _ready_lists(chosen: str) -> dict[str, str]:
    """The newest lists that are ready, by id, including the chosen one, however old."""
    found, _ = stage().lists.page(limit=_LISTS, cursor=None)
    ready = {row.list_id: str(row.name) for row in found if row.state == ListState.READY}
    return {"": "—", **({chosen: chosen} if chosen and chosen not in ready else {}), **ready}


def _others(chosen: Sequence[str], *, own: str | None) -> dict[str, Any]:
    """Campaigns whose recipients may be left out, by name: the chosen ones, then the newest. A typed id that is no
    campaign stays in its field."""
    newest, _ = stage().campaigns.page(limit=_OTHERS, cursor=None)
    known = {row.id: row for row in newest if row.id != own}
    known |= {row.id: row for row in stage().campaigns.some([one for one in chosen if one not in known])}
    ids = [*(one for one in chosen if one in known), *(one for one in known if one not in chosen)]
    shown = [{"id": one, "name": shown_spec(known[one]).name, "row": known[one]} for one in ids]
    return {"shown": shown, "chosen": chosen, "typed": ", ".join(one for one in chosen if one not in known)}


def _refuse_unknown(chosen: Sequence[str]) -> None:
    """Raises: InvalidError (permanent): an id of a campaign to leave out is unknown."""
    known = {row.id for row in stage().campaigns.some(chosen)}
    if unknown := [one for one in chosen if one not in known]:
        raise InvalidError.of("exclude", Phrase("there is no campaign {id}", id=", ".join(unknown)))
