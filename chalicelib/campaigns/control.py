"""What managers do with campaigns: draft → (approval) → scheduled → running ⇄ paused → completed | cancelled. Called by
the API and by the admin page."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from pynamodb.expressions.update import Action

from chalicelib.campaigns.content import ContentSource
from chalicelib.campaigns.generator import Generator
from chalicelib.campaigns.jobs import time_name
from chalicelib.campaigns.model import Campaign, CampaignPatch, State
from chalicelib.campaigns.readiness import Readiness
from chalicelib.campaigns.runs import Runs
from chalicelib.campaigns.schedule import RECIPIENT, first_moment, occurrences
from chalicelib.campaigns.store import CampaignStore, spec_of
from chalicelib.clock import Clock, rfc3339
from chalicelib.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from chalicelib.pipeline.accept import Accept, Accepted
from chalicelib.pipeline.requests import NotificationRequest, Recipient
from chalicelib.storage.base import update_if
from chalicelib.storage.campaigns import ONE, CampaignRow, RunRow

_PACES = frozenset({"rate_per_second", "publish_per_second"})
_EDITABLE: tuple[State, ...] = ("draft", "awaiting_approval", "scheduled", "paused")
_ALIVE: tuple[State, ...] = ("draft", "awaiting_approval", "scheduled", "running", "paused")


class CampaignControl:
    """The control desk of one stage. `by` is who does it."""

    def __init__(
        self,
        *,
        campaigns: CampaignStore,
        runs: Runs,
        generator: Generator,
        readiness: Readiness,
        accept: Accept,
        content: ContentSource,
        clock: Clock,
        default_zone: str,
        approval: bool,
    ) -> None:
        self._campaigns = campaigns
        self._runs = runs
        self._generator = generator
        self._readiness = readiness
        self._accept = accept
        self._content = content
        self._clock = clock
        self._default_zone = default_zone
        self._approval = approval

    def draft(self, spec: Campaign, *, by: str, id_: str | None = None) -> CampaignRow:
        """A new campaign, found again where there is one with this `id_`; nothing is sent. Raises: InvalidError
        (permanent; every bad field), UnavailableError (retryable)."""
        self._readiness.check(spec)
        return self._campaigns.add(spec, by=by, id_=id_)

    def edit(self, campaign_id: str, patch: CampaignPatch, *, by: str) -> CampaignRow:
        """Saves a new version; what was approved must be approved again. While a run goes on only its paces may be
        changed, and they act within a minute. Raises: InvalidError, ConflictError, NotFoundError (permanent),
        UnavailableError (retryable)."""
        head = self._campaigns.get(campaign_id)
        before, given = spec_of(head), patch.model_dump(exclude_unset=True, by_alias=True)
        changes = {name: value for name, value in given.items() if value is not None}
        kept = {k: v for k, v in before.model_dump(by_alias=True, exclude_unset=False).items() if k not in given}
        spec = Campaign.model_validate({**kept, **changes})
        if set(given) <= _PACES:
            self._campaigns.edit(head, spec, by=by)
            return head
        if head.state not in _EDITABLE or head.open_runs:
            paces = " and ".join(sorted(_PACES))
            raise ConflictError(f"the campaign is {head.state}: only {paces} can be changed now")
        self._readiness.check(spec, known_start=before.start_at)
        extra: list[Action] = []
        if head.state != "draft" and self._approval:
            extra = [CampaignRow.state.set("awaiting_approval"), CampaignRow.due.remove()]
        elif head.next_run_at is not None:
            extra = [CampaignRow.next_run_at.set(time_name(self._first_run(spec)))]
        self._campaigns.edit(head, spec, by=by, extra=extra)
        return head

    def start(self, campaign_id: str, *, by: str) -> CampaignRow:
        """Checks everything, then schedules it, or asks for approval. Raises: InvalidError (nothing was started),
        ConflictError, NotFoundError (permanent), UnavailableError (retryable)."""
        head = self._campaigns.get(campaign_id)
        _expect(head, ["draft"])
        self._readiness.check_start(spec_of(head))
        if self._approval:
            self._campaigns.enter(head, "awaiting_approval", only_from=["draft"], by=by)
            return head
        return self._schedule(head, only_from=["draft"], by=by)

    def approve(self, campaign_id: str, *, by: str) -> CampaignRow:
        """Another manager's word. Raises: ForbiddenError (permanent: a version is one's own), InvalidError,
        ConflictError, NotFoundError (permanent), UnavailableError (retryable)."""
        head = self._campaigns.get(campaign_id)
        _expect(head, ["awaiting_approval"])
        if by in {version.updated_by for version in self._campaigns.versions(campaign_id)}:
            raise ForbiddenError("a campaign is approved by another manager than those who wrote it")
        self._readiness.check_start(spec_of(head))
        approval = [CampaignRow.approved_by.set(by), CampaignRow.approved_version.set(int(head.version))]
        return self._schedule(head, only_from=["awaiting_approval"], by=by, extra=approval)

    def pause(self, campaign_id: str, *, by: str) -> CampaignRow:
        """No new chunk is sent from now on. Raises: ConflictError, NotFoundError (permanent), UnavailableError
        (retryable)."""
        head = self._campaigns.get(campaign_id)
        self._campaigns.enter(
            head, "paused", only_from=["scheduled", "running"], by=by, extra=[CampaignRow.due.remove()]
        )
        return head

    def resume(self, campaign_id: str, *, by: str) -> CampaignRow:
        """Goes on with exactly what is left. Raises: ConflictError, NotFoundError (permanent), UnavailableError
        (retryable)."""
        head = self._campaigns.get(campaign_id)
        _expect(head, ["paused"])
        waits = [CampaignRow.due.set(ONE)] if head.next_run_at else []
        state: State = "running" if head.open_runs else "scheduled" if head.next_run_at else "completed"
        self._campaigns.enter(head, state, only_from=["paused"], by=by, extra=waits)
        self._kick(head)
        self._generator.launch(head)
        return head

    def cancel(self, campaign_id: str, *, by: str) -> CampaignRow:
        """Stops it for good: what has not been claimed by a worker is cancelled. Raises: ConflictError, NotFoundError
        (permanent), UnavailableError (retryable)."""
        head = self._campaigns.get(campaign_id)
        stop = [CampaignRow.due.remove(), CampaignRow.next_run_at.remove()]
        self._campaigns.enter(head, "cancelled", only_from=_ALIVE, by=by, extra=stop)
        self._kick(head)
        return head

    def release_canary(self, campaign_id: str, *, by: str) -> CampaignRow:
        """Sends the held rest of the newest run. Raises: ConflictError, NotFoundError (permanent), UnavailableError
        (retryable)."""
        head = self._campaigns.get(campaign_id)
        run = next((run for run in self._runs.of(campaign_id) if run.opened and not run.canary_released_at), None)
        if spec_of(head).canary_percent is None or run is None:
            raise ConflictError("no canary of this campaign is held")
        update_if(run, [RunRow.canary_released_at.set(rfc3339(self._clock()))], RunRow.opened.exists())
        self._campaigns.enter(head, None, only_from=_ALIVE, by=by, event="canary_released")
        self._runs.wake_parked(run)
        return head

    def resend(
        self, campaign_id: str, *, by: str, run: str | None = None, reasons: Sequence[str] | None = None
    ) -> CampaignRow:
        """Sends once more what a run (default: the newest) certainly did not send, for these reasons (default: all).
        Asked again it takes only what is still unsent. Raises: ConflictError, NotFoundError (permanent),
        UnavailableError (retryable)."""
        head = self._campaigns.get(campaign_id)
        finished = [one for one in self._runs.of(campaign_id) if one.outcome is not None]
        chosen = next((one for one in finished if run is None or run in (one.run_id, one.scheduled_at)), None)
        if chosen is None:
            raise NotFoundError("there is no such finished run")
        moment = self._promised(head) or self._promise(head, after=self._runs.of(campaign_id)[0], by=by)
        self._runs.open(head, moment, resend_of=chosen, reasons=reasons)
        return head

    def _promised(self, head: CampaignRow) -> datetime | None:
        """A resend that a crash cut off between its two writes: the same click once more completes it."""
        missing = [at for at in head.open_runs or () if self._runs.get(head.id, at) is None]
        return datetime.fromisoformat(missing[0]) if missing else None

    def _promise(self, head: CampaignRow, *, after: RunRow, by: str) -> datetime:
        """Takes the campaign for a resend: one at a time, so that two never take the same letters."""
        _expect(head, ["scheduled", "completed"])
        moment = max(self._clock(), datetime.fromisoformat(after.scheduled_at) + timedelta(seconds=1))
        self._campaigns.enter(
            head,
            "running",
            only_from=["scheduled", "completed"],
            by=by,
            event="resend",
            extra=[CampaignRow.open_runs.add({time_name(moment)})],
            only_if=CampaignRow.open_runs.does_not_exist(),
        )
        return moment

    def test(
        self, campaign_id: str, recipients: tuple[Recipient, ...], *, by: str, key: str | None = None
    ) -> list[Accepted]:
        """The letter as it would be now, to a few people, at once; with the same `key` once. Raises: InvalidError,
        NotFoundError (permanent), UnavailableError (retryable)."""
        spec = spec_of(self._campaigns.get(campaign_id))
        context = dict(spec.context)
        if spec.content is not None and spec.content.kind == "shared":
            context[spec.content.name] = self._content.shared(spec.content)
        elif spec.content is not None:
            users = [one.user_id for one in recipients if one.user_id]
            found = self._content.personal(spec.content, users)
            if len(users) != 1 or users[0] not in found:
                raise InvalidError.of("recipients", "personal content: expected one user whom the source knows")
            context[spec.content.name] = found[users[0]]
        request = NotificationRequest(
            template=spec.template,
            recipients=recipients,
            context=context,
            category=spec.category,
            channels=spec.channels,
        )
        return self._accept.accept(request, caller=by, key=key)

    def _schedule(
        self, head: CampaignRow, *, only_from: Iterable[State], by: str, extra: Sequence[Action] = ()
    ) -> CampaignRow:
        first = self._first_run(spec_of(head))
        waits = [CampaignRow.next_run_at.set(time_name(first)), CampaignRow.due.set(ONE)]
        self._campaigns.enter(head, "scheduled", only_from=only_from, by=by, extra=[*waits, *extra])
        self._generator.launch(head)
        return head

    def _first_run(self, spec: Campaign) -> datetime:
        now = self._clock()
        if spec.schedule is not None:
            zone = spec.timezone or self._default_zone
            after = max(now, spec.start_at - timedelta(seconds=1)) if spec.start_at else now
            return next(occurrences(spec.schedule, zone, after=after))
        if spec.start_at is None:
            return now
        # Where the day began before it was started, it is the wall time that counts: those whose clock has shown it get
        # the letter at once.
        return first_moment(spec.start_at) if spec.timezone == RECIPIENT else spec.start_at

    def _kick(self, head: CampaignRow) -> None:
        for run in self._runs.of(head.id):
            if run.opened is not None:
                self._runs.keep_going(head, run)
                self._runs.wake_parked(run, all_of_it=head.state == "cancelled")


def _expect(head: CampaignRow, states: Sequence[State]) -> None:
    if head.state not in states:
        raise ConflictError(f"the campaign is {head.state}: expected {' or '.join(states)}")
