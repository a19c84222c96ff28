"""Campaigns: listed, checked, started, watched, paused and stopped. Writing them is in `campaign_writing.py`."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from chalice.app import Response
from pydantic import ValidationError

from chalicelib.accounts.managers import Role
from chalicelib.admin.charts import Axis, Curve, curves
from chalicelib.admin.letter_preview import LetterPreview, framed, language_of, letter_for, texts_of
from chalicelib.admin.lists import MAX_FILE_BYTES
from chalicelib.admin.templating import Go, Page, url
from chalicelib.admin.views import Visit, action, page
from chalicelib.campaigns.approval import frozen_of
from chalicelib.campaigns.description import describe_campaign, describe_in_short
from chalicelib.campaigns.languages import languages_of, own_locale
from chalicelib.campaigns.model import ASKED, Campaign, CampaignPatch, shown_spec, spec_of
from chalicelib.campaigns.preview import AudienceCount
from chalicelib.campaigns.progress import SAMPLED
from chalicelib.clock import now, rfc3339
from chalicelib.etags import Seen, tag_of
from chalicelib.pipeline.letter_parts import in_language
from chalicelib.rendering.model import Template
from chalicelib.rendering.template_store import Edition
from chalicelib.settings import settings
from chalicelib.stage.app import stage
from chalicelib.states import CampaignState, SwitchState
from chalicelib.validation import invalid

LONG = timedelta(hours=6)
MANY = 5_000  # from this many letters on a canary is advisable

_FIRST_LOOK = 100  # users; for a larger audience the page continues by itself, or by a link
LISTED = 12  # two requests for the campaigns and one for the counters of every five or six


@page("/admin/campaigns")
def campaign_list(visit: Visit) -> Page:
    """Every campaign, newest first."""
    found, cursor = stage().campaigns.page(limit=LISTED, cursor=visit.query.get("cursor"))
    shown = {
        "campaigns": describe_in_short(found),
        "here_url": url("/admin/campaigns", cursor=visit.query.get("cursor")),
        "following": url("/admin/campaigns", cursor=cursor) if cursor else None,
    }
    return Page("campaigns", shown)


@page("/admin/campaigns/{id}/check", shows="campaign.check")
def check_campaign(visit: Visit) -> Page:
    """What would happen: who gets it, who does not and why, when, and how long it takes."""
    head = stage().campaigns.get(visit.path["id"])
    spec = spec_of(head)
    inputs = stage().approvals.inputs(head)  # before the letter is made: later changes were not seen
    cursor = visit.query.get("cursor")
    look = stage().campaign_preview.look(
        head, spec, cursor=cursor, at_most=None if cursor else _FIRST_LOOK, frozen=inputs
    )
    following = url(f"/admin/campaigns/{head.id}/check", cursor=look.cursor) if look.cursor else None
    user_id, locale = visit.query.get("user", ""), visit.query.get("letter", "")
    edition = stage().campaign_inputs.edition(spec, inputs)
    template = edition.template
    letter = _letter(spec, edition, user_id=user_id, locale=locale)
    texts = texts_of(template, _context(spec, template), spec.translations) if "sms" in look.channels else ()
    shown = {
        "campaign": head,
        "spec": spec,
        "look": look,
        "following": following,
        "cautions": cautions(spec, look, at=now(), email_is_cut_off=_email_is_cut_off()),
        "approval": settings().campaign_approval,
        "seen": tag_of(inputs),
        "mine": head.state == CampaignState.AWAITING_APPROVAL and visit.manager.key in stage().campaigns.authors(head),
        "last_event": head.events()[-1],
        "comment": visit.typed("comment"),
        "user": user_id,
        "locales": sorted(template.locales),
        "chosen": locale,
        "own": own_locale(spec, template),
        "letter": letter,
        "texts": list(texts),
        "most": MAX_FILE_BYTES,
        "form": visit.form,
        "letter_url": url(f"/admin/campaigns/{head.id}/letter", user=user_id or None, letter=locale or None),
    }
    return Page("campaign_check", shown)


@page("/admin/campaigns/{id}/letter", shows="campaign.letter")
def campaign_letter(visit: Visit) -> Response:
    """The letter alone, for the frames of the check page."""
    head = stage().campaigns.get(visit.path["id"])
    spec = spec_of(head)
    edition = stage().campaign_inputs.edition(spec, frozen_of(head))  # as a run would send it
    letter = _letter(spec, edition, user_id=visit.query.get("user", ""), locale=visit.query.get("letter", ""))
    return framed(letter, language=visit.locale)


@page("/admin/campaigns/{id}")
def campaign_detail(visit: Visit) -> Page:
    """Its progress."""
    head = stage().campaigns.get(visit.path["id"])
    campaign = describe_campaign(head, runs=stage().runs, preview=stage().campaign_preview, shown_runs=1)
    progress = campaign["progress"]
    canary = campaign["canary_percent"] is not None
    held = canary and any(run["outcome"] is None and not run["canary_released_at"] for run in campaign["runs"])
    rule = shown_spec(head).audience.rule
    shown = {
        "campaign": campaign,
        "opens_measured": bool(settings().tracking_domain),
        "facts": {name: campaign[name] for name, how in ASKED.items() if how.on_page and campaign[name]},
        "rule": rule.model_dump_json(by_alias=True, exclude_none=True) if rule else None,
        "going": bool(head.open_runs) or head.state in (CampaignState.RUNNING, CampaignState.SCHEDULED),
        "canary_held": held,
        "unsent": {**progress["skipped"], **progress["failed_reasons"]},
        "chart": _chart(campaign),
        "mine": visit.manager.key in (head.created_by, head.updated_by),
    }
    return Page("campaign", shown)


def _do(visit: Visit, done: str) -> Go:
    return Go(f"/admin/campaigns/{visit.path['id']}", done=done)


@action("/admin/campaigns/{id}/start", role=Role.EDITOR, does="campaign.start", again=check_campaign)
def start_campaign(visit: Visit) -> Go:
    """Everything is checked first; if anything is wrong, nothing starts."""
    seen = Seen((visit.typed("seen"),)) if visit.typed("seen") else None
    head = stage().campaign_commands.start(visit.path["id"], by=visit.manager.key, seen=seen)
    return _do(visit, "asked" if head.state == CampaignState.AWAITING_APPROVAL else "started")


@action("/admin/campaigns/{id}/untranslated", role=Role.EDITOR, does="campaign.edit", again=check_campaign)
def decide_untranslated(visit: Visit) -> Go:
    """What readers get in whose language the letter is not."""
    try:
        patch = CampaignPatch.model_validate({"untranslated": visit.typed("untranslated") or None})
    except ValidationError as error:
        raise invalid(error) from error
    stage().campaign_commands.edit(visit.path["id"], patch, by=visit.manager.key, seen=visit.seen)
    return Go(f"/admin/campaigns/{visit.path['id']}/check", done="saved")


@action("/admin/campaigns/{id}/approve", role=Role.APPROVER, does="campaign.approve", again=check_campaign)
def approve_campaign(visit: Visit) -> Go:
    """Nobody can approve their own work."""
    stage().review.approve(visit.path["id"], by=visit.manager.key, seen=Seen((visit.typed("seen"),)))
    return _do(visit, "approved")


@action("/admin/campaigns/{id}/send-back", role=Role.APPROVER, does="campaign.send_back", again=check_campaign)
def send_back_campaign(visit: Visit) -> Go:
    """Back to its author, with what should be changed."""
    stage().review.send_back(visit.path["id"], by=visit.manager.key, comment=visit.comment, seen=visit.seen)
    return _do(visit, "sent_back")


@action("/admin/campaigns/{id}/pause", role=Role.EDITOR, does="campaign.pause", again=campaign_detail)
def pause_campaign(visit: Visit) -> Go:
    """Each worker finishes its current chunk."""
    stage().campaign_commands.pause(visit.path["id"], by=visit.manager.key)
    return _do(visit, "paused")


@action("/admin/campaigns/{id}/resume", role=Role.EDITOR, does="campaign.resume", again=campaign_detail)
def resume_campaign(visit: Visit) -> Go:
    """Continues with exactly what is left."""
    head = stage().campaign_commands.resume(visit.path["id"], by=visit.manager.key)
    return _do(visit, "asked" if head.state == CampaignState.AWAITING_APPROVAL else "resumed")


@action("/admin/campaigns/{id}/cancel", role=Role.EDITOR, does="campaign.cancel", again=campaign_detail)
def cancel_campaign(visit: Visit) -> Go:
    """For good."""
    stage().campaign_commands.cancel(visit.path["id"], by=visit.manager.key)
    return _do(visit, "cancelled")


@action("/admin/campaigns/{id}/canary", role=Role.EDITOR, does="campaign.canary", again=campaign_detail)
def release_canary(visit: Visit) -> Go:
    """Sends the held rest of the run that was shown."""
    stage().campaign_commands.release_canary(visit.path["id"], by=visit.manager.key, run_id=visit.typed("run") or None)
    return _do(visit, "released")


@action("/admin/campaigns/{id}/resend", role=Role.EDITOR, does="campaign.resend", again=campaign_detail)
def resend_campaign(visit: Visit) -> Go:
    """Sends only to those to whom the run that was shown has certainly not sent it, for the chosen reasons."""
    reasons = list(visit.form.get("reason", ())) or None
    stage().resend.begin(visit.path["id"], by=visit.manager.key, run=visit.typed("run") or None, reasons=reasons)
    return _do(visit, "resent")


@action("/admin/campaigns/{id}/test", role=Role.EDITOR, does="campaign.test", again=check_campaign)
def test_campaign(visit: Visit) -> Go:
    """One letter at once; it does not count towards any run."""
    stage().test_send.send(visit.path["id"], (visit.recipient,), by=visit.manager.key)
    return Go(f"/admin/campaigns/{visit.path['id']}/check", done="tested")


def _email_is_cut_off() -> bool:
    return any(switch.name == "ses" and switch.state == SwitchState.OPEN for switch in stage().switches.read_all())


def _letter(spec: Campaign, edition: Edition, *, user_id: str, locale: str) -> LetterPreview:
    """As a reader of this language gets it; of none, in the user's own."""
    template, layout = edition.template, stage().templates.layout(edition.layout)
    wanted = locale or language_of(user_id) or spec.locale or settings().default_locale
    used, texts = in_language(languages_of(spec, template), template, wanted, spec.locale)
    context = {**_context(spec, template), **texts}
    return letter_for(template, context, user_id=user_id, locale=used, renderer=stage().renderer, layout=layout)


