"""Warnings before a campaign starts that do not forbid it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.preview import AudienceCount

LONG = timedelta(hours=6)
MANY = 5_000  # from this many letters on a canary is advisable


def cautions(spec: Campaign, look: AudienceCount, *, at: datetime, email_is_cut_off: bool) -> Sequence[str]:
    """The names of those that apply, most important first."""
    recipients, final = look.counts["recipients"], look.counts["final"]
    applies = {
        "cut_off": email_is_cut_off,
        "past": spec.start_at is not None and spec.start_at < at,
        "many_left_out": 3 * final < 2 * recipients,
        "long": look.eta_seconds > LONG.total_seconds(),
        "no_canary": final >= MANY and spec.canary_percent is None,
    }
    return [word for word, true in applies.items() if true]
