"""Everything that makes a campaign's letter and decides who gets it, when and how fast: what an approval covers (ADR
0051).

What is read for each reader as the letter leaves (profile, preferences, suppressions, a content source's values) is not
included: an approval is of what is sent to whom, and readers' own choices come first.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from chalicelib.campaigns.audience import Audience
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
FROZEN = ("template_version", "layout", "route", "segments", "variant_templates")
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

    def __init__(
        self,
        *,
        templates: TemplateStore,
        site: SiteSettings,
        lists: RecipientLists,
        segments: Callable[[Audience], dict[str, dict[str, Any]]],
        stage: Settings,
    ) -> None:
        self._templates = templates
        self._site = site
        self._lists = lists
        self._segments = segments
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

    def variant_edition(self, spec: Campaign, variant: str | None, frozen: Fields | None) -> Edition:
        """The same of a variant of its experiment: with the layout of the others. Raises: NotFoundError (permanent)."""
        key = spec.experiment.variant(variant).template if spec.experiment and variant else None
        own = self.edition(spec, frozen)
        if key is None or key == spec.template:
            return own
        version = frozen["variant_templates"].get(key) if frozen else None
        return own._replace(template=self._templates.get(key, version))

    def write_down(self, spec: Campaign, frozen: Fields | None) -> None:
        """All that its letters are made with, before anything refers to it: workers with other code must find it.
        Raises: NotFoundError (permanent)."""
        for variant in (None, *(spec.experiment.names if spec.experiment else "")):
            self._templates.write_down(self.variant_edition(spec, variant, frozen))

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
            bare = {"template_version": None, "layout": None, "route": {"channels": list(spec.channels or ())}}
            return {**bare, "segments": self.segments(spec), "variant_templates": self._variant_templates(spec)}
        plan = self.plan(spec, template, None)
        parts = plan.channels, plan.route, self.segments(spec), self._variant_templates(spec)
        return _frozen(template.version, layout, *parts)

    def segments(self, spec: Campaign) -> dict[str, dict[str, Any]]:
        """Those of its audience, as they are now, by id; none if one is gone, which is found when it starts."""
        try:
            return self._segments(spec.audience)
        except NotFoundError:
            return {}

    def _variant_templates(self, spec: Campaign) -> dict[str, Version | None]:
        """The versions of the templates that its variants have of their own."""
        variants = spec.experiment.variants if spec.experiment else ()
        keys = {one.template for one in variants if one.template and one.template != spec.template}
        return {key: self._version(key) for key in sorted(keys)}

    def _version(self, key: str) -> Version | None:
        try:
            return self._templates.get(key).version
        except NotFoundError:
            return None

    def _list(self, spec: Campaign) -> dict[str, Any] | None:
        """Of several by id; that of one is told as the last release told it."""
        found = {one: self._rows_of(one) for one in spec.audience.all_lists}
        if spec.audience.list_id is not None and len(found) == 1:
            return found[spec.audience.list_id]
        return found or None

    def _rows_of(self, list_id: str) -> dict[str, Any] | None:
        try:
            found = self._lists.get(list_id)
        except NotFoundError:
            return None
        return {"rows": found.row_count, "content": found.content}


def frozen_by(run: Run) -> dict[str, Any]:
    """The same of the letters of a run."""
    letter = recalled(LetterSpec, run.letter)
    own = {one["template"]: one["template_version"] for one in (run.variants or {}).values()}
    variants = {key: version for key, version in own.items() if key != letter.template}
    return _frozen(letter.template_version, letter.layout, run.channels, letter.route, run.segments, variants)


def _frozen(
    version: Version,
    layout: str | None,
    channels: Sequence[str],
    route: LetterRoute | None,
    segments: Mapping[str, Any],
    variant_templates: Mapping[str, Version | None],
) -> dict[str, Any]:
    way = {"channels": list(channels), **(route.model_dump(mode="json") if route else {})}
    return {
        "template_version": version,
        "layout": layout,
        "route": way,
        "segments": dict(segments),
        "variant_templates": dict(variant_templates),
    }


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
