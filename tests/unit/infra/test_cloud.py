from pathlib import Path

import pytest

from infra.local.children import Ports
from infra.local.cloud import LocalCloud


def test_nothing_of_the_callers_aws_reaches_the_local_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "https://elsewhere.example")
    cloud = LocalCloud(Ports(1, 2), state_dir=tmp_path, logs_dir=tmp_path)
    aws = {name: value for name, value in cloud.environment().items() if name.startswith("AWS_")}
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_SQS"} & set(aws)
    assert aws["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
