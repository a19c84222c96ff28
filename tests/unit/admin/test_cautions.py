"""What a manager is told before a campaign starts although nothing forbids it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.admin.campaigns import LONG, MANY, cautions
from chalicelib.admin.templating import words
from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.preview import AudienceCount
from chalicelib.campaigns.reader_languages import ReaderLanguage

AT = datetime(2026, 11, 26, 12, tzinfo=UTC)


def told(
    *,
    recipients: int = 90,
    final: int = 60,
    eta_seconds: int = 60,
    cut_off: bool = False,
    languages: Sequence[ReaderLanguage] = (),
    **spec: Any,
) -> list[str]:
    counts: Mapping[str, int] = {"recipients": recipients, "final": final}
    campaign = Campaign.model_validate({"name": "n", "template": "promo", "audience": {"everyone": True}, **spec})
    look = AudienceCount(counts, (), None, eta_seconds, (), ("email",), languages=languages)
    return list(cautions(campaign, look, at=AT, email_is_cut_off=cut_off))


def test_an_ordinary_campaign_is_told_nothing() -> None:
    assert told() == []


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"final": 59}, "many_left_out"),
        ({"eta_seconds": int(LONG.total_seconds()) + 1}, "long"),
        ({"recipients": MANY, "final": MANY}, "no_canary"),
        ({"start_at": AT - timedelta(minutes=1)}, "past"),
        ({"cut_off": True}, "cut_off"),
        ({"languages": [ReaderLanguage("de", 5, has_content=False, used="ru")]}, "untranslated"),
    ],
)
def test_each_caution_has_its_reason_and_its_words(changes: dict[str, Any], word: str) -> None:
    assert told(**changes) == [word]
    assert word in words("en")["check"]["warnings"]


def test_a_decision_about_languages_calms() -> None:
    german = [ReaderLanguage("de", 5, has_content=False, used=None)]
    assert told(languages=german, untranslated="skip") == []


def test_a_canary_calms() -> None:
    assert told(recipients=MANY, final=MANY, canary_percent=5) == []
