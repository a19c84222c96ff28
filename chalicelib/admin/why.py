"""`Why didn't they get it?`: one search for a person, an address, a letter, with the answer in sentences."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib.admin.templating import Page, letter_title, url, words
from chalicelib.admin.views import Visit, page
from chalicelib.clock import parse_rfc3339
from chalicelib.rendering.localized_format import long_date
from chalicelib.services.why import WhyAnswer, WhyLetter
from chalicelib.services.why_advice import ADVICE, Todo, sentence
from chalicelib.settings import settings
from chalicelib.stage.app import stage
from chalicelib.text import one_line

_CAMPAIGNS = 20


@page("/admin/why", shows="why.look")
def why_not(visit: Visit) -> Page:
    """The last letters to somebody, or the one of a campaign, each with what became of it and what to do."""
    words, campaign = one_line(visit.query.get("q", "")), visit.query.get("campaign", "").strip()
    found = stage().why.of(words, campaign_id=campaign or None) if words else None
    shown: dict[str, Any] = {
        "words": words,
        "campaign": campaign,
        "campaigns": _campaigns(campaign) if not words or campaign else [],
        "found": found,
        "letters": [_shown(one, visit.locale, found) for one in found.letters] if found else [],
        "said": [
            {"text": one.text, "advice": ADVICE[one.todo], "go": _go(one.todo, campaign, {})} for one in found.said
        ]
        if found
        else [],
        "here_url": "/admin/why",
    }
    return Page("why", shown)


def _shown(one: WhyLetter, locale: str, found: WhyAnswer) -> dict[str, Any]:
    at: datetime = parse_rfc3339(one.made_at).astimezone(ZoneInfo(settings().default_timezone))
    person = found.people[0] if found.people else None
    title = letter_title(one.title, say=words(locale)) if one.title == one.template else one.title
    places = {
        "address": (person.email if person else None) or (one.to if "@" in one.to else None),
        "user": person.id if person else None,
        "template": one.template,
        "notification": one.notification_id,
    }
    return {
        "one": one,
        "text": sentence(title, to=one.to, day=long_date(at.date(), locale=locale), outcome=one.outcome),
        "advice": ADVICE[one.todo],
        "go": _go(one.todo, one.campaign_id, places),
    }


def _go(todo: Todo, campaign: str | None, places: Mapping[str, str | None]) -> str | None:
    """The address of the page where that can be done."""
    of_campaign = f"/admin/campaigns/{campaign}" if campaign else None
    user = f"/admin/users/{places['user']}" if places.get("user") else None
    letter = f"/admin/notifications/{places['notification']}" if places.get("notification") else None
    match todo:
        case Todo.LIFT_SUPPRESSION:
            return url("/admin/suppressions", address=places.get("address"))
        case Todo.ASK_READER | Todo.FIX_ADDRESS:
            path = user
        case Todo.FIX_TEMPLATE:
            path = f"/admin/templates/{places['template']}" if places.get("template") else None
        case Todo.FIX_CAMPAIGN | Todo.TRANSLATE | Todo.CHECK_CAMPAIGN:
            path = of_campaign
        case Todo.CHECK_PROVIDER:
            path = "/admin/subsystems"
        case Todo.CHECK_LIMITS:
            path = "/admin/settings"
        case Todo.RESEND | Todo.DECIDE | Todo.TELL_ENGINEERS:
            path = letter
        case _:
            path = None
    return url(path) if path else None


def _campaigns(chosen: str) -> list[tuple[str, str]]:
    """The newest ones by name, and the chosen one."""
    from chalicelib.campaigns.model import shown_spec

    heads, _ = stage().campaigns.page(limit=_CAMPAIGNS, cursor=None)
    found = [(one.id, shown_spec(one).name) for one in heads]
    if chosen and chosen not in dict(found):
        found.insert(0, (chosen, shown_spec(stage().campaigns.get(chosen)).name))
    return found
