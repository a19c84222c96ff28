"""What is wrong with a letter and what could be better, by language: of a template's version, of what the form of a
template holds, of a campaign. The pages of these load it as a part of theirs."""

from collections.abc import Mapping
from typing import Any

from chalicelib.admin.letter_editor import body_of
from chalicelib.admin.letter_form import languages_of
from chalicelib.admin.page_requests import Visit
from chalicelib.admin.template_fields import asked_version
from chalicelib.admin.templates import typed_body
from chalicelib.admin.templating import Page, url
from chalicelib.admin.views import page, preview
from chalicelib.campaigns.approval import frozen_of
from chalicelib.campaigns.model import spec_of
from chalicelib.services.letter_checks import PICTURES_BYTES, LetterReport
from chalicelib.stage.app import stage

_SOURCE = "source."  # begins the names of a template's sources in its form


@page("/admin/templates/{key}/checks")
def template_checks(visit: Visit) -> Page:
    """Of a stored version, with its sample."""
    return _of_template(visit, links=False)


@preview("/admin/templates/{key}/checks")
def try_template(visit: Visit) -> Page:
    """With its links, or of what the form holds, which is not saved."""
    key = visit.path["key"]
    if not languages_of(visit.form) and not any(name.startswith(_SOURCE) for name in visit.form):
        return _of_template(visit, links=True)
    base = stage().templates.get(key)
    body = body_of(visit, base) if languages_of(visit.form) else typed_body(visit, base)
    report = stage().letter_checks.draft(key, body, by=visit.manager.key, links=True)
    return _shown(report, name=base.title or key, back=f"/admin/templates/{key}", links=True)


@page("/admin/campaigns/{id}/checks")
def campaign_checks(visit: Visit) -> Page:
    """Of the letter as readers would get it now, in each language."""
    return _of_campaign(visit, links=False)


@preview("/admin/campaigns/{id}/checks")
def try_campaign(visit: Visit) -> Page:
    """With its links."""
    return _of_campaign(visit, links=True)


def _of_template(visit: Visit, *, links: bool) -> Page:
    key, asked = visit.path["key"], visit.query.get("version") or visit.typed("version")
    template = stage().templates.get(key, asked_version(asked) if asked else None)
    report = stage().letter_checks.template(template, by=visit.manager.key, links=links)
    return _shown(
        report, name=template.title or key, back=f"/admin/templates/{key}", links=links, version=asked or None
    )


def _of_campaign(visit: Visit, *, links: bool) -> Page:
    head = stage().campaigns.get(visit.path["id"])
    spec = spec_of(head)
    edition = stage().campaign_inputs.edition(spec, frozen_of(head))
    layout = stage().templates.layout(edition.layout)
    report = stage().letter_checks.campaign(spec, edition.template, layout, by=visit.manager.key, links=links)
    return _shown(report, name=spec.name, back=f"/admin/campaigns/{head.id}", links=links)


def _shown(report: LetterReport, *, name: str, back: str, links: bool, version: str | None = None) -> Page:
    languages = list(dict.fromkeys(one.locale for one in report.findings))
    values: Mapping[str, Any] = {
        "name": name,
        "here_url": url(f"{back}/checks"),
        "back": url(f"{back}/check" if "/campaigns/" in back else back),
        "version": version,
        "tried": links,
        "report": report,
        "by_language": {one: [each for each in report.findings if each.locale == one] for one in languages},
        "budget_kb": PICTURES_BYTES // 1000,
    }
    return Page("letter_checks", dict(values))
