"""What has been done stays done, whatever becomes of the words about it."""

from collections.abc import Iterator
from typing import Any

import pytest
from aws_lambda_powertools.metrics import SchemaValidationError
from pydantic import ValidationError

from chalicelib.accounts.managers import Role
from chalicelib.api.answers import ApiAnswer
from chalicelib.api.endpoint import forbid_drift, projected
from chalicelib.observability import Line, aside, metrics, write_line
from chalicelib.storage.dynamodb import dynamodb
from tests.integration.admin.conftest import signed_in
from tests.integration.api.gateway import Gateway
from tests.integration.faults import unreachable
from tests.processes import forget_log


class Film(ApiAnswer):
    """An answer."""

    title: str
    minutes: int | None


class Evening(ApiAnswer):
    """An answer in which there are others."""

    films: list[Film]
    at: str


@pytest.fixture
def in_production() -> Iterator[None]:
    forbid_drift(forbidden=False)
    yield
    forbid_drift()


DRIFTED: dict[str, Any] = {
    "films": [{"title": "Low Water", "minutes": 90, "target": "s3://x"}],
    "at": "8",
    "owner": "a",
}


@pytest.mark.usefixtures("in_production")
def test_a_field_that_is_not_declared_is_left_out_at_every_depth() -> None:
    """Promise G2: a word more of the domain fails no call; it is not answered either."""
    for lenient in (True, False):
        answer = projected(DRIFTED, Evening, lenient=lenient)
        assert answer.model_dump() == {"films": [{"title": "Low Water", "minutes": 90}], "at": "8"}


@pytest.mark.usefixtures("in_production")
def test_after_an_effect_a_field_of_another_kind_is_null_and_the_rest_is_told() -> None:
    """Promise G2: what was done is answered as done."""
    answer = projected({**DRIFTED, "at": object()}, Evening, lenient=True)

    assert answer.model_dump_json(warnings="none") == '{"films":[{"title":"Low Water","minutes":90}],"at":null}'
    with pytest.raises(ValidationError):
        projected({"at": "8"}, Evening, lenient=False)


def test_the_tests_take_drift_for_a_mistake(stage: None) -> None:
    """Promise G2: every call that a test makes is checked against its declaration."""
    with pytest.raises(ValidationError):
        projected(DRIFTED, Evening, lenient=True)
    with pytest.raises(ValidationError):
        projected({"films": []}, Evening, lenient=True)


def test_a_line_of_the_log_that_cannot_be_written_fails_no_call(api: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise G2: nor do metrics."""
    monkeypatch.delenv("POWERTOOLS_METRICS_NAMESPACE")  # without it Powertools refuses to write metrics
    forget_log()
    metrics().add_metric(name="X", unit="Count", value=1)
    with pytest.raises(SchemaValidationError):
        metrics().flush_metrics()

    assert api.put("/v1/users/anna", {"email": "anna@example.com"}).status == 200
    write_line("api", [Line(counts={"x": 1})])
    forget_log()


def test_what_is_aside_fails_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with aside("notice"):
        raise ValueError("anna@example.com")

    assert "anna@" not in capsys.readouterr().out


def test_an_action_whose_end_in_the_audit_is_lost_has_been_done(stage: None) -> None:
    """Promise G2: the page says that it was done, and the audit that nobody knows what came of it."""
    boss = signed_in("boss", *Role)

    def no_end(request: Any, **rest: Any) -> None:
        if b"vestnik-test-audit" in request.body and b"#end" in request.body:
            unreachable(**rest)

    dynamodb().client.meta.events.register_first("before-send.dynamodb.*", no_end)
    seen = boss.post("/admin/suppressions", address="anna@example.com")

    assert (seen.status, seen.said is not None) == (303, True)
    assert "anna@example.com" in boss.get("/admin/suppressions").text
    assert "outcome unknown" in boss.get("/admin/audit?did=suppression.add").text
