"""The mailbox's README names everything that there is, so that it can be trusted as the reference."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from botocore.model import StringShape
from botocore.session import Session
from starlette.applications import Starlette
from starlette.routing import Route

from ses_mailbox.app import MailboxOptions, create_app
from ses_mailbox.errors import SES_CODES, SesError
from ses_mailbox.faults import Fault, Kind

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_fault_is_described(kind: str) -> None:
    assert f"`{kind}`" in README


@pytest.mark.parametrize("field", Fault.model_fields)
def test_every_member_of_a_fault_is_described(field: str) -> None:
    assert f'"{field}"' in README


def test_every_option_of_the_command_line_is_described() -> None:
    command = [sys.executable, "-m", "ses_mailbox", "--help"]
    help_text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    options = {word.strip("[],") for word in help_text.split() if word.startswith(("--", "[--"))} - {"--help", "--host"}
    assert {option for option in options if f"`{option}" not in README} == set()
    assert "--port" in options


async def served(app: Starlette) -> None:
    """From its start to its end, at which it closes its file."""
    async with app.router.lifespan_context(app):
        pass


def test_every_path_of_the_json_interface_is_described(tmp_path: Path) -> None:
    app = create_app(MailboxOptions(data=tmp_path))
    asyncio.run(served(app))
    paths = {route.path for route in app.routes if isinstance(route, Route) and route.path.startswith("/api/")}
    last_parts = {path.replace(":int", "").split("/")[-1] for path in paths}
    assert {part for part in last_parts if part not in README} == set()
    assert "source" in last_parts


@pytest.mark.parametrize("code", sorted(SES_CODES))
def test_every_code_has_the_status_of_one_entry_that_boto3_knows(code: str) -> None:
    shape = Session().get_service_model("sesv2").shape_for("BulkEmailStatus")
    assert isinstance(shape, StringShape)
    assert SesError(code, "x").entry_status in shape.enum


@pytest.mark.parametrize("code", sorted(SES_CODES - {"AccessDeniedException"}))  # IAM's, of no model
def test_every_code_has_the_http_status_of_the_service_model(code: str) -> None:
    shape = Session().get_service_model("sesv2").shape_for(code)
    assert SesError(code, "x").http_status == shape.metadata["error"]["httpStatusCode"]
