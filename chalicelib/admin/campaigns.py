"""Campaigns: written, checked, started, watched, held and stopped by managers."""

from collections.abc import Mapping, Sequence
from typing import Any

from chalice.app import Blueprint, Response
from pydantic import ValidationError

from chalicelib.admin.audience_form import GROUPS, one, rows_of
from chalicelib.admin.campaign_form import form_of, read_campaign, read_countable
from chalicelib.admin.cautions import cautions
from chalicelib.admin.charts import Axis, Curve, curves
from chalicelib.admin.frame import Visit, action, mistakes_of, page, preview
from chalicelib.admin.letters import Letter, framed, letter_for, texts_of
from chalicelib.admin.look import Go, Page, url
from chalicelib.campaigns.description import describe_campaign, describe_in_short
from chalicelib.campaigns.model import Campaign, CampaignPatch
from chalicelib.campaigns.progress import SAMPLED
from chalicelib.campaigns.store import spec_of
from chalicelib.clock import now, rfc3339
from chalicelib.control.answers import invalid
from chalicelib.control.managers import Role
from chalicelib.errors import InvalidError
from chalicelib.pipeline.requests import Recipient
from chalicelib.rendering.model import Template
from chalicelib.settings import settings
from chalicelib.storage.campaigns import CampaignRow
from chalicelib.wiring.campaign_desk import campaign_control, campaign_preview
from chalicelib.wiring.control import switches
from chalicelib.wiring.letters import renderer, templates
from chalicelib.wiring.running import campaigns, lists, runs

routes = Blueprint(__name__)
_FIRST_LOOK = 100  # users; of a larger audience the page goes on by itself, or by a link
_UNSAVED = "unsaved"  # stands for the id of a campaign that is only being written
_LISTS = 50
LISTED = 12  # two requests for the campaigns and one for the counters of every five or six


@page(routes, "/admin/campaigns")
def campaign_list(visit: Visit) -> Page:
    """Every campaign, newest first."""
    found, cursor = campaigns().page(limit=LISTED, cursor=visit.query.get("cursor"))
    shown = {
        "campaigns": describe_in_short(found),
        "here_url": url("/admin/campaigns", cursor=visit.query.get("cursor")),
        "following": url("/admin/campaigns", cursor=cursor) if cursor else None,
    }
    return Page("campaigns", shown)


@page(routes, "/admin/campaigns/new", role=Role.EDITOR)
def new_campaign(visit: Visit) -> Page:
    """First the template, then the form that its variables ask for."""
    key = visit.query.get("template") or visit.typed("template")
    if not key:
        return Page("campaign_template", {"templates": templates().everything(), "list_id": visit.query.get("list")})
    list_id = visit.query.get("list")
    audience = {"audience": ["list"], "list_id": [list_id]} if list_id else {"audience": ["everyone"]}
    form = visit.form or {"rate_per_second": ["50"], "when": ["start"], "at": ["18:00"], **audience}
    return _form_page(form, key, head=None)


@action(routes, "/admin/campaigns/new", role=Role.EDITOR, does="campaign.write", again=new_campaign)
def write_campaign(visit: Visit) -> Go:
    """A draft: nothing is sent before it is started."""
    template = templates().get(visit.typed("template"))
    spec = read_campaign(visit.form, template=template, default_zone=settings().default_timezone)
    head = campaign_control().draft(spec, by=visit.manager.key)
    return Go(f"/admin/campaigns/{head.id}/check", done="saved")


@preview(routes, "/admin/campaigns/count", role=Role.EDITOR)
def count_audience(visit: Visit) -> Page:
    """The form as it was typed, with how many it would reach; the form need not be finished."""
    head = campaigns().get(visit.typed("campaign")) if visit.typed("campaign") else None
    template = templates().get(visit.typed("template"))
    counted, mistakes = None, {}
    try:
        spec = read_countable(visit.form, template=template)
        counted = campaign_preview().look(head or CampaignRow(_UNSAVED), spec)
    except InvalidError as error:
        mistakes = mistakes_of(error)
    shown = _form_page(visit.form, template.key, head=head)
    return Page(shown.template, {**shown.values, "counted": counted, "mistakes": mistakes})


@page(routes, "/admin/campaigns/{id}/edit", role=Role.EDITOR)
def edit_page(visit: Visit) -> Page:
    """The form with what was written before."""
    head = campaigns().get(visit.path["id"])
    spec = spec_of(head)
    form = visit.form or form_of(spec, default_zone=settings().default_timezone)
    return _form_page(form, spec.template, head=head)


