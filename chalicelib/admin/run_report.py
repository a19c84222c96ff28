"""What a run of a campaign led to, and the letter with the clicks at its links."""

from collections.abc import Mapping, Sequence
from typing import Any

from chalice.app import Response
from markupsafe import escape

from chalicelib.admin.charts import Axis, Curve, curves
from chalicelib.admin.letter_preview import LetterPreview, framed
from chalicelib.admin.number_format import number
from chalicelib.admin.run_recipients import chosen_run
from chalicelib.admin.templating import Page, url
from chalicelib.admin.views import Visit, page
from chalicelib.campaigns.description import SHOWN_RUNS
from chalicelib.campaigns.model import shown_spec
from chalicelib.errors import Phrase
from chalicelib.rendering.letter_urls import with_labels
from chalicelib.settings import settings
from chalicelib.stage.app import stage

_DRAWN_HOURS, _FEWEST_POINTS = 72, 2
_BADGE = (
    "display:inline-block;font:bold 12px/1.4 system-ui;color:#111;background:#ffd54a;border-radius:9px;padding:0 7px;"
    "margin:0 4px;text-decoration:none;text-transform:none;letter-spacing:0;white-space:nowrap"
)


@page("/admin/campaigns/{id}/results", shows="campaign.results")
def campaign_results(visit: Visit) -> Page:
    """Of one run, the newest unless another is asked for."""
    head = stage().campaigns.get(visit.path["id"])
    runs = stage().runs.of(head.id, limit=SHOWN_RUNS)
    asked = visit.query.get("run")
    run = chosen_run(head.id, asked, among=runs)
    results = stage().run_report.of(run) if run else None
    shown = {
        "campaign": head,
        "name": shown_spec(head).name,
        "run": run,
        "runs": runs,
        "results": results,
        "opens_measured": bool(settings().tracking_domain),
        "chart": _chart(results["hours"]) if results else None,
        "here_url": url(f"/admin/campaigns/{head.id}/results", run=asked),
        "letter_url": url(f"/admin/campaigns/{head.id}/results/letter", run=run.run_id) if run else None,
    }
    return Page("results", shown)


@page("/admin/campaigns/{id}/results/letter", shows="campaign.results")
def results_letter(visit: Visit) -> Response:
    """The letter as it was sent, for the frame of the page: with the number of people who followed each link."""
    run = stage().run_recipients.one(visit.path["id"], visit.query.get("run"))
    letter, followed = stage().run_report.letter(run)
    if not letter.html:
        problem = letter.problem or Phrase("this run sent no e-mail")
        return framed(LetterPreview("", problem=problem), language=visit.locale)
    people = {one.written: followed.get(one.code, (0, 0))[0] for one in letter.links}

    def label(written: str) -> str:
        if written not in people:
            return ""
        return f'<span style="{_BADGE}">{escape(number(people[written], locale=visit.locale))}</span>'

    shown = LetterPreview("", letter.subject, with_labels(letter.html, label))
    return framed(shown, language=visit.locale, with_subject=True)


def _chart(hours: Sequence[Mapping[str, Any]]) -> tuple[Sequence[Curve], Axis] | None:
    """How often it was opened and clicked each hour; None where that is no line."""
    drawn = hours[:_DRAWN_HOURS]
    words = [word for word in ("opened", "clicked") if any(one[word] for one in drawn)]
    if sum(any(one[word] for word in words) for one in drawn) < _FEWEST_POINTS:
        return None
    samples = [[one["begins_at"], *(one[word] for word in words)] for one in drawn]
    return curves(samples, words, zone=settings().default_timezone)
