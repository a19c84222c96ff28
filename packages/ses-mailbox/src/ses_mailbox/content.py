"""What the reader of a letter sees: its parts, given as they are or filled from a template."""

from dataclasses import dataclass

from ses_mailbox.attached import check_attachments
from ses_mailbox.errors import bad_request
from ses_mailbox.shapes import Attachment, SimpleMessage, TemplateContent
from ses_mailbox.template_text import MissingVariableError, TemplateText


@dataclass(frozen=True)
class Written:
    """The parts that the reader sees; `failure` is set when a template could not be filled."""

    subject: str
    html: str
    text: str
    failure: str | None = None
    template: str | None = None
    attachments: tuple[Attachment, ...] = ()

    def size_bytes(self) -> int:
        """About what SES would count: the parts in UTF-8, the attachments in base64."""
        attached = sum(len(attachment.raw_content) for attachment in self.attachments)
        return len(self.html.encode()) + len(self.text.encode()) + len(self.subject.encode()) + attached * 4 // 3


class Filler:
    """A template whose parts are compiled once a call and filled once a recipient."""

    def __init__(self, content: TemplateContent, name: str | None, attachments: tuple[Attachment, ...]) -> None:
        self._subject = TemplateText(content.subject or "")
        self._html = TemplateText(content.html or "")
        self._text = TemplateText(content.text or "")
        self._name = name
        self._attachments = attachments
        check_attachments(attachments)

    def fill(self, data: dict[str, object]) -> Written:
        """The parts with their variables; a missing one is a failure of the letter, not of the call."""
        try:
            subject, html, text = self._subject.fill(data), self._html.fill(data), self._text.fill(data)
        except MissingVariableError as error:
            return self._failed(str(error))
        if "\n" in subject or "\r" in subject:
            return self._failed("The rendered subject contains a line break.")
        return Written(subject, html, text, template=self._name, attachments=self._attachments)

    def _failed(self, why: str) -> Written:
        return Written("", "", "", failure=why, template=self._name)


def written_simply(message: SimpleMessage) -> Written:
    """The parts of a simple message. Raises: SesError `BadRequestException`."""
    check_attachments(message.attachments)
    if message.body.html is None and message.body.text is None:
        raise bad_request("Body must have at least one of Html and Text")
    subject = message.subject.data
    if "\n" in subject or "\r" in subject:
        raise bad_request("Subject contains a line break")
    html, text = message.body.html, message.body.text
    return Written(subject, html.data if html else "", text.data if text else "", attachments=message.attachments)