@action(routes, "/admin/campaigns/{id}/edit", role=Role.EDITOR, does="campaign.edit", again=edit_page)
def edit_campaign(visit: Visit) -> Go:
    """A new version; what was approved must be approved again."""
    before = spec_of(campaigns().get(visit.path["id"]))
    template = templates().get(before.template)
    spec = read_campaign(visit.form, template=template, default_zone=settings().default_timezone)
    given = {name: value for name, value in spec if value is not None or getattr(before, name) is not None}
    kept = {"content", "category", "publish_per_second", "template"}  # what this form does not show
    patch = CampaignPatch.model_validate({name: value for name, value in given.items() if name not in kept})
    campaign_control().edit(visit.path["id"], patch, by=visit.manager.key)
    return Go(f"/admin/campaigns/{visit.path['id']}/check", done="saved")


@page(routes, "/admin/campaigns/{id}/pace", role=Role.EDITOR)
def pace_page(visit: Visit) -> Page:
    """The one thing that can be changed while it runs."""
    head = campaigns().get(visit.path["id"])
    shown = visit.typed("rate_per_second") or f"{head.rate_per_second or spec_of(head).rate_per_second:g}"
    return Page("campaign_pace", {"campaign": head, "spec": spec_of(head), "rate": shown})


@action(routes, "/admin/campaigns/{id}/pace", role=Role.EDITOR, does="campaign.pace", again=pace_page)
def set_pace(visit: Visit) -> Go:
    """Acts within a minute."""
    try:
        patch = CampaignPatch.model_validate({"rate_per_second": visit.typed("rate_per_second")})
    except ValidationError as error:
        raise invalid(error) from error
    campaign_control().edit(visit.path["id"], patch, by=visit.manager.key)
    return Go(f"/admin/campaigns/{visit.path['id']}", done="saved")


@page(routes, "/admin/campaigns/{id}/check")
def check_campaign(visit: Visit) -> Page:
    """What would happen: who gets it, who does not and why, when, for how long."""
    head = campaigns().get(visit.path["id"])
    spec = spec_of(head)
    cursor = visit.query.get("cursor")
    look = campaign_preview().look(head, spec, cursor=cursor, at_most=None if cursor else _FIRST_LOOK)
    following = url(f"/admin/campaigns/{head.id}/check", cursor=look.cursor) if look.cursor else None
    user_id, locale = visit.query.get("user", ""), visit.query.get("letter") or settings().default_locale
    letter = _letter(spec, user_id=user_id, locale=locale)
    template = templates().get(spec.template)
    texts = texts_of(template, _context(spec, template)) if "sms" in campaign_preview().channels(spec) else ()
    shown = {
        "campaign": head,
        "spec": spec,
        "look": look,
        "following": following,
        "cautions": cautions(spec, look, at=now(), email_is_cut_off=_email_is_cut_off()),
        "approval": settings().campaign_approval,
        "user": user_id,
        "locales": sorted(template.locales),
        "letter": letter,
        "texts": list(texts),
        "letter_url": url(f"/admin/campaigns/{head.id}/letter", user=user_id or None, letter=locale),
    }
    return Page("campaign_check", shown)


@page(routes, "/admin/campaigns/{id}/letter")
def campaign_letter(visit: Visit) -> Response:
    """The letter alone, for the frames of the check page."""
    spec = spec_of(campaigns().get(visit.path["id"]))
    locale = visit.query.get("letter") or settings().default_locale
    return framed(_letter(spec, user_id=visit.query.get("user", ""), locale=locale))


@page(routes, "/admin/campaigns/{id}")
def campaign_detail(visit: Visit) -> Page:
    """How it goes."""
    head = campaigns().get(visit.path["id"])
    campaign = describe_campaign(head, runs=runs(), preview=campaign_preview(), shown_runs=1)
    progress = campaign["progress"]
    canary = campaign["canary_percent"] is not None
    held = canary and any(run["outcome"] is None and not run["canary_released_at"] for run in campaign["runs"])
    rule = spec_of(head).audience.rule
    shown = {
        "campaign": campaign,
        "rule": rule.model_dump_json(by_alias=True, exclude_none=True) if rule else None,
        "going": bool(head.open_runs) or head.state in ("running", "scheduled"),
        "canary_held": held,
        "unsent": {**progress["skipped"], **progress["failed_reasons"]},
        "chart": _chart(campaign),
        "mine": visit.manager.key in (head.created_by, head.updated_by),
    }
    return Page("campaign", shown)


def _do(visit: Visit, done: str) -> Go:
    return Go(f"/admin/campaigns/{visit.path['id']}", done=done)


@action(routes, "/admin/campaigns/{id}/start", role=Role.EDITOR, does="campaign.start", again=check_campaign)
def start_campaign(visit: Visit) -> Go:
    """Checks everything first: with a mistake nothing is started."""
    head = campaign_control().start(visit.path["id"], by=visit.manager.key)
    return _do(visit, "asked" if head.state == "awaiting_approval" else "started")