def _context(spec: Campaign, template: Template) -> Mapping[str, Any]:
    return {**template.sample.context, **spec.context}  # the sample's values for what only a content source knows


def _chart(campaign: Mapping[str, Any]) -> tuple[Sequence[Curve], Axis] | None:
    """The newest run's course; None while there is no line to draw."""
    run = next(iter(campaign["runs"]), None)
    if run is None:
        return None
    samples = [[run["created_at"], 0, 0, 0, 0], *run["samples"]]
    if run["outcome"] is None:
        samples.append([rfc3339(now()), *(run["progress"][word] for word in SAMPLED)])
    return curves(samples, SAMPLED, zone=settings().default_timezone) if len(samples) > 1 else None


def cautions(spec: Campaign, look: AudienceCount, *, at: datetime, email_is_cut_off: bool) -> Sequence[str]:
    """The names of those that apply, most important first."""
    recipients, final = look.counts["recipients"], look.counts["final"]
    applies = {
        "cut_off": email_is_cut_off,
        "past": spec.start_at is not None and spec.start_at < at,
        "many_left_out": 3 * final < 2 * recipients,
        "untranslated": spec.untranslated is None and not all(one.has_content for one in look.languages),
        "long": look.eta_seconds > LONG.total_seconds(),
        "no_canary": final >= MANY and spec.canary_percent is None,
    }
    return [word for word, true in applies.items() if true]
