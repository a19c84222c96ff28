"""A walk over everything that makes a campaign's letter: each changes what is approved, or is left out for a reason."""

from datetime import UTC, datetime
from inspect import signature
from typing import Any

import pytest

from chalicelib.campaigns.letter_inputs import STAGE_INPUTS, STAGE_LEFT_OUT, LetterInputs, differences
from chalicelib.campaigns.model import Campaign
from chalicelib.configuration.letter_settings import SITE_INPUTS, SITE_LEFT_OUT, site_tag
from chalicelib.configuration.setting_shapes import Legal, Logo, Sender
from chalicelib.configuration.site_values import SiteValues
from chalicelib.etags import tag_of
from chalicelib.pipeline.jobs import LetterSpec
from chalicelib.rendering.model import Action, ActionKind, Sample, Template
from chalicelib.rendering.render import Renderer
from chalicelib.settings import Settings, settings
from chalicelib.stage.app import Stage
from tests.integration.campaigns.conftest import CONTEXT, Desk

OTHER_CAMPAIGN: dict[str, Any] = {
    "name": "Another",
    "note": "For the premiere",
    "template": "birthday",
    "category": "digest",
    "channels": ["live"],
    "audience": {"rule": {"attribute": "locale", "op": "equals", "value": "ru"}},
    "context": {**CONTEXT, "headline": "Another"},
    "translations": {"en": {"headline": "Another"}},
    "attachments": [
        {
            "file": "0d2b0c56-5a0b-4c3e-9a55-0c1d2e3f4a5b",
            "name": "a.pdf",
            "kept": {"key": "campaigns/0d2b0c56-5a0b-4c3e-9a55-0c1d2e3f4a5b", "size": 7},
        }
    ],
    "content": {"url": "https://cinema.example/more", "name": "more"},
    "rate_per_second": 9,
    "publish_per_second": 9,
    "start_at": datetime(2026, 5, 1, tzinfo=UTC),
    "schedule": {"every": "day", "at": "18:00"},
    "misfire": "all",
    "timezone": "Asia/Tokyo",
    "best_hour": True,
    "expires_after_hours": 5,
    "locale": "en",
    "untranslated": "skip",
    "canary_percent": 7,
    "experiment": {"variants": [{}, {"subject": "Another"}]},
    "track_clicks": False,
    "utm": False,
    "utm_source": "partner",
    "utm_medium": "letter",
    "utm_campaign": "{date}",
}
OTHER_SITE: dict[str, Any] = {
    "sender": Sender(name="Another", address="news@cinema.example"),
    "senders": {"marketing": Sender(name="Marketing", address="offers@cinema.example")},
    "mail_domain": "other.example",
    "site_host": "other.example",
    "allowed_hosts": frozenset({"tv.example"}),
    "redirect_url": "https://cinema.example/other",
    "link_days": {"short": 1, "confirmation": 1},
    "letter_links": {"clicks": False},
    "caps": {"marketing": {"letters": 1, "days": 1}},
    "legal": {"en": Legal(company="Another Ltd")},
    "logo": Logo(url="https://cinema.example/logo.png"),
    "age_mark": "18+",
}
OTHER_TEMPLATE: dict[str, Any] = {
    "title": "Another",
    "category": "digest",
    "channels": ("email", "live"),
    "extra_channels": (),
    "default_locale": "ru",
    "variables": {},
    "sample": Sample(context={"headline": "Another"}),
    "nothing_without": ("headline",),
    "action": Action(kind=ActionKind.VIEW, name="See", url="url"),
    "locales": {"en": {"email.html": "<p>Another</p>"}, "ru": {"email.html": "<p>Иное</p>"}},
    "documents": {"en": {"subject": "Another", "blocks": [{"kind": "text", "text": "Another"}]}},
}

# Where each part of a letter comes from: an input by its name, or a reason why it is none.
OF_THE_LETTER = {
    "template": "template",
    "template_version": "template_version",
    "layout": "layout",
    "category": "route",
    "lane": None,  # always the same
    "context": "context",
    "request_id": None,  # a name of the run
    "accepted_at": None,  # when the run began
    "expires_at": "expires_after_hours",
    "campaign_id": None,  # a name
    "run_id": None,
    "content": "content",
    "stop_when": None,  # of events' letters
    "inside": None,  # of collected letters
    "homes": None,  # where it is stored
    "of_directory": "list",  # its audience
    "service": None,  # who may look at it
    "route": "route",
    "locale": "locale",
    "languages": "translations",
    "attachments": "attachments",
    "variant": "experiment",
    "campaign_name": "name",
    "track_clicks": "track_clicks",
    "utm": "utm",
}
OF_THE_RENDERING = {
    "self": "site_name",
    "template": "template_version",
    "layout": "layout",
    "channel": "route",
    "categories": "category",
    "locale": "default_locale",
    "context": "context",
    "user": None,  # the reader's own
    "service": "public_url",
    "links": "public_url",
    "shorten": "allowed_hosts",
    "subject": "experiment",
}


