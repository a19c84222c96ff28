"""The A/B test of a campaign: set up, each variant beside the other, and decided."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import ValidationError

from chalicelib.accounts.managers import Role
from chalicelib.admin.campaign_texts import columns_of, field_of, side_by_side
from chalicelib.admin.experiment_form import (
    at_the_form,
    changed,
    count_of,
    form_of_experiment,
    part_of,
    read_experiment,
)
from chalicelib.admin.templating import Go, Page, url
from chalicelib.admin.views import Visit, action, page, preview
from chalicelib.campaigns.approval import frozen_of
from chalicelib.campaigns.experiment import VARIANTS
from chalicelib.campaigns.model import Campaign, CampaignPatch, spec_of
from chalicelib.errors import InvalidError, NotFoundError, Phrase
from chalicelib.etags import tag_of
from chalicelib.rendering.model import Template
from chalicelib.settings import settings
from chalicelib.stage.app import stage
from chalicelib.states import CampaignState as S
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.validation import invalid

_EDITABLE = (S.DRAFT, S.AWAITING_APPROVAL, S.SCHEDULED, S.PAUSED)


@page("/admin/campaigns/{id}/experiment")
def experiment_page(visit: Visit) -> Page:
    """How the variants do, and what they are."""
    return _page(visit, visit.form)


@preview("/admin/campaigns/{id}/experiment/variants")
def change_variants(visit: Visit) -> Page:
    """The form as typed, with a variant more or less, or with the fields of the templates that were chosen."""
    stage().draft_allowance.preview(visit.manager.key)
    form = changed(visit.form, visit.typed("do"))
    return _page(visit, form)._replace(form=form)


@action("/admin/campaigns/{id}/experiment", role=Role.EDITOR, does="campaign.edit", again=experiment_page)
def save_experiment(visit: Visit) -> Go:
    """Creates a new version; what was approved must be approved again."""
    spec = spec_of(stage().campaigns.get(visit.path["id"]))
    experiment = read_experiment(visit.form, spec, _template_of)
    try:
        _edit(visit, experiment.model_dump(exclude_defaults=True))
    except InvalidError as error:
        raise at_the_form(error, visit.form, spec, _template_of) from error
    return _back(visit, "saved")


@action("/admin/campaigns/{id}/experiment/remove", role=Role.EDITOR, does="campaign.edit", again=experiment_page)
def remove_experiment(visit: Visit) -> Go:
    """The campaign goes to everybody as it is."""
    _edit(visit, None)
    return _back(visit, "saved")


@action("/admin/campaigns/{id}/experiment/winner", role=Role.EDITOR, does="campaign.winner", again=experiment_page)
def choose_winner(visit: Visit) -> Go:
    """The rest of the run that was shown gets it."""
    stage().winner.choose(
        visit.path["id"], visit.typed("variant"), by=visit.manager.key, run_id=visit.typed("run") or None
    )
    return _back(visit, "winner_chosen")


@action("/admin/campaigns/{id}/experiment/test", role=Role.EDITOR, does="campaign.test", again=experiment_page)
def test_variant(visit: Visit) -> Go:
    """One letter at once; it does not count."""
    stage().test_send.send(
        visit.path["id"], (visit.recipient,), by=visit.manager.key, variant=visit.typed("variant") or None
    )
    return _back(visit, "tested")


def _back(visit: Visit, done: str) -> Go:
    return Go(f"/admin/campaigns/{visit.path['id']}/experiment", done=done)


def _edit(visit: Visit, experiment: Mapping[str, Any] | None) -> None:
    try:
        patch = CampaignPatch.model_validate({"experiment": experiment})
    except ValidationError as error:
        raise invalid(error) from error
    stage().campaign_commands.edit(visit.path["id"], patch, by=visit.manager.key, seen=visit.seen)


def _page(visit: Visit, typed: Mapping[str, Sequence[str]]) -> Page:
    head = stage().campaigns.get(visit.path["id"])
    spec, inputs = spec_of(head), stage().approvals.inputs(head)
    has_run = head.newest_run is not None
    editable = head.state in _EDITABLE and not head.open_runs and visit.manager.may(Role.EDITOR)
    standing = None
    if spec.experiment is not None:
        standing = stage().experiment_standing.of(head, visit.query.get("run") if has_run else None)
    values = {
        "campaign": head,
        "spec": spec,
        "standing": standing if has_run else None,
        "editable": editable,
        "seen": tag_of(inputs),
        "opens_measured": bool(settings().tracking_domain),
        "refused": spec.canary_percent is not None or spec.best_hour or spec.timezone == "recipient",
        "going": bool(standing and standing["waits"]),
        "here_url": url(f"/admin/campaigns/{head.id}/experiment", run=visit.query.get("run")),
        "letter_url": partial(_letter_url, head),
        "rest": spec.experiment is not None and spec.experiment.share_percent < 100,
        **(_form_values(spec, head, typed) if editable else {"form": {}, "variants": []}),
    }
    return Page("experiment", values)


def _form_values(spec: Campaign, head: CampaignHead, typed: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    known = _templates(spec, head)
    template_of = partial(_known_template, known)
    # Whoever chose a winner or sent a test has typed nothing of this form.
    form = typed if "variants" in typed else form_of_experiment(spec, template_of)
    own = known[spec.template]
    return {
        "form": form,
        "variants": [_variant(spec, name, form, known) for name in VARIANTS[: count_of(form)]],
        "most": len(VARIANTS),
        "templates": {"": "", **{key: one for key, one in known.items() if key != spec.template and _fits(one, own)}},
    }


def _variant(
    spec: Campaign, name: str, form: Mapping[str, Sequence[str]], known: Mapping[str, Template]
) -> dict[str, Any]:
    """One fieldset of the form."""
    key = (part_of(form, name).get("template") or [""])[0].strip()
    template = known.get(key) or known[spec.template]
    own = template.choose_locale(spec.locale)
    columns = [own, *(locale for locale in columns_of(template, own)[1:] if locale in spec.translations)]
    return {
        "name": name,
        "template": template,
        "own": own,
        "columns": columns,
        "side_by_side": side_by_side(template),
        "field_of": partial(field_of, template),
    }


def _templates(spec: Campaign, head: CampaignHead) -> dict[str, Template]:
    """The newest of each, and the campaign's own as an approval has fixed it."""
    known = {one.key: one for one in stage().templates.everything()}
    if head.approved is not None or spec.template not in known:
        known[spec.template] = stage().campaign_inputs.edition(spec, frozen_of(head)).template
    return known


def _known_template(known: Mapping[str, Template], key: str) -> Template:
    return known.get(key) or _template_of(key)


def _template_of(key: str) -> Template:
    try:
        return stage().templates.get(key)
    except NotFoundError as error:
        raise InvalidError.of("form", Phrase("there is no template `{key}`", key=key)) from error


def _fits(template: Template, own: Template) -> bool:
    """Whether a variant may have it (`campaigns.experiment_checks`)."""
    return set(own.written_for) <= set(template.written_for) and set(own.locales) <= set(template.locales)


def _letter_url(head: CampaignHead, variant: str, locale: str | None = None) -> str:
    return url(f"/admin/campaigns/{head.id}/letter", variant=variant, letter=locale)
