"""The texts in which SES answers a call, as AWS publishes them or as it is seen to give them, each with its source and
its right verdict: the evidence for `channels/providers/ses_answers.py`."""

from typing import NamedTuple

SENDER, READER = "news@cinema.example", "anna@example.com"

GUIDE = 'SES developer guide, "Amazon SES email sending errors"'
SMTP = 'SES developer guide, "SMTP response codes returned by Amazon SES"'
QUOTAS = 'SES developer guide, "Errors related to the sending quotas for your Amazon SES account"'
MODEL_2 = "botocore, the errors of sesv2"
MODEL_1 = "botocore, the errors of ses"
STATUSES = "botocore, BulkEmailEntryResult of sesv2"
COMMON = "SES API reference, common errors"
JAVAMAIL = "JavaMail, InternetAddress: what SES hands on of an address"
REPOST = "AWS re:Post knowledge center, answers on SES"
SEEN = "reports of SES's answers: boto/boto3, awslabs/aws-sdk-rust, alphagov/signon and others"


class Text(NamedTuple):
    """One answer: `name` is that of the error or status it comes with; `reason` is the one that we give it."""

    source: str
    name: str
    text: str
    reason: str


_CHECK = "Email address is not verified. The following identities failed the check in region EU-WEST-1:"
_USER = "User `arn:aws:sts::123456789012:assumed-role/vestnik-prod-deliver/x'"

# Ours or the account's: nothing was sent, a person can fix it, the switch opens and no letter is lost.
TO_MEND = (
    Text(GUIDE, "MessageRejected", f"{_CHECK} {SENDER}", "provider_not_verified"),
    Text(GUIDE, "MessageRejected", f"{_CHECK} {SENDER}, {READER}, x@example.com...", "provider_not_verified"),
    Text(REPOST, "MESSAGE_REJECTED", f"{_CHECK} cinema.example", "provider_not_verified"),
    Text(SEEN, "MessageRejected", f'{_CHECK} "Cinema" <{SENDER}>', "provider_not_verified"),
    Text(SMTP, "MessageRejected", f"554 Message rejected: {_CHECK} {SENDER}", "provider_not_verified"),
    Text(GUIDE, "MailFromDomainNotVerifiedException", "Mail FROM domain is not verified", "provider_not_verified"),
    Text(GUIDE, "MessageRejected", "Mail FROM domain is not verified.", "provider_not_verified"),
    Text(MODEL_2, "BadRequestException", "The message can't be sent because the sending domain isn't verified.",
         "provider_not_verified"),
    Text(MODEL_1, "MailFromDomainNotVerifiedException", "Amazon SES could not read the MX record required to use the "
         "specified MAIL FROM domain.", "provider_not_verified"),
    Text(STATUSES, "MAIL_FROM_DOMAIN_NOT_VERIFIED", "The sender's email address or domain was not verified.",
         "provider_not_verified"),
    Text(GUIDE, "MessageRejected", f"{_CHECK} {READER}", "provider_sandbox"),
    Text(SEEN, "MESSAGE_REJECTED", f"{_CHECK} {READER}, x@example.com...", "provider_sandbox"),
    Text(GUIDE, "MessageRejected", "Account is paused", "provider_sending_paused"),
    Text(SEEN, "MessageRejected", "Sending paused for this account. For more information, please check the inbox of "
         "the email address associated with your AWS account.", "provider_sending_paused"),
    Text(SEEN, "MessageRejected", "Sending suspended for this account. For more information, please check the inbox of "
         "the email address associated with your AWS account.", "provider_account_suspended"),
    Text(MODEL_2, "SendingPausedException", "The message can't be sent because the account's ability to send email is "
         "currently paused.", "provider_sending_paused"),
    Text(MODEL_2, "AccountSuspendedException", "The message can't be sent because the account's ability to send email "
         "has been permanently restricted.", "provider_account_suspended"),
    Text(MODEL_1, "ConfigurationSetSendingPausedException", "Email sending is disabled for the configuration set.",
         "provider_sending_paused"),
    Text(MODEL_1, "AccountSendingPausedException", "Email sending is disabled for your entire Amazon SES account.",
         "provider_sending_paused"),
    Text(STATUSES, "ACCOUNT_SUSPENDED", "Your account has been shut down because of issues related to your email "
         "sending practices.", "provider_account_suspended"),
    Text(STATUSES, "MESSAGE_REJECTED", "Email sending for the Amazon SES account was disabled using the "
         "UpdateAccountSendingEnabled operation.", "provider_sending_paused"),
    Text(STATUSES, "CONFIGURATION_SET_SENDING_PAUSED", "Email sending for this configuration set was disabled using "
         "the UpdateConfigurationSetSendingEnabled operation.", "provider_sending_paused"),
    Text(GUIDE, "BadRequestException", "Configuration set does not exist", "provider_not_found"),
    Text(SEEN, "NotFoundException", "Configuration set <vestnik-prod> does not exist.", "provider_not_found"),
    Text(MODEL_2, "NotFoundException", "The resource you attempted to access doesn't exist.", "provider_not_found"),
    Text(STATUSES, "TEMPLATE_DOES_NOT_EXIST", "The template you specified does not exist.", "provider_not_found"),
    Text(STATUSES, "INVALID_SENDING_POOL_NAME", "The configuration set you specified refers to an IP pool that does "
         "not exist.", "provider_not_found"),
    Text(SEEN, "AccessDeniedException", f"{_USER} is not authorized to perform `ses:SendBulkEmail' on resource "
         "`arn:aws:ses:eu-west-1:123456789012:template/*'", "provider_no_right"),
    Text(SMTP, "MessageRejected", f"Access denied: {_USER} is not authorized to perform ses:SendRawEmail on resource x",
         "provider_no_right"),
    Text(SMTP, "MessageRejected", "Account not subscribed to SES", "provider_no_right"),
    Text(SMTP, "MessageRejected", "Authentication Credentials Invalid", "provider_no_right"),
    Text(COMMON, "ExpiredTokenException", "The security token included in the request is expired", "provider_no_right"),
    Text(COMMON, "InvalidClientTokenId", "The security token included in the request is invalid.", "provider_no_right"),
    Text(COMMON, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you "
         "provided. Check your AWS Secret Access Key and signing method.", "provider_no_right"),
    Text(COMMON, "OptInRequired", "The AWS access key ID needs a subscription for the service.", "provider_no_right"),
)  # fmt: skip

