"""Turns a parsed SES call into letters, or refuses it as SES would. Its only input or output is the look-up of
stored templates."""

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ses_mailbox.clock import Clock, rfc3339
from ses_mailbox.content import Filler, Written, written_simply
from ses_mailbox.errors import SesError, bad_request, template_not_found
from ses_mailbox.letters import Letter
from ses_mailbox.raw import RawContent, read_raw
from ses_mailbox.rules import Account, bare_recipients, check_size, merged_headers, merged_tags
from ses_mailbox.shapes import (
    BulkEntry,
    Destination,
    Header,
    SendBulkEmail,
    SendEmail,
    Template,
    TemplateContent,
)
from ses_mailbox.template_text import template_data

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Envelope:
    """What a letter has beside its parts."""

    operation: str
    sender: str
    destination: Destination
    reply_to: Sequence[str]
    custom_headers: Pairs
    tags: dict[str, str]
    configuration_set: str | None


@dataclass(frozen=True)
class Composer:
    """Composes letters for one pretended account."""

    account: Account
    now: Clock
    stored_template: Callable[[str], TemplateContent | None]

    def single(self, call: SendEmail) -> Letter:
        """The letter of a SendEmail. Raises: SesError."""
        self.account.check_may_send("SendEmail", call.configuration_set_name)
        self.account.check_configuration_set(call.configuration_set_name)
        content = call.content
        if sum(part is not None for part in (content.simple, content.raw, content.template)) != 1:
            raise bad_request("Content must have exactly one of Simple, Raw and Template")
        if content.raw is not None:
            return self._raw(call, read_raw(content.raw.data))
        custom: Iterable[Header]
        if content.simple is not None:
            written, custom = written_simply(content.simple), content.simple.headers
        else:
            template = content.template or Template()
            written = self._filler(template).fill(template_data(template.template_data))
            custom = template.headers
        envelope = Envelope(
            operation="SendEmail",
            sender=self._sender(call.from_email_address),
            destination=call.destination,
            reply_to=call.reply_to_addresses,
            custom_headers=merged_headers(custom, ()),
            tags=merged_tags(call.email_tags),
            configuration_set=call.configuration_set_name,
        )
        return self._letter(envelope, written)

    def bulk(self, call: SendBulkEmail) -> Callable[[BulkEntry], Letter]:
        """Checks what the whole call shares, compiles its template, and gives a function that composes one entry's
        letter. Raises: SesError, now for the call and then for the entry."""
        self.account.check_may_send("SendBulkEmail", call.configuration_set_name)
        self.account.check_configuration_set(call.configuration_set_name)
        sender = self._sender(call.from_email_address)
        template = call.default_content.template
        filler = self._filler(template)
        defaults = template_data(template.template_data)

        def compose(entry: BulkEntry) -> Letter:
            replacement = entry.replacement_email_content.replacement_template.replacement_template_data
            envelope = Envelope(
                operation="SendBulkEmail",
                sender=sender,
                destination=entry.destination,
                reply_to=call.reply_to_addresses,
                custom_headers=merged_headers(template.headers, entry.replacement_headers),
                tags=merged_tags(call.default_email_tags, entry.replacement_tags),
                configuration_set=call.configuration_set_name,
            )
            return self._letter(envelope, filler.fill(defaults | template_data(replacement)))

        return compose

    def _sender(self, mailbox: str | None) -> str:
        self.account.check_sender(mailbox)
        return mailbox or ""

    def _filler(self, template: Template) -> Filler:
        if (template.template_name is None) == (template.template_content is None):
            raise bad_request("Template must have exactly one of TemplateName and TemplateContent")
        content = template.template_content
        if template.template_name is not None:
            content = self.stored_template(template.template_name)
        if content is None:
            raise template_not_found(template.template_name or "")
        return Filler(content, template.template_name, template.attachments)

    def _letter(self, envelope: Envelope, written: Written) -> Letter:
        recipients = bare_recipients(envelope.destination.everyone())
        self.account.check_recipients(recipients)
        check_size(written.size_bytes())
        moment, id_ = self.now(), message_id()
        return Letter(
            id=id_,
            at=rfc3339(moment),
            operation=envelope.operation,
            sender=envelope.sender,
            recipients=recipients,
            subject=written.subject,
            html=self.account.tracking(envelope.configuration_set).rewritten(written.html, id_),
            text=written.text,
            headers=_headers(envelope, written.subject),
            tags=envelope.tags,
            configuration_set=envelope.configuration_set,
            failure=written.failure,
            template=written.template,
            attachments=written.attachments,
        )

    def _raw(self, call: SendEmail, content: RawContent) -> Letter:
        check_size(len(content.source))
        configuration_set = call.configuration_set_name or content.configuration_set
        self.account.check_configuration_set(configuration_set)
        return Letter(
            id=message_id(),
            at=rfc3339(self.now()),
            operation="SendEmail",
            sender=self._sender(call.from_email_address or content.sender),
            recipients=bare_recipients(call.everyone() or content.recipients),
            subject=content.subject,
            html=content.html,
            text=content.text,
            headers=content.headers,
            tags=content.tags | merged_tags(call.email_tags),
            configuration_set=configuration_set,
            raw=content.source,
        )


def message_id() -> str:
    """A fresh id that looks like SES's."""
    unique = uuid.uuid4()
    return f"{unique.fields[0]:016x}-{unique}-000000"


def _headers(envelope: Envelope, subject: str) -> Pairs:
    standard = (
        ("From", envelope.sender),
        ("To", ", ".join(envelope.destination.to_addresses)),
        ("Cc", ", ".join(envelope.destination.cc_addresses)),
        ("Reply-To", ", ".join(envelope.reply_to)),
        ("Subject", subject),
    )
    return (*(pair for pair in standard if pair[1]), *envelope.custom_headers)


def entry_result(letter: Letter) -> dict[str, str]:
    """The `BulkEmailEntryResult` of an accepted entry."""
    return {"Status": "SUCCESS", "MessageId": letter.id}


def entry_refusal(error: SesError) -> dict[str, str]:
    """The `BulkEmailEntryResult` of a refused entry."""
    return {"Status": error.entry_status, "Error": error.message}
