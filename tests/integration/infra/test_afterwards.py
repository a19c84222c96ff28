"""A deployment whose stage does not work ends badly, with the way back."""

import subprocess
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from infra.account import Account
from infra.afterwards import afterwards
from infra.sender import waits_for_ses
from infra.stacks import DeployError
from infra.stage_config import StageConfig
from tests.integration.conftest import moto_of

NOBODY = "127.0.0.1:9"
TOKENS = ("first", "second", "third")  # moto gives none


def test_a_stage_that_does_not_answer_fails_the_deployment_and_the_way_back_is_told(
    account: Account, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", str(account.endpoint_url))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("VESTNIK_PUBLIC_URL", f"http://{NOBODY}")
    monkeypatch.setenv("VESTNIK_LIVE_URL", f"ws://{NOBODY}")
    with pytest.raises(DeployError) as failed:
        afterwards(account, "local")
    assert "local is deployed, and smoke found something wrong" in str(failed.value)
    assert "git switch --detach <the commit before> && make deploy STAGE=local" in str(failed.value)
    assert capfd.readouterr().out.count("DOES NOT WORK") == 4


@pytest.fixture
def ses(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An account of moto's, with nothing in it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        yield boto3.client("sesv2")


def says(monkeypatch: pytest.MonkeyPatch, **own: Any) -> None:
    limits = {"requests_per_second": 1, "page_requests_per_second": 1}
    variables = {"VESTNIK_MAIL_FROM": "Cinema <news@kino.example>"}
    config = StageConfig.model_validate({**limits, "environment_variables": variables, **own})
    monkeypatch.setattr("infra.sender.stage_config", lambda _stage: config)


def has_status(status: str, *, verified: bool = False) -> None:
    identity = moto_of("sesv2").core_backend.email_identities["kino.example"]
    identity.verification_status, identity.verified_for_sending_status = status, verified
    identity.dkim_attributes["Tokens"] = list(TOKENS)


def test_a_sender_that_is_not_verified_yet_is_expected_and_its_records_are_told(
    ses: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(monkeypatch, make_identity=True, mail_from_domain="bounce.kino.example")
    ses.create_email_identity(EmailIdentity="kino.example")
    has_status("PENDING")
    told = waits_for_ses(Account(), "prod")
    assert told.startswith("prod is deployed. SES has not verified kino.example yet, which")
    assert "this command ends with 1" in told
    for token in TOKENS:
        assert f"\n    {token}._domainkey.kino.example CNAME {token}.dkim.amazonses.com\n" in told
    assert "\n    bounce.kino.example MX 10 feedback-smtp.eu-central-1.amazonses.com\n" in told
    assert "make doctor STAGE=prod" in told


def test_in_a_hosted_zone_there_is_nothing_to_enter(ses: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, make_identity=True, domain="notify.kino.example", hosted_zone_id="Z1")
    ses.create_email_identity(EmailIdentity="kino.example")
    has_status("PENDING")
    told = waits_for_ses(Account(), "prod")
    assert "do: wait: its records are in the hosted zone" in told
    assert "CNAME" not in told


@pytest.mark.parametrize(("status", "verified"), [("SUCCESS", True), ("FAILED", False)])
def test_of_what_is_verified_or_given_up_nothing_is_expected(
    ses: Any, monkeypatch: pytest.MonkeyPatch, status: str, verified: bool
) -> None:
    says(monkeypatch, make_identity=True)
    ses.create_email_identity(EmailIdentity="kino.example")
    has_status(status, verified=verified)
    assert waits_for_ses(Account(), "prod") == ""


def test_the_deployment_ends_with_these_words_and_with_1(ses: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not with the way back: nothing is wrong with the release."""
    says(monkeypatch)
    monkeypatch.setattr("infra.afterwards.protect", lambda *_: None)
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 1))
    with pytest.raises(DeployError) as ended:
        afterwards(Account(), "prod")
    assert str(ended.value).startswith("prod is deployed. SES knows no identity kino.example in eu-central-1")
    assert '"make_identity": true' in str(ended.value)
    assert "git switch" not in str(ended.value)