# The pace: later, and slower.
SLOW_DOWN = (
    Text(GUIDE, "TooManyRequestsException", "Maximum sending rate exceeded.", "throttled"),
    Text(GUIDE, "Throttling", "Maximum sending rate exceeded.", "throttled"),
    Text(GUIDE, "Throttling", "Maximum SigV2 SMTP sending rate exceeded.", "throttled"),
    Text(SMTP, "MessageRejected", "Throttling failure: Maximum sending rate exceeded", "throttled"),
    Text(COMMON, "ThrottlingException", "Rate exceeded", "throttled"),
    Text(MODEL_2, "TooManyRequestsException", "Too many requests have been made to the operation.", "throttled"),
    Text(MODEL_2, "LimitExceededException", "There are too many instances of the specified resource type.",
         "throttled"),
    Text(STATUSES, "ACCOUNT_THROTTLED", "The number of emails you can send has been reduced because your account has "
         "exceeded its allocated sending limit.", "throttled"),
)  # fmt: skip

# The day is used up.
QUOTA = (
    Text(QUOTAS, "ThrottlingException", "Daily message quota exceeded", "daily_quota"),
    Text(GUIDE, "TooManyRequestsException", "Daily message quota exceeded.", "daily_quota"),
    Text(GUIDE, "LimitExceededException", "Daily message quota exceeded.", "daily_quota"),
    Text(SMTP, "MessageRejected", "Throttling failure: Daily message quota exceeded", "daily_quota"),
    Text(STATUSES, "ACCOUNT_DAILY_QUOTA_EXCEEDED", "You have reached or exceeded the maximum number of emails you can "
         "send from your account in a 24-hour period.", "daily_quota"),
)  # fmt: skip

