"""Everything that makes a campaign's letter and decides who gets it, when and how fast: what an approval covers (ADR
0051).

What is read for each reader as the letter leaves (profile, preferences, suppressions, a content source's values) is not
included: an approval is of what is sent to whom, and readers' own choices come first.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chalicelib.campaigns.model import Campaign
from chalicelib.configuration.letter_settings import site_fields
from chalicelib.configuration.site_settings import SiteSettings
from chalicelib.errors import FieldError, NotFoundError, Phrase
from chalicelib.etags import Fields
from chalicelib.manifest import SUBSYSTEMS, rate_setting
from chalicelib.pipeline.jobs import LetterSpec
from chalicelib.pipeline.letter_parts import LetterRoute
from chalicelib.pipeline.letter_plan import Plan, plan_of
from chalicelib.rendering.model import Template, Version
from chalicelib.rendering.template_store import Edition, TemplateStore
from chalicelib.schemas import recalled
from chalicelib.settings import Settings
from chalicelib.storage.recipient_lists import RecipientLists
from chalicelib.storage.runs import Run

# Fixed by the approval, whatever is saved or deployed since; the others are compared.
FROZEN = ("template_version", "layout", "route")
PACES = frozenset({"rate_per_second", "publish_per_second"})

STAGE_INPUTS = (
    "site_name",
    "site_url",
    "public_url",
    "mail_from",
    "sms_sender",
    "whatsapp_sender",
    "default_locale",
    "default_timezone",
)
_PROVIDERS = "how fast, and how providers are treated: no letter is another one"
_LIVE = "where live clients connect: nothing of it is in a letter"
STAGE_LEFT_OUT: Mapping[str, str] = {
    "stage": "a campaign never leaves its stage",
    "media_url": "where pictures are served: a letter holds whole addresses",
    "retention_days": "how long it is remembered",
    "campaign_approval": "whether it is asked for at all",
    "second_factor": "how managers sign in",
    "spam_filter_url": "what is asked about a letter before it is sent; it changes none",
    "profiles_url": "where readers are asked about",
    "private_addresses": "which addresses a content source may have; which one it has is an input",
    "tracking_domain": "by which host openings and clicks are counted",
    "chat_kinds": "to which chats of their own readers may be written",
    "push_ios": "the application that a device belongs to",
    "push_android": "the application that a device belongs to",
    **dict.fromkeys(("lease_seconds", "reconcile_seconds", "retry_seconds", "max_attempts"), _PROVIDERS),
    **dict.fromkeys(("bulk_share", "profiles_timeout_seconds"), _PROVIDERS),
    **dict.fromkeys(("switch_failures", "switch_window_seconds", "probe_seconds", "ramp_seconds"), _PROVIDERS),
    **dict.fromkeys(map(rate_setting, SUBSYSTEMS), _PROVIDERS),
    **dict.fromkeys(("live_url", "live_management_url", "live_origins", "live_demo"), _LIVE),
}
_LONGEST_WORD = 120


class LetterInputs:
    """Every method raises: UnavailableError (retryable)."""

    def __init__(self, *, templates: TemplateStore, site: SiteSettings, lists: RecipientLists, stage: Settings) -> None:
        self._templates = templates
        self._site = site
        self._lists = lists
        self._stage = {name: getattr(stage, name) for name in STAGE_INPUTS}

    def of(self, spec: Campaign, *, frozen: Fields | None = None, fresh: bool = False) -> dict[str, Any]:
        """By name, as JSON; `frozen` are those that an approval fixes, `fresh` reads the settings now."""
        site = self._site.current(fresh=fresh)
        return {
            **spec.model_dump(mode="json", by_alias=True),
            **(frozen or self._letter(spec)),
            "list": self._list(spec),
            **site_fields(site),
            **self._stage,
        }

    def edition(self, spec: Campaign, frozen: Fields | None) -> Edition:
        """What the letters of a run are made with. Raises: NotFoundError (permanent)."""
        if frozen is None:
            return self._templates.edition(spec.template)
        return Edition(self._templates.get(spec.template, frozen["template_version"]), frozen["layout"])

    def write_down(self, edition: Edition) -> None:
        """Before anything refers to it: workers with other code must find it."""
        self._templates.write_down(edition)

    def plan(self, spec: Campaign, template: Template, frozen: Fields | None, *, fresh: bool = False) -> Plan:
        """Its channels; `fresh`: by the current routes."""
        if frozen is not None:
            route = dict(frozen["route"])
            channels = tuple(route.pop("channels"))
            return Plan(channels, recalled(LetterRoute, route) if route else None)
        category = spec.category or template.category
        return plan_of(category, template, named=spec.channels, routes=self._site.current(fresh=fresh).routes)

    def _letter(self, spec: Campaign) -> dict[str, Any]:
        try:
            template, layout = self._templates.edition(spec.template)
        except NotFoundError:  # no release has it any more: such a campaign can still be viewed, and stopped
            return {"template_version": None, "layout": None, "route": {"channels": list(spec.channels or ())}}
        plan = self.plan(spec, template, None)
        return _frozen(template.version, layout, plan.channels, plan.route)

    def _list(self, spec: Campaign) -> dict[str, Any] | None:
        if spec.audience.list_id is None:
            return None
        try:
            found = self._lists.get(spec.audience.list_id)
        except NotFoundError:
            return None
        return {"rows": found.row_count, "content": found.content}


def frozen_by(run: Run) -> dict[str, Any]:
    """The same of the letters of a run."""
    letter = recalled(LetterSpec, run.letter)
    return _frozen(letter.template_version, letter.layout, run.channels, letter.route)


def _frozen(version: Version, layout: str | None, channels: Sequence[str], route: LetterRoute | None) -> dict[str, Any]:
    way = {"channels": list(channels), **(route.model_dump(mode="json") if route else {})}
    return {"template_version": version, "layout": layout, "route": way}


def differences(before: Fields, now: Fields) -> list[FieldError]:
    """What has changed, in words."""
    return [one for name in sorted({*before, *now}) for one in _differing(name, before.get(name), now.get(name))]


def _differing(name: str, before: Any, now: Any) -> Iterator[FieldError]:
    if before == now:
        return
    if isinstance(before, dict) and isinstance(now, dict):
        for inner in sorted({*before, *now}):
            yield from _differing(f"{name}.{inner}", before.get(inner), now.get(inner))
        return
    yield FieldError(name, Phrase("was {before}, is {now}", before=_word(before), now=_word(now)))


def _word(value: Any) -> str:
    if value is None:
        return Phrase("nothing")
    if isinstance(value, float):
        return f"{value:g}"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_WORD else f"{text[:_LONGEST_WORD]}…"