@action(routes, "/admin/campaigns/{id}/approve", role=Role.APPROVER, does="campaign.approve", again=campaign_detail)
def approve_campaign(visit: Visit) -> Go:
    """Nobody approves what they wrote."""
    campaign_control().approve(visit.path["id"], by=visit.manager.key)
    return _do(visit, "approved")


@action(routes, "/admin/campaigns/{id}/pause", role=Role.EDITOR, does="campaign.pause", again=campaign_detail)
def pause_campaign(visit: Visit) -> Go:
    """Each worker finishes the chunk in its hands."""
    campaign_control().pause(visit.path["id"], by=visit.manager.key)
    return _do(visit, "paused")


@action(routes, "/admin/campaigns/{id}/resume", role=Role.EDITOR, does="campaign.resume", again=campaign_detail)
def resume_campaign(visit: Visit) -> Go:
    """With exactly what is left."""
    campaign_control().resume(visit.path["id"], by=visit.manager.key)
    return _do(visit, "resumed")


@action(routes, "/admin/campaigns/{id}/cancel", role=Role.EDITOR, does="campaign.cancel", again=campaign_detail)
def cancel_campaign(visit: Visit) -> Go:
    """For good."""
    campaign_control().cancel(visit.path["id"], by=visit.manager.key)
    return _do(visit, "cancelled")


@action(routes, "/admin/campaigns/{id}/canary", role=Role.EDITOR, does="campaign.canary", again=campaign_detail)
def release_canary(visit: Visit) -> Go:
    """Sends the held rest."""
    campaign_control().release_canary(visit.path["id"], by=visit.manager.key)
    return _do(visit, "released")


@action(routes, "/admin/campaigns/{id}/resend", role=Role.EDITOR, does="campaign.resend", again=campaign_detail)
def resend_campaign(visit: Visit) -> Go:
    """To those alone to whom it was certainly not sent, for the chosen reasons."""
    reasons = list(visit.form.get("reason", ())) or None
    campaign_control().resend(visit.path["id"], by=visit.manager.key, reasons=reasons)
    return _do(visit, "resent")


@action(routes, "/admin/campaigns/{id}/test", role=Role.EDITOR, does="campaign.test", again=check_campaign)
def test_campaign(visit: Visit) -> Go:
    """One letter at once; it counts for no run."""
    to = visit.typed("to")
    try:
        recipient = Recipient.model_validate({"email": to} if "@" in to else {"user_id": to})
    except ValidationError as error:
        raise InvalidError.of("to", "expected an address or a user's id") from error
    campaign_control().test(visit.path["id"], (recipient,), by=visit.manager.key)
    return Go(f"/admin/campaigns/{visit.path['id']}/check", done="tested")


def _email_is_cut_off() -> bool:
    return any(switch.name == "ses" and switch.state == "open" for switch in switches().read_all())


def _letter(spec: Campaign, *, user_id: str, locale: str) -> Letter:
    template = templates().get(spec.template)
    context = _context(spec, template)
    return letter_for(template, context, user_id=user_id, locale=locale, renderer=renderer())


def _context(spec: Campaign, template: Template) -> Mapping[str, Any]:
    return {**template.sample.context, **spec.context}  # what only a source of content knows, by the sample


def _chart(campaign: Mapping[str, Any]) -> tuple[Sequence[Curve], Axis] | None:
    """How the newest run goes; None while there is no line to draw."""
    run = next(iter(campaign["runs"]), None)
    if run is None:
        return None
    samples = [[run["created_at"], 0, 0, 0, 0], *run["samples"]]
    if run["outcome"] is None:
        samples.append([rfc3339(now()), *(run["progress"][word] for word in SAMPLED)])
    return curves(samples, SAMPLED, zone=settings().default_timezone) if len(samples) > 1 else None


def _form_page(form: Mapping[str, Any], key: str, *, head: CampaignRow | None) -> Page:
    values = {
        "form": form,
        "rows": rows_of(form),
        "template": templates().get(key),
        "to": f"/admin/campaigns/{head.id}/edit" if head else "/admin/campaigns/new",
        "campaign": head.id if head else "",
        "group_letters": GROUPS,
        "counted": None,
        "title": spec_of(head).name if head else None,
        "lists": _ready_lists(one(form, "list_id")),
    }
    return Page("campaign_form", values)


def _ready_lists(chosen: str) -> dict[str, str]:
    """The newest lists that can be written to, by id; the chosen one is among them, however old."""
    found, _ = lists().page(limit=_LISTS, cursor=None)
    ready = {row.list_id: str(row.name) for row in found if row.state == "ready"}
    return {"": "—", **({chosen: chosen} if chosen and chosen not in ready else {}), **ready}
