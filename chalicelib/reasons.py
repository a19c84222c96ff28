"""Why a delivery is in its state, and why an address is suppressed. These values are stored, counted and shown by the
API; `templates/admin/words/` has a text for each."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a delivery was skipped, put aside, refused or returned."""

    # What the reader wants, and what is known of them.
    OPTED_OUT = "opted_out"
    OPTED_OUT_OF_EVERYTHING = "opted_out_of_everything"
    PAUSED = "paused"
    ERASED = "erased"
    NO_ADDRESS = "no_address"
    UNKNOWN_USER = "unknown_user"
    UNREADABLE = "unreadable"  # what is stored, or was told, of the recipient
    DUPLICATE = "duplicate"  # another recipient of the letter has the same address
    CAPPED = "capped"
    TOO_MANY_TO_ADDRESS = "too_many_to_address"
    NO_CONTENT = "no_content"  # the source of content had nothing for the reader
    NO_TRANSLATION = "no_translation"  # a campaign's letter is not in the reader's language
    EXPIRED = "expired"
    CANCELLED = "cancelled"  # of what waited for a digest
    CAMPAIGN_CANCELLED = "campaign_cancelled"

    # What it waits for.
    QUIET_HOURS = "quiet_hours"
    UNLESS_OPENED = "unless_opened"
    DIGEST = "digest"
    IN_DIGEST = "in_digest"

    # What people decided.
    BY_HAND = "by_hand"
    ASSUMED_BY_HAND = "assumed_by_hand"

    # What the template made of it.
    NOTHING_TO_SAY = "nothing_to_say"
    EMPTY_SUBJECT = "empty_subject"
    EMPTY_HTML = "empty_html"
    EMPTY_TITLE = "empty_title"
    EMPTY_TEXT = "empty_text"
    EMPTY_TEMPLATE = "empty_template"  # of WhatsApp: the name of the template at Meta
    EMPTY_LANGUAGE = "empty_language"  # likewise, its language
    MISSING_PART = "missing_part"
    TEMPLATE_ERROR = "template_error"
    SYNTAX = "syntax"
    FORBIDDEN = "forbidden"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    ATTACHMENT_GONE = "attachment_gone"  # a file of the letter is no longer kept

    # The call to the provider.
    THROTTLED = "throttled"
    DAILY_QUOTA = "daily_quota"
    NO_CONNECTION = "no_connection"
    NO_ANSWER = "no_answer"
    REPLY_LOST = "reply_lost"
    UNCONFIRMED = "unconfirmed"  # the reply was lost, and the provider has not told since
    PROVIDER_ERROR = "provider_error"
    PROVIDER_REFUSED = "provider_refused"
    BAD_REQUEST = "bad_request"
    BAD_ADDRESS = "bad_address"
    BAD_NUMBER = "bad_number"
    TOO_LONG = "too_long"
    REJECTED = "rejected"
    UNCLEAR = "unclear"  # the provider refused, and nothing that it publishes says why
    REFUSED_IN_A_ROW = "refused_in_a_row"  # so many that the letters are not to blame
    OPTED_OUT_AT_PROVIDER = "opted_out_at_provider"  # the number answered STOP; SNS keeps a list of its own
    NO_RIGHT = "provider_no_right"
    SANDBOX = "provider_sandbox"
    SENDING_PAUSED = "provider_sending_paused"
    ACCOUNT_SUSPENDED = "provider_account_suspended"
    NOT_VERIFIED = "provider_not_verified"
    NOT_FOUND = "provider_not_found"
    SMS_SETTINGS = "provider_sms_settings"
    APPLICATION_DISABLED = "provider_platformapplicationdisabled"
    TRANSIENT_FAILURE = "provider_transient_failure"
    PROVIDER_FAILED = "provider_failed"
    RENDERING = "provider_rendering"

    # Endpoints that users registered, and the live inbox.
    NO_ENDPOINT = "no_endpoint"  # the user has removed the last one since
    ENDPOINTS_UNAVAILABLE = "endpoints_unavailable"
    ENDPOINT_GONE = "endpoint_gone"
    DEVICE_GONE = "device_gone"
    PRIVATE_ADDRESS = "private_address"
    PLAIN_HTTP = "plain_http"
    REDIRECT = "redirect"
    UNSUPPORTED_CHAT = "unsupported_chat"
    INBOX_UNAVAILABLE = "inbox_unavailable"

    # What the mailbox said afterwards.
    HARD_BOUNCE = "hard_bounce"
    SOFT_BOUNCE = "soft_bounce"
    RETURNED = "returned"  # without a reason, as an out-of-office reply is
    CONTENT_REFUSED = "content_refused"
    WITHHELD = "withheld"  # the provider did not try: the address is on a list of its own
    COMPLAINT = "complaint"


class ReasonFamily(StrEnum):
    """Prefixes of reasons that end with a foreign word: a status, a provider's code, a name in a template."""

    ANSWER = "answer_"
    PROVIDER = "provider_"
    UNDEFINED = "undefined variable: "

    def __call__(self, word: object) -> str:
        """The reason with that word."""
        return f"{self.value}{word}"


class SwitchReason(StrEnum):
    """Why a switch closed by itself; one that opened by itself has the reason of the call that failed."""

    RAMP_OVER = "the ramp is over"
    PROBE_ANSWERED = "the probe was answered"


class SuppressionReason(StrEnum):
    """Why an address is suppressed; a delivery that is skipped for it has the reason `suppressed_<why>`."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    SOFT_BOUNCES = "soft_bounces"
    UNSUBSCRIBED = "unsubscribed"  # by a link in a letter to an address without a user; account letters still go
    STOP = "stop"  # the answer to a text: no text goes to the number any more
    BY_HAND = "by_hand"
    IMPORT = "import"


def suppressed(why: str) -> str:
    """The reason of a delivery to a suppressed address."""
    return f"suppressed_{why}"


def reached_by(channel: str) -> str:
    """The reason of a delivery that was not needed: another channel was enough."""
    return f"reached_by_{channel}"


def opened_on(channel: str) -> str:
    """The reason of a delivery that was not needed: the reader had opened it elsewhere."""
    return f"opened_on_{channel}"
