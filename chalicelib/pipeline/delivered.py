"""What became of a job of `deliver`: every part of the stage adds to it."""

from dataclasses import dataclass, field


@dataclass
class Delivered:
    """For the log and the metrics."""

    counts: dict[str, int] = field(default_factory=dict)
    seconds_since_accepted: list[float] = field(default_factory=list)

    def count(self, word: str, times: int = 1) -> None:
        """Adds to one of `sent`, `failed`, `skipped`, `postponed`, `dropped`, `held`, `queued`, `unknown`."""
        if times:
            self.counts[word] = self.counts.get(word, 0) + times
