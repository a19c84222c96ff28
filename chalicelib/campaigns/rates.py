"""Shares of what has an outcome: of letters whose fate is known, how many arrived; of those that arrived, how many were
opened, clicked in, and so on."""

from collections.abc import Mapping

from chalicelib.campaigns.proportions import Share

Counts = Mapping[str, int]  # by word (`campaigns.run_results`)
# What is measured, of what.
MEASURES: Mapping[str, tuple[str, ...]] = {
    "delivered": ("delivered", "bounced"),
    "opened": ("delivered",),
    "clicked": ("delivered",),
    "unsubscribed": ("delivered",),
    "complained": ("delivered",),
    "bounced": ("delivered", "bounced"),
}


def share_of(counts: Counts, measure: str) -> Share:
    """So many of so many; nothing of nothing as long as no outcome is known."""
    whole = sum(counts.get(word, 0) for word in MEASURES[measure])
    return Share(min(counts.get(measure, 0), whole), whole)


def rates_of(counts: Counts) -> dict[str, float | None]:
    """Each measure from 0 to 1; None where nothing is known of it."""
    shares = {measure: share_of(counts, measure) for measure in MEASURES}
    return {measure: round(one.rate, 6) if one.reached else None for measure, one in shares.items()}
