"""Writing campaigns: choosing the template, the form, counting the audience, later changes. Starting and watching them
is in `campaigns.py`."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from pydantic import ValidationError

from chalicelib.accounts.audit import note
from chalicelib.accounts.managers import Role
from chalicelib.admin.audience_choices import audience_values, looked_at, refuse_unknown
from chalicelib.admin.audience_form import one
from chalicelib.admin.campaign_form import form_of, left_alone, read_campaign
from chalicelib.admin.campaign_texts import columns_of, copied, field_of, side_by_side, with_unshown
from chalicelib.admin.schedule_form import Upcoming, new_when
from chalicelib.admin.templating import Go, Page
from chalicelib.admin.views import Visit, action, page, preview
from chalicelib.admin.zones import zone_choices
from chalicelib.campaigns.model import ASKED, Campaign, CampaignPatch, spec_of
from chalicelib.campaigns.schedule_days import MONTH
from chalicelib.categories import CATEGORIES
from chalicelib.clock import now
from chalicelib.etags import tag_of
from chalicelib.settings import settings
from chalicelib.stage.app import stage
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.validation import invalid


@page("/admin/campaigns/new", role=Role.EDITOR)
def new_campaign(visit: Visit) -> Page:
    """First the template, then the form that its variables require."""
    key = visit.query.get("template") or visit.typed("template")
    if not key:
        offered = [one for one in stage().templates.everything() if not CATEGORIES[one.category].transactional]
        return Page("campaign_template", {"templates": offered, "list_id": visit.query.get("list")})
    list_id, zone = visit.query.get("list"), settings().default_timezone
    audience = {"audience": ["list"], "lists": [list_id]} if list_id else {"audience": ["everyone"]}
    flags = {name: ["on"] for name, how in ASKED.items() if how.kind == "flag" and Campaign.model_fields[name].default}
    form = visit.form or {**flags, "rate_per_second": ["50"], **new_when(zone, locale=visit.locale), **audience}
    return _form_page(form, key, head=None, locale=visit.locale)


@action("/admin/campaigns/new", role=Role.EDITOR, does="campaign.write", again=new_campaign)
def write_campaign(visit: Visit) -> Go:
    """Creates a draft: nothing is sent until it is started."""
    template = stage().templates.get(visit.typed("template"))
    spec = read_campaign(visit.form, template=template, default_zone=settings().default_timezone)
    refuse_unknown(spec.audience.exclude_campaigns)
    head = stage().campaign_commands.draft(spec, by=visit.manager.key)
    note(things=[head.id])
    return Go(f"/admin/campaigns/{head.id}/check", done="saved")


@preview("/admin/campaigns/count")
def count_audience(visit: Visit) -> Page:
    """The form as typed, with about how many people it is for, or with its conditions changed; it need not be
    complete."""
    head = stage().campaigns.get(visit.typed("campaign")) if visit.typed("campaign") else None
    form, answer = looked_at(visit)
    shown = _form_page(form, visit.typed("template"), head=head, locale=visit.locale)
    return shown._replace(values={**shown.values, **answer.pop("values")}, form=form, **answer)


@preview("/admin/campaigns/next")
def show_next_times(visit: Visit) -> Page:
    """The form as typed, with the next times at which it would be sent."""
    stage().draft_allowance.preview(visit.manager.key)
    head = stage().campaigns.get(visit.typed("campaign")) if visit.typed("campaign") else None
    return _form_page(visit.form, visit.typed("template"), head=head, locale=visit.locale)


@preview("/admin/campaigns/copy")
def copy_texts(visit: Visit) -> Page:
    """The form as typed, with the empty fields of a language filled from the campaign's own."""
    stage().draft_allowance.preview(visit.manager.key)
    head = stage().campaigns.get(visit.typed("campaign")) if visit.typed("campaign") else None
    template = stage().templates.get(visit.typed("template"))
    form = copied(visit.form, template, visit.typed("copy"))
    return _form_page(form, template.key, head=head, locale=visit.locale)._replace(form=form)


@page("/admin/campaigns/{id}/edit", role=Role.EDITOR)
def edit_page(visit: Visit) -> Page:
    """The form with the current version."""
    head = stage().campaigns.get(visit.path["id"])
    return _form_page(visit.form, spec_of(head).template, head=head, locale=visit.locale)


@action("/admin/campaigns/{id}/edit", role=Role.EDITOR, does="campaign.edit", again=edit_page)
def edit_campaign(visit: Visit) -> Go:
    """Creates a new version; what was approved must be approved again."""
    before = spec_of(stage().campaigns.get(visit.path["id"]))
    template = stage().templates.get(before.template)
    default_zone = settings().default_timezone
    typed = read_campaign(visit.form, template=template, default_zone=default_zone)
    spec = with_unshown(typed, before, template)
    refuse_unknown(spec.audience.exclude_campaigns)
    given = {name: value for name, value in spec if value is not None or getattr(before, name) is not None}
    kept = {"content", "category", "publish_per_second", "template", "attachments", "experiment"}
    kept |= left_alone(visit.form, spec, before, default_zone=default_zone, locale=visit.locale)
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


def _form_page(form: Mapping[str, Any], key: str, *, head: CampaignHead | None, locale: str) -> Page:
    """With what was typed, or else what is stored."""
    inputs, zone = stage().approvals.inputs(head) if head else {}, settings().default_timezone
    # An edit uses the template's newest version, not the one that an approval has fixed.
    is_newest = head is not None and head.approved is None and inputs["template"] == key
    template = stage().templates.get(key, inputs["template_version"] if is_newest else None)
    if head is not None and not form:
        form = form_of(spec_of(head), template, default_zone=zone, locale=locale)
    own = template.choose_locale(one(form, "locale"))
    values = {
        "form": form,
        "upcoming": Upcoming(form, default_zone=zone),
        "cities": zone_choices(locale, at=now()),
        "month_days": MONTH,
        "template": template,
        "own": own,
        "columns": columns_of(template, own),
        "side_by_side": side_by_side(template),
        "field_of": partial(field_of, template),
        "to": f"/admin/campaigns/{head.id}/edit" if head else "/admin/campaigns/new",
        "campaign": head.id if head else "",
        "seen": tag_of(inputs) if head else "",
        "title": spec_of(head).name if head else None,
        "asked": ASKED,
        "defaults": {name: Campaign.model_fields[name].default for name in ASKED},
        **audience_values(form, own=head.id if head else None),
    }
    return Page("campaign_form", values)
