"""E-mail through SES v2: one letter by SendEmail, up to 50 by SendBulkEmail.

The client's own retries must be off: with boto3's default a letter whose reply is lost is accepted up to three times.
SES has no idempotency token, so what is unknown stays unknown (Verdict.UNKNOWN).
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, NamedTuple, cast

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.addresses import header_mailbox
from chalicelib.channels.aws_errors import named_outcome, outcome_of
from chalicelib.channels.port import ChannelParts, Message, Outcome, Verdict, accepted, send_alone
from chalicelib.channels.providers.ses_answers import answer_of
from chalicelib.channels.providers.ses_attachments import alike, as_attachments, files_of
from chalicelib.channels.shared_lines import share
from chalicelib.reasons import Reason

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sesv2.type_defs import (
        BulkEmailEntryResultTypeDef,
        BulkEmailEntryTypeDef,
        EmailTemplateContentTypeDef,
        MessageHeaderTypeDef,
        MessageTagTypeDef,
    )

BULK_ENTRIES = 50  # SES v2: entries in one SendBulkEmail
_REPLACEMENT_CHARACTERS = 262_144  # SES v2: ReplacementTemplateData; a letter that may need more is sent singly
_PARTS = {"Subject": "subject", "Html": "html", "Text": "text"}


class EmailSender(NamedTuple):
    """The sender of letters; without `reply_to` answers go there too."""

    name: str
    address: str
    reply_to: str = ""

    @property
    def header(self) -> str:
        """As SES takes it."""
        return header_mailbox(self.name, self.address)


class EmailChannel:
    """`sender` says whom letters of a category are from. `untracked` is the base of our own pages, which SES must not
    lead readers to through its redirects where it tracks mailings: their visits are counted here, and confirm or end
    something."""

    name = "email"
    batch_size = BULK_ENTRIES

    def __init__(
        self,
        client: "SESV2Client",
        *,
        sender: Callable[[str], EmailSender],
        configuration_set: str,
        mailings_set: str,
        untracked: str = "",
    ) -> None:
        self._client = client
        self._sender = sender
        self._configuration_sets = {True: configuration_set, False: mailings_set}
        self._untracked = _links_to(untracked) if untracked else None

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """See `Channel.send`."""
        messages = [self._with_own_links(message) for message in messages]
        outcomes: dict[int, Outcome] = {}
        for places in alike(messages):
            outcomes |= zip(places, self._send_alike([messages[n] for n in places]), strict=True)
        return [outcomes[n] for n in range(len(messages))]

    def _send_alike(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        if len(messages) < 2:
            return self._one_by_one(messages)
        body, replacements = _shared(messages)
        if max(map(len, replacements)) > _REPLACEMENT_CHARACTERS:
            return self._one_by_one(messages)
        return self._send_many(messages, body, replacements)

    def _with_own_links(self, message: Message) -> Message:
        if message.transactional or self._untracked is None:
            return message
        html = self._untracked.sub("<a ses:no-track", message.parts["html"])
        return message._replace(parts={**message.parts, "html": html})

    def _one_by_one(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        return [send_alone(self._send_one, message) for message in messages]

    def _send_one(self, message: Message) -> Outcome:
        sender = self._sender(message.category)
        try:
            answer = self._client.send_email(
                FromEmailAddress=sender.header,
                ReplyToAddresses=_reply_to(sender),
                Destination={"ToAddresses": [message.address]},
                Content={
                    "Simple": {
                        "Subject": {"Data": message.parts["subject"], "Charset": "UTF-8"},
                        "Body": {
                            "Html": {"Data": message.parts["html"], "Charset": "UTF-8"},
                            "Text": {"Data": message.parts["text"], "Charset": "UTF-8"},
                        },
                        "Headers": _headers(message.headers),
                        "Attachments": as_attachments(files_of(message)),
                    }
                },
                EmailTags=_tags(message),
                ConfigurationSetName=self._configuration_sets[message.transactional],
            )
        except (ClientError, BotoCoreError) as error:
            return _outcome_of(error, sender)
        return accepted(answer.get("MessageId"))

    def _send_many(
        self, messages: Sequence[Message], body: "EmailTemplateContentTypeDef", replacements: Sequence[str]
    ) -> Sequence[Outcome]:
        entries: list[BulkEmailEntryTypeDef] = [
            {
                "Destination": {"ToAddresses": [message.address]},
                "ReplacementTags": _tags(message),
                "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": replacement}},
                "ReplacementHeaders": _headers(message.headers),
            }
            for message, replacement in zip(messages, replacements, strict=True)
        ]
        sender = self._sender(messages[0].category)  # of a job, which has one category
        try:
            answer = self._client.send_bulk_email(
                FromEmailAddress=sender.header,
                ReplyToAddresses=_reply_to(sender),
                DefaultContent={
                    "Template": {
                        "TemplateContent": body,
                        "TemplateData": "{}",
                        "Attachments": as_attachments(files_of(messages[0])),
                    }
                },
                BulkEmailEntries=entries,
                ConfigurationSetName=self._configuration_sets[messages[0].transactional],
            )
        except (ClientError, BotoCoreError) as error:
            outcome = _outcome_of(error, sender)
            if outcome.verdict is Verdict.REFUSED or outcome.reason == Reason.UNCLEAR:
                # Nothing was sent, and one entry may be the cause: the others must not pay for it.
                return self._one_by_one(messages)
            return [outcome] * len(messages)
        except UnicodeEncodeError:  # no call was made: one of them holds a lone surrogate
            return self._one_by_one(messages)
        results = answer.get("BulkEmailEntryResults", [])
        if len(results) != len(messages):
            return [Outcome(Verdict.UNKNOWN, reason=Reason.REPLY_LOST)] * len(messages)
        return [_entry_outcome(result, sender) for result in results]


def make(parts: ChannelParts) -> EmailChannel:
    settings = parts.settings
    return EmailChannel(
        parts.ses,
        sender=lambda category: EmailSender(**parts.site_settings.current().sender_of(category).model_dump()),
        configuration_set=settings.configuration_set,
        mailings_set=settings.mailings_set,
        untracked=settings.public_url if settings.tracking_domain else "",
    )


def _links_to(base: str) -> re.Pattern[str]:
    """The beginning of each link to one of our pages. SES removes `ses:no-track` (SES developer guide, "Email sending
    metrics FAQs")."""
    own = re.escape(escape(base))
    return re.compile(rf"""<a(?=\s[^>]*?\bhref\s*=\s*["']{own}(?:[/?#"']))""", re.IGNORECASE)


def _reply_to(sender: EmailSender) -> list[str]:
    return [sender.reply_to] if sender.reply_to else []


def _shared(messages: Sequence[Message]) -> "tuple[EmailTemplateContentTypeDef, list[str]]":
    """The template of a bulk send, and each letter's own data for it."""
    body: dict[str, str] = {}
    own: list[dict[str, str]] = [{} for _ in messages]
    for field, part in _PARTS.items():
        body[field], values = share([message.parts[part] for message in messages], name=part)
        for data, more in zip(own, values, strict=True):
            data |= more
    return cast("EmailTemplateContentTypeDef", body), [json.dumps(data, ensure_ascii=False) for data in own]


def _headers(headers: Mapping[str, str]) -> "list[MessageHeaderTypeDef]":
    return [{"Name": name, "Value": value} for name, value in headers.items()]


def _tags(message: Message) -> "list[MessageTagTypeDef]":
    """With what SES puts into a mailing's Feedback-ID, by which Gmail's Postmaster Tools count complaints (SES
    developer guide, "Fine-grained feedback for email campaigns")."""
    tags = dict(message.tags)
    if not message.transactional and message.category:
        tags["ses:feedback-id-a"] = tags.get("campaign") or tags.get("template", "none")
        tags["ses:feedback-id-b"] = message.category
    return [{"Name": name, "Value": value} for name, value in tags.items()]


def _entry_outcome(result: "BulkEmailEntryResultTypeDef", sender: EmailSender) -> Outcome:
    status = result.get("Status", "")
    if status == "SUCCESS":
        return accepted(result.get("MessageId"))
    return _named_outcome(status, result.get("Error", ""), sender)


def _outcome_of(error: ClientError | BotoCoreError, sender: EmailSender) -> Outcome:
    outcome = outcome_of(error, refusals={})
    if outcome.verdict is Verdict.NOT_ACCEPTED and isinstance(error, ClientError):
        fault = error.response.get("Error", {})
        return _named_outcome(fault.get("Code", ""), fault.get("Message", ""), sender)
    return outcome


def _named_outcome(name: str, text: str, sender: EmailSender) -> Outcome:
    return answer_of(name, text, sender=sender.address) or named_outcome(name, refusals={})