# This letter, or its address, for good.
REFUSED = (
    *(
        Text(JAVAMAIL, name, text, "bad_address")
        for name in ("BadRequestException", "INVALID_PARAMETER")
        for text in (
            *("Missing final '@domain'", "Missing domain", "Missing local name", "Illegal address", "Empty address"),
            *("Domain starts with dot", "Domain ends with dot", "Domain contains dot-dot"),
            *("Domain contains illegal character", "Domain contains control or whitespace"),
            *("Local address starts with dot", "Local address ends with dot", "Local address contains dot-dot"),
            *("Local address contains illegal character", "Local address contains control or whitespace"),
            *("Unexpected quote in local address", "Quote not at end of local address", "Unterminated quote"),
            *("Illegal whitespace in address", "Illegal semicolon, not in group", "Missing '>'", "Nested group"),
        )
    ),
    Text(SEEN, "BadRequestException", "Invalid email address .", "bad_address"),
    Text(GUIDE, "BadRequestException", "There are non-ASCII characters in the email address", "bad_address"),
    Text(GUIDE, "BadRequestException", "There are no recipients specified", "bad_address"),
    Text(SEEN, "MessageRejected", "Address blacklisted.", "bad_address"),
    Text(SEEN, "BadRequestException", "Recipient count exceeds 50.", "bad_address"),
    Text(SMTP, "BadRequestException", "552 Message is too long.", "too_long"),
    Text(SEEN, "BadRequestException", "Message length is more than 41943040 bytes long: '41943041'.", "too_long"),
    Text(STATUSES, "MESSAGE_REJECTED", "The message was rejected because it contained a virus.", "rejected"),
    Text(STATUSES, "MESSAGE_REJECTED", "", "rejected"),
    Text(MODEL_2, "MessageRejected", "The message can't be sent because it contains invalid content.", "rejected"),
    Text(SEEN, "BadRequestException", "Illegal filename", "rejected"),
    Text(SEEN, "BadRequestException", "Duplicate header 'List-Unsubscribe'.", "bad_request"),
    Text(SEEN, "BadRequestException", "Empty header names are illegal.", "bad_request"),
    Text(MODEL_2, "BadRequestException", "The input you provided is invalid.", "bad_request"),
    Text(COMMON, "BadRequestException", "1 validation error detected: Value at 'content.simple.subject.data' failed to "
         "satisfy constraint: Member must not be null", "bad_request"),
    Text(STATUSES, "INVALID_PARAMETER", "One or more of the parameters you specified when calling this operation was "
         "invalid. See the error message for additional information.", "bad_request"),
)  # fmt: skip

# Said in other words than any that is published: what is meant is plain all the same.
NEIGHBOURS = (
    *(
        Text("", "MessageRejected", text, reason)
        for text, reason in (
            ("email address is NOT verified", "provider_not_verified"),
            ("The identity cinema.example has not been verified in this region.", "provider_not_verified"),
            ("Unverified sender", "provider_not_verified"),
            ("DKIM verification of the domain has failed", "provider_not_verified"),
            ("Sending is paused for this account", "provider_sending_paused"),
            ("Your account is under review.", "provider_sending_paused"),
            ("The account's sending has been disabled", "provider_sending_paused"),
            ("Your account was suspended.", "provider_account_suspended"),
            ("ConfigurationSet vestnik-prod does not exist", "provider_not_found"),
            ("Dedicated IP pool was not found", "provider_not_found"),
            ("Tenant x is not associated with the resource identity/cinema.example", "provider_not_found"),
            ("You have exceeded your daily sending limit", "daily_quota"),
            ("Maximum send rate exceeded", "throttled"),
            ("Request throttled", "throttled"),
            ("The address is on the suppression list of your account", "bad_address"),
            ("Invalid recipient", "bad_address"),
            ("Too many recipients", "bad_address"),
            ("The message exceeds the maximum size", "too_long"),
            ("The attachment is not allowed", "rejected"),
            ("Invalid header value", "bad_request"),
        )
    ),
)

# What says nothing: nothing was sent, and nobody knows why.
UNCLEAR = (
    Text(MODEL_1, "MessageRejected", "The action failed, and the message could not be sent. Check the error stack for "
         "more information about what caused the error.", "unclear"),
    Text(SMTP, "MessageRejected", "Temporary service failure", "unclear"),
    Text("a text of tomorrow", "MessageRejected", "The moon is in the wrong phase.", "unclear"),
    Text("a text of tomorrow", "MESSAGE_REJECTED", "Policy 17 forbids it.", "unclear"),
    Text("a text of tomorrow", "BadRequestException", "Unprocessable.", "unclear"),
    Text("a text of tomorrow", "INVALID_PARAMETER", "Unprocessable.", "unclear"),
    Text(STATUSES, "TRANSIENT_FAILURE", "Amazon SES was unable to process your request because of a temporary issue.",
         "provider_transient_failure"),
    Text(STATUSES, "FAILED", "Amazon SES was unable to process your request. See the error message for additional "
         "information.", "provider_failed"),
)  # fmt: skip
