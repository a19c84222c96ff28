"""The mailbox and the emulator's own SES answer the same calls in the same shape, so that either may stand for SES."""

import json
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from ses_mailbox.client import ses_client
from ses_mailbox.process import running

from tests.ministack import ministack

if TYPE_CHECKING:
    from mypy_boto3_sesv2.client import SESV2Client
    from mypy_boto3_sesv2.type_defs import (
        BulkEmailEntryTypeDef,
        DestinationTypeDef,
        EmailContentTypeDef,
        EmailTemplateContentTypeDef,
        TemplateTypeDef,
    )

SENDER = "news@cinema.example"
READER: "DestinationTypeDef" = {"ToAddresses": ["anna@example.com"]}
CONTENT: "EmailTemplateContentTypeDef" = {"Subject": "Hi {{name}}", "Html": "<p>{{name}}</p>", "Text": "{{name}}"}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple["SESV2Client", "SESV2Client"]]:
    data: Path = tmp_path_factory.mktemp("mailbox")
    with ministack() as emulator_url, running(data, ["--verified", SENDER]) as mailbox_url:
        emulator, mailbox = ses_client(emulator_url), ses_client(mailbox_url)
        emulator.create_email_identity(EmailIdentity=SENDER)
        yield mailbox, emulator


def _raw() -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, "anna@example.com", "Raw"
    message.set_content("text")
    return message.as_bytes()


def _single(content: "EmailContentTypeDef") -> Callable[["SESV2Client"], Any]:
    return lambda ses: ses.send_email(FromEmailAddress=SENDER, Destination=READER, Content=content)


def _bulk(template: "TemplateTypeDef") -> Callable[["SESV2Client"], Any]:
    entry: BulkEmailEntryTypeDef = {
        "Destination": READER,
        "ReplacementEmailContent": {
            "ReplacementTemplate": {"ReplacementTemplateData": json.dumps({"name": "Anna"})},
        },
    }
    return lambda ses: ses.send_bulk_email(
        FromEmailAddress=SENDER,
        DefaultContent={"Template": {"TemplateData": "{}", **template}},
        BulkEmailEntries=[entry] * 3,
    )


CALLS: dict[str, Callable[["SESV2Client"], Any]] = {
    "simple": _single({"Simple": {"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "text"}}}}),
    "raw": _single({"Raw": {"Data": _raw()}}),
    "inline template": _single({"Template": {"TemplateContent": CONTENT, "TemplateData": '{"name": "Anna"}'}}),
    "unknown template": _single({"Template": {"TemplateName": "none", "TemplateData": "{}"}}),
    "template without a name": _single({"Template": {"TemplateData": "{}"}}),
    "bulk, inline": _bulk({"TemplateContent": CONTENT}),
    "bulk, unknown template": _bulk({"TemplateName": "none"}),
    "account": lambda ses: ses.get_account(),
    "create a template": lambda ses: ses.create_email_template(TemplateName="hi", TemplateContent=CONTENT),
    "create it again": lambda ses: ses.create_email_template(TemplateName="hi", TemplateContent=CONTENT),
    "get the template": lambda ses: ses.get_email_template(TemplateName="hi"),
    "bulk, stored template": _bulk({"TemplateName": "hi"}),
    "delete the template": lambda ses: ses.delete_email_template(TemplateName="hi"),
    "get what was deleted": lambda ses: ses.get_email_template(TemplateName="hi"),
}


def _shape(answer: object) -> object:
    """The names and types of an answer, without its values and without what only transports it."""
    if isinstance(answer, dict):
        return {name: _shape(value) for name, value in answer.items() if name not in {"ResponseMetadata", "Tags"}}
    if isinstance(answer, list):
        return [_shape(value) for value in answer]
    return type(answer).__name__


def _outcome(call: Callable[["SESV2Client"], Any], ses: "SESV2Client") -> tuple[int, object]:
    try:
        answer = call(ses)
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    return answer["ResponseMetadata"]["HTTPStatusCode"], _shape(answer)


def test_the_mailbox_answers_every_call_as_the_emulator_does(both: tuple["SESV2Client", "SESV2Client"]) -> None:
    mailbox, emulator = both
    # In order: the calls on the stored template build on each other.
    answers = {name: (_outcome(call, mailbox), _outcome(call, emulator)) for name, call in CALLS.items()}
    assert {name: mine for name, (mine, _) in answers.items()} == {name: its for name, (_, its) in answers.items()}


@pytest.mark.parametrize("call", ["simple", "raw", "inline template", "bulk, inline"])
def test_what_both_accept_is_really_accepted(both: tuple["SESV2Client", "SESV2Client"], call: str) -> None:
    assert [_outcome(CALLS[call], ses)[0] for ses in both] == [200, 200]
