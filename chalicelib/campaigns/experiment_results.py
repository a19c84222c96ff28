"""What became of each variant of an experiment: read from the chunks of its letters, whose names tell the variant, and
kept at the run for pages. People's opens and clicks alone are compared."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from chalicelib.campaigns.experiment import Criterion
from chalicelib.campaigns.progress import Progress, progress_of
from chalicelib.campaigns.proportions import Ranking, Share, rank
from chalicelib.clock import parse_rfc3339, rfc3339
from chalicelib.storage.run_outcomes import count_variants
from chalicelib.storage.run_progress import LARGE
from chalicelib.storage.runs import Run, Runs

FRESH = timedelta(seconds=50)  # until it is decided `tick` counts every minute
_FRESH_IF_LARGE = timedelta(minutes=10)


class VariantResult(NamedTuple):
    """One variant's deliveries and what readers did; as of the last count."""

    variant: str
    progress: Progress

    @property
    def reached(self) -> int:
        """Letters that a provider took and that were not returned: what rates are of."""
        return self.progress.sent - self.progress.bounced

    def acted(self, by: Criterion) -> int:
        """How many people opened it, or clicked in it."""
        return self.progress.opened if by == "opens" else self.progress.clicked

    def share(self, by: Criterion) -> Share:
        """Of those whom it reached."""
        return Share(min(self.acted(by), self.reached), self.reached)


def read_results(runs: Runs, run: Run, *, at: datetime, fresh: bool = False) -> list[VariantResult]:
    """Those of a run with variants, in their order: as they were counted last if that is not long ago, else counted now
    and kept. Raises: UnavailableError (retryable)."""
    names = sorted(run.variants or {})
    noted = run.tested
    if noted is None or fresh or not _is_fresh(noted["at"], noted["counts"], at):
        found = count_variants(run.run_id, names, homes=run.homes or 1)
        noted = {"at": rfc3339(at), "counts": {name: dict(words) for name, words in found.items()}}
        runs.note_tested(run, noted)
    return [VariantResult(name, progress_of(Counter(noted["counts"].get(name, {})), targeted=0)) for name in names]


def ranked(results: Sequence[VariantResult], by: Criterion) -> Ranking:
    """Which is the best, and what may be said of that."""
    return rank({one.variant: one.share(by) for one in results})


def _is_fresh(counted_at: str, counts: dict[str, dict[str, int]], at: datetime) -> bool:
    letters = sum(progress_of(Counter(words), targeted=0).settled for words in counts.values())
    return at - parse_rfc3339(counted_at) < (_FRESH_IF_LARGE if letters > LARGE else FRESH)
