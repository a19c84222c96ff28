"""What SES v2 is asked: pydantic shapes named as in botocore's service model of `sesv2`.

Unlike SES, an unknown or unsupported member is refused: a test that leans on it should fail here, not in production.
"""

from typing import Annotated, Literal, Self, TypeVar

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_pascal

from ses_mailbox.errors import SesError, bad_request

MAX_HEADERS = 15
MAX_HEADER = 996  # botocore, MessageHeader: its name and value together
MAX_TEMPLATE_DATA_CHARS = 262_144


class Shape(BaseModel):
    """A structure of the API: members are spelt `LikeThis` on the wire."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_pascal, populate_by_name=True)


TemplateData = Annotated[str, Field(max_length=MAX_TEMPLATE_DATA_CHARS)]
TagText = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+\z", max_length=256)]
# Those two become part of Feedback-ID (developer guide, "Fine-grained feedback for email campaigns").
TagName = Annotated[str, Field(pattern=r"^([A-Za-z0-9_-]+|ses:feedback-id-[ab])\z", max_length=256)]


class Header(Shape):
    name: str = Field(min_length=1, max_length=126, pattern=r"^[!-9;-@A-~]+\z")
    value: str = Field(min_length=1, max_length=995, pattern=r"^[ -~]*\z")

    @model_validator(mode="after")
    def _fits_a_line(self) -> Self:
        if len(self.name) + len(self.value) > MAX_HEADER:
            raise ValueError(f"the combined length of name and value must not exceed {MAX_HEADER}")
        return self


class Tag(Shape):
    name: TagName
    value: TagText


Headers = Annotated[tuple[Header, ...], Field(max_length=MAX_HEADERS)]


class Destination(Shape):
    to_addresses: tuple[str, ...] = ()
    cc_addresses: tuple[str, ...] = ()
    bcc_addresses: tuple[str, ...] = ()

    def everyone(self) -> tuple[str, ...]:
        """To, Cc and Bcc: SES's limits and quotas count them all."""
        return self.to_addresses + self.cc_addresses + self.bcc_addresses


class Content(Shape):
    data: str
    charset: str | None = None


class Body(Shape):
    text: Content | None = None
    html: Content | None = None


class Attachment(Shape):
    raw_content: Base64Bytes
    file_name: str = Field(max_length=255)
    content_disposition: Literal["ATTACHMENT", "INLINE"] = "ATTACHMENT"
    content_description: str | None = Field(default=None, max_length=1000)
    content_id: str | None = Field(default=None, min_length=1, max_length=78)
    content_transfer_encoding: Literal["BASE64", "QUOTED_PRINTABLE", "SEVEN_BIT"] = "SEVEN_BIT"  # SES's own default
    content_type: str | None = Field(default=None, min_length=1, max_length=78)

    @property
    def media_type(self) -> str:
        """`application/pdf`, without parameters."""
        return (self.content_type or "application/octet-stream").partition(";")[0].strip().lower()


class SimpleMessage(Shape):
    subject: Content
    body: Body
    headers: Headers = ()
    attachments: tuple[Attachment, ...] = ()


class RawMessage(Shape):
    data: Base64Bytes


class TemplateContent(Shape):
    subject: str | None = None
    text: str | None = None
    html: str | None = None


class Template(Shape):
    template_name: str | None = Field(default=None, min_length=1)
    template_content: TemplateContent | None = None
    template_data: TemplateData | None = None
    headers: Headers = ()
    attachments: tuple[Attachment, ...] = ()


class EmailContent(Shape):
    simple: SimpleMessage | None = None
    raw: RawMessage | None = None
    template: Template | None = None


class SendEmail(Shape):
    content: EmailContent
    from_email_address: str | None = None
    destination: Destination = Destination()
    reply_to_addresses: tuple[str, ...] = ()
    email_tags: tuple[Tag, ...] = ()
    configuration_set_name: str | None = None

    def everyone(self) -> tuple[str, ...]:
        """Every recipient that the call names (a raw message may name more in its headers)."""
        return self.destination.everyone()


class ReplacementTemplate(Shape):
    replacement_template_data: TemplateData | None = None


class ReplacementEmailContent(Shape):
    replacement_template: ReplacementTemplate = ReplacementTemplate()


class BulkEntry(Shape):
    destination: Destination
    replacement_tags: tuple[Tag, ...] = ()
    replacement_email_content: ReplacementEmailContent = ReplacementEmailContent()
    replacement_headers: Headers = ()


class BulkContent(Shape):
    template: Template


class SendBulkEmail(Shape):
    default_content: BulkContent
    bulk_email_entries: tuple[BulkEntry, ...] = Field(min_length=1, max_length=50)
    from_email_address: str | None = None
    reply_to_addresses: tuple[str, ...] = ()
    default_email_tags: tuple[Tag, ...] = ()
    configuration_set_name: str | None = None

    def everyone(self) -> tuple[str, ...]:
        """Every recipient of every entry."""
        return tuple(address for entry in self.bulk_email_entries for address in entry.destination.everyone())


class StoredTemplate(Shape):
    template_name: str = Field(min_length=1)
    template_content: TemplateContent


S = TypeVar("S", bound=Shape)


def parse(shape: type[S], body: bytes) -> S:
    """The call in `body`. Raises: SesError `BadRequestException`, worded as SES words a failed constraint."""
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        raise _refusal(error) from error


def _refusal(error: ValidationError) -> SesError:
    details = [
        f"Value at '{'.'.join(map(str, mistake['loc']))}' failed to satisfy constraint: {mistake['msg']}"
        for mistake in error.errors(include_input=False, include_url=False)
    ]
    noun = "error" if len(details) == 1 else "errors"
    return bad_request(f"{len(details)} validation {noun} detected: {'; '.join(details)}")
