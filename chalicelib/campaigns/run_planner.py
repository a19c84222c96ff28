"""Draws up runs from the campaign, its template and the routes as they are then."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from chalicelib.attachments import refs_of
from chalicelib.campaigns.approval import frozen_of
from chalicelib.campaigns.audience_estimate import estimate
from chalicelib.campaigns.audience_sources import Sources
from chalicelib.campaigns.campaign_files import CampaignFiles
from chalicelib.campaigns.languages import languages_of
from chalicelib.campaigns.letter_inputs import LetterInputs, frozen_by
from chalicelib.campaigns.model import Campaign, spec_of
from chalicelib.campaigns.pacing import shard_count
from chalicelib.campaigns.variant_letters import made_with
from chalicelib.clock import Clock, derived_id, rfc3339
from chalicelib.deliveries import run_id, time_name
from chalicelib.etags import Fields
from chalicelib.pipeline.jobs import LetterSpec
from chalicelib.pipeline.letter_plan import Plan
from chalicelib.rendering.template_store import Edition
from chalicelib.schemas import kept
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.storage.chunk_letters import RUN_HOMES
from chalicelib.storage.runs import Run


class RunPlanner:
    """Writes nothing but the edition of the template that a run names; and keeps its files as long again."""

    def __init__(self, *, inputs: LetterInputs, files: CampaignFiles, sources: Sources, clock: Clock) -> None:
        self._inputs = inputs
        self._files = files
        self._sources = sources
        self._clock = clock

    def draw_up(
        self, head: CampaignHead, scheduled: datetime, *, resend_of: Run | None, reasons: Sequence[str] | None
    ) -> Run:
        """A campaign's run at a time, not stored yet: with the approved versions, or the newest; a resend sends what
        its run would have sent. Raises: UnavailableError (retryable)."""
        spec = spec_of(resend_of or head)
        frozen = frozen_by(resend_of) if resend_of else frozen_of(head)
        edition = self._inputs.edition(spec, frozen)
        self._inputs.write_down(spec, frozen)
        self._files.renew(spec.attachments)
        plan = self._inputs.plan(spec, edition.template, frozen, fresh=True)
        segments = frozen.get("segments") if frozen else self._inputs.segments(spec)
        shards = self._shard_count(spec, head, resend=resend_of is not None)
        letter = self._letter(head, scheduled, spec, edition, plan, shards=shards, resend=resend_of is not None)
        return Run(
            head.id,
            time_name(scheduled),
            opened=True,
            run_id=letter.run_id or "",
            version=(resend_of or head).version,
            spec=kept(spec),
            letter=kept(letter),
            channels=list(plan.channels),
            shards=shards,
            created_at=letter.accepted_at,
            resend_of=resend_of.run_id if resend_of else None,
            reasons=list(reasons) if reasons is not None else None,
            homes=letter.homes,
            estimate=estimate(head, spec, self._sources) if resend_of is None else None,
            segments=segments or {},
            variants=self._variants(spec, frozen),
            decision=resend_of.decision if resend_of else None,
        )

    def _variants(self, spec: Campaign, frozen: Fields | None) -> dict[str, Any] | None:
        if spec.experiment is None:
            return None
        return {
            name: made_with(spec, name, self._inputs.variant_edition(spec, name, frozen).template)
            for name in spec.experiment.names
        }

    def _letter(
        self,
        head: CampaignHead,
        scheduled: datetime,
        spec: Campaign,
        edition: Edition,
        plan: Plan,
        *,
        shards: int,
        resend: bool,
    ) -> LetterSpec:
        name = run_id(head.id, time_name(scheduled))
        return LetterSpec(
            template=edition.template.key,
            template_version=edition.template.version,
            layout=edition.layout,
            category=spec.category or edition.template.category,
            lane="bulk",
            context=spec.context,
            attachments=refs_of(spec.attachments),
            content=spec.content.model_dump(mode="json") if spec.content else None,
            request_id=derived_id("run", name),
            accepted_at=rfc3339(self._clock()),
            campaign_id=head.id,
            run_id=name,
            route=plan.route,
            locale=spec.locale,
            languages=languages_of(spec, edition.template),
            expires_at=_expiry(spec, scheduled),
            service=head.service,
            homes=min(shards, RUN_HOMES),
            of_directory=not resend and self._sources.are_of_directory(spec),
            campaign_name=spec.name,
            track_clicks=spec.track_clicks,
            utm=spec.utm_templates,
        )

    def _shard_count(self, spec: Campaign, head: CampaignHead, *, resend: bool) -> int:
        # An exact share of an audience is taken by one counter; what was not sent is little.
        if spec.canary_percent or resend:
            return 1
        return shard_count(head.rate_per_second or spec.rate_per_second, users=self._sources.size(spec.audience))


def _expiry(spec: Campaign, scheduled: datetime) -> str | None:
    hours = spec.expires_after_hours
    return rfc3339(scheduled + timedelta(hours=hours)) if hours is not None else None
