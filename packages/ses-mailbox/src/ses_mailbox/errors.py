"""SES's own refusals, with the codes and statuses of botocore's model of `sesv2`."""

# The status that SES gives one entry of a bulk call, where the whole call would get the code.
_ENTRY_STATUSES = {
    "TooManyRequestsException": "ACCOUNT_THROTTLED",
    "LimitExceededException": "FAILED",
    "AccountSuspendedException": "ACCOUNT_SUSPENDED",
    "SendingPausedException": "ACCOUNT_SENDING_PAUSED",
    "MessageRejected": "MESSAGE_REJECTED",
    "MailFromDomainNotVerifiedException": "MAIL_FROM_DOMAIN_NOT_VERIFIED",
    "NotFoundException": "TEMPLATE_NOT_FOUND",
    "BadRequestException": "INVALID_PARAMETER",
    "InternalServiceErrorException": "TRANSIENT_FAILURE",
    "AccessDeniedException": "FAILED",
}
_HTTP_STATUSES = {
    "TooManyRequestsException": 429,
    "NotFoundException": 404,
    "InternalServiceErrorException": 500,
    "AccessDeniedException": 403,
}
SES_CODES = frozenset(_ENTRY_STATUSES)
# What botocore's model says about each: the text where nothing more is known of the refusal.
TEXTS = {
    "TooManyRequestsException": "Too many requests have been made to the operation.",
    "LimitExceededException": "There are too many instances of the specified resource type.",
    "AccountSuspendedException": (
        "The message can't be sent because the account's ability to send email has been permanently restricted."
    ),
    "SendingPausedException": (
        "The message can't be sent because the account's ability to send email is currently paused."
    ),
    "MessageRejected": "The message can't be sent because it contains invalid content.",
    "MailFromDomainNotVerifiedException": "The message can't be sent because the sending domain isn't verified.",
    "NotFoundException": "The resource you attempted to access doesn't exist.",
    "BadRequestException": "The input you provided is invalid.",
    "AccessDeniedException": "User is not authorized to perform this action",  # IAM's, of no model
    "InternalServiceErrorException": (
        "The request couldn't be processed because an error occurred with the Amazon SES API v2."
    ),
}
DAILY_QUOTA = "Daily message quota exceeded."


class SesError(Exception):
    """A refusal: `code` is the exception's name in boto3, `message` its text."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message

    @property
    def http_status(self) -> int:
        """400 unless botocore's model says otherwise."""
        return _HTTP_STATUSES.get(self.code, 400)

    @property
    def entry_status(self) -> str:
        """The `BulkEmailStatus` that says the same of one entry."""
        if self.message == DAILY_QUOTA:
            return "ACCOUNT_DAILY_QUOTA_EXCEEDED"
        return _ENTRY_STATUSES[self.code]


def bad_request(message: str) -> SesError:
    """The caller's data is wrong."""
    return SesError("BadRequestException", message)


def not_found(message: str) -> SesError:
    """A template or a configuration set that does not exist."""
    return SesError("NotFoundException", message)


def rejected(message: str) -> SesError:
    """SES will not send this message."""
    return SesError("MessageRejected", message)


def template_not_found(name: str) -> SesError:
    """The call names a template that was never stored."""
    return not_found(f"Template {name} does not exist")
