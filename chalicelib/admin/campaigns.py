"""Campaigns: checked, started, watched, paused and stopped. Writing them is in `campaign_writing.py`,
listing them in `campaign_desk.py`."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import ValidationError

from chalicelib.accounts.managers import Role
from chalicelib.admin.audience_words import audience_words
from chalicelib.admin.campaign_detail import campaign_detail
from chalicelib.admin.campaign_letter import letter_context, letter_of
from chalicelib.admin.letter_preview import texts_of
from chalicelib.admin.lists import MAX_FILE_BYTES
from chalicelib.admin.schedule_words import next_times
from chalicelib.admin.templating import Go, Page, url
from chalicelib.admin.views import Visit, action, page
from chalicelib.campaigns.languages import own_locale
from chalicelib.campaigns.model import Campaign, CampaignPatch, spec_of
from chalicelib.campaigns.preview import AudienceCount
from chalicelib.clock import now
from chalicelib.etags import Seen, tag_of
from chalicelib.settings import settings
from chalicelib.stage.app import stage
from chalicelib.states import CampaignState, SwitchState
from chalicelib.storage.audience_counts import note_audience_count
from chalicelib.validation import invalid

LONG = timedelta(hours=6)
MANY = 5_000  # from this many letters on a canary is advisable

_FIRST_LOOK = 100  # users; for a larger audience the page continues by itself, or by a link


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
    if following is None:
        note_audience_count(head, look.targeted)
    user_id, locale = visit.query.get("user", ""), visit.query.get("letter", "")
    edition = stage().campaign_inputs.edition(spec, inputs)
    template = edition.template
    letter = letter_of(spec, edition, user_id=user_id, locale=locale)
    texts = texts_of(template, letter_context(spec, template), spec.translations) if "sms" in look.channels else ()
    shown = {
        "campaign": head,
        "spec": spec,
        "look": look,
        "times": next_times(spec, zone=settings().default_timezone),
        "audience_said": audience_words(spec.audience, locale=visit.locale),
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
        "kept_addresses": sorted(stage().site_settings.current().test_addresses),
        "form": visit.form,
        "letter_url": url(f"/admin/campaigns/{head.id}/letter", user=user_id or None, letter=locale or None),
    }
    return Page("campaign_check", shown)


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


def _email_is_cut_off() -> bool:
    return any(switch.name == "ses" and switch.state == SwitchState.OPEN for switch in stage().switches.read_all())


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