def inputs_of(spec: Campaign, stage: Settings | None = None) -> dict[str, Any]:
    made = LetterInputs(
        templates=Stage.own().templates,
        site=Stage.own().site_settings,
        lists=Stage.own().lists,
        segments=Stage.own().sources.resolved,
        stage=stage or settings(),
    )
    return made.of(spec, fresh=True)


def test_the_walk_misses_nothing() -> None:
    """Promise B2: a new field or setting is decided about, or this fails."""
    assert set(OTHER_CAMPAIGN) == set(Campaign.model_fields)
    assert set(OTHER_TEMPLATE) == set(Template.model_fields) - {"key", "version", "hides"}
    assert {*OTHER_SITE, *SITE_LEFT_OUT} == {*SITE_INPUTS, *SITE_LEFT_OUT} == set(SiteValues.model_fields)
    assert {*STAGE_INPUTS, *STAGE_LEFT_OUT} == set(Settings.model_fields)
    assert not {*SITE_INPUTS} & {*SITE_LEFT_OUT} | {*STAGE_INPUTS} & {*STAGE_LEFT_OUT}
    assert all({**SITE_LEFT_OUT, **STAGE_LEFT_OUT}.values())


def test_every_part_of_a_letter_is_an_input(desk: Desk) -> None:
    assert set(OF_THE_LETTER) == set(LetterSpec.model_fields)
    assert set(OF_THE_RENDERING) == set(signature(Renderer.render).parameters)
    named = {name for name in (*OF_THE_LETTER.values(), *OF_THE_RENDERING.values()) if name}
    assert named <= set(inputs_of(desk.spec()))


@pytest.mark.parametrize("name", OTHER_CAMPAIGN)
def test_every_field_of_a_campaign_is_approved(desk: Desk, name: str) -> None:
    """Promise B2: an approval is of the whole campaign."""
    spec = desk.spec()
    other = Campaign.model_validate({**spec.model_dump(by_alias=True), name: OTHER_CAMPAIGN[name]})
    before, now = inputs_of(spec), inputs_of(other)

    assert tag_of(before) != tag_of(now)
    assert name in {one.field.partition(".")[0] for one in differences(before, now)}


@pytest.mark.parametrize("name", SITE_INPUTS)
def test_every_setting_that_makes_a_letter_is_approved(desk: Desk, name: str) -> None:
    """Promise B2: an approval is of the settings too."""
    values = Stage.own().site_settings.current()
    assert site_tag(values.model_copy(update={name: OTHER_SITE[name]})) != site_tag(values)


@pytest.mark.parametrize("name", STAGE_INPUTS)
def test_every_setting_of_the_stage_that_makes_a_letter_is_approved(desk: Desk, name: str) -> None:
    other = settings().model_copy(update={name: f"{getattr(settings(), name)}-other"})
    assert tag_of(inputs_of(desk.spec(), other)) != tag_of(inputs_of(desk.spec()))


@pytest.mark.parametrize("name", OTHER_TEMPLATE)
def test_every_field_of_a_template_is_approved(desk: Desk, name: str) -> None:
    """Promise B2: whatever is saved of a template is another version, and an approval is of one."""
    template = Stage.own().templates.get("promo")
    before = inputs_of(desk.spec())
    Stage.own().templates.add(template.model_copy(update={name: OTHER_TEMPLATE[name]}), by="test")

    assert "template_version" in {one.field for one in differences(before, inputs_of(desk.spec()))}


def test_every_template_of_a_variant_is_approved_in_its_version(desk: Desk) -> None:
    promo = Stage.own().templates.get("promo")
    Stage.own().templates.add(promo.model_copy(update={"key": "rival"}), by="test")
    spec = desk.spec(experiment={"variants": [{}, {"template": "rival"}]})
    before = inputs_of(spec)
    Stage.own().templates.add(promo.model_copy(update={"key": "rival", "title": "Another"}), by="test")

    assert [one.field for one in differences(before, inputs_of(spec))] == ["variant_templates.rival"]


def test_a_list_of_as_many_others_is_another_list(desk: Desk) -> None:
    lists = [desk.load_list(f"email\n{one}@example.com\n".encode()) for one in ("anna", "anja")]
    first, second = (inputs_of(desk.spec(audience={"list_id": one}))["list"] for one in lists)

    assert (first["rows"], second["rows"]) == (1, 1)
    assert first != second


def test_the_same_inputs_have_the_same_tag_in_any_order(desk: Desk) -> None:
    before = inputs_of(desk.spec())
    assert tag_of(dict(reversed(before.items()))) == tag_of(before) == tag_of(inputs_of(desk.spec()))
