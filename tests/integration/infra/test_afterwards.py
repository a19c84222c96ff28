"""A deployment whose stage does not work ends badly, with the way back."""

import pytest

from infra.account import Account
from infra.afterwards import afterwards
from infra.stacks import DeployError

NOBODY = "127.0.0.1:9"


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
