"""Campaigns side by side, and what they brought by month."""

from chalicelib.admin.templating import Page
from chalicelib.admin.trend_charts import month_bars, month_lines
from chalicelib.admin.views import Visit, page
from chalicelib.campaigns.comparison import MOST_COMPARED, differences
from chalicelib.campaigns.rates import MEASURES
from chalicelib.campaigns.trends import trend
from chalicelib.clock import now
from chalicelib.service_scope import EVERYTHING
from chalicelib.settings import settings
from chalicelib.stage.app import stage

_MONTHS = 24
_DRAWN = ("delivered", "opened", "clicked")


@page("/admin/campaigns/compare")
def compare_page(visit: Visit) -> Page:
    """The ticked ones side by side; of more than four the first."""
    ids = list(dict.fromkeys(one for one in visit.asked.get("id", ()) if one))
    compared = stage().comparison.of(ids[:MOST_COMPARED])
    shown = {
        "compared": compared,
        "waits": {one.id: one.decides for one in stage().campaign_desk.entries(sight=EVERYTHING)},
        "more": len(ids) > MOST_COMPARED,
        "most": MOST_COMPARED,
        "measures": list(MEASURES),
        "differences": differences(compared) if len(compared) > 1 else [],
    }
    return Page("campaigns_compare", shown)


@page("/admin/campaigns/trends")
def trends_page(visit: Visit) -> Page:  # noqa: ARG001 - the frame gives it
    """By month; a chart as soon as there are two months to compare."""
    months = trend(at=now(), zone=settings().default_timezone, months=_MONTHS)
    drawn = sum(bool(one.counts.get("sent")) for one in months) > 1
    shown = {
        "months": months,
        "measures": _DRAWN,
        "bars": month_bars(months) if drawn else None,
        "lines": month_lines(months, _DRAWN) if drawn else None,
    }
    return Page("campaigns_trends", shown)
