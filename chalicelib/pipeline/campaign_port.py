"""The port to campaigns: what the pipeline asks before it works on a chunk of one. `campaigns.admission` implements it:
the campaign may be paused or cancelled, and its letters may need more content."""

from collections.abc import Collection, Mapping
from typing import Protocol

from chalicelib.deliveries import DeliveryStatus
from chalicelib.pipeline.jobs import DeliverJob, EnrichJob


class CampaignPort(Protocol):
    """Called only for jobs that have a `run_id`."""

    def admit(self, job: EnrichJob) -> EnrichJob | None:
        """Records the recipients' notifications and returns the job with its content; None if nothing is left to do
        now: it was put aside, or cancelled. Raises: UnavailableError (retryable)."""
        ...

    def believed(self, job: DeliverJob, *, refused: int, accepted: int, said: str) -> int:
        """How many of a call's refusals are believed (`flow.throttle.believed`). If not all are, the campaign is
        paused, with what the provider `said`. Raises: UnavailableError (retryable)."""
        ...

    def admits(self, job: DeliverJob) -> bool:
        """Whether the letters may leave now; if not, they were put aside or cancelled. Raises: UnavailableError
        (retryable)."""
        ...

    def states_of(self, job: DeliverJob, user_ids: Collection[str]) -> Mapping[str, DeliveryStatus | None]:
        """What became of the letters of other users of the directory in the job's run, on its channel; None: nothing
        yet. Who has none is missing: `admit` has not seen them. Raises: UnavailableError (retryable)."""
        ...
