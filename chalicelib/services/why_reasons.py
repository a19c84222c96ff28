"""Why a letter is in its state, as sentences with what to do: every reason of `chalicelib/reasons.py` has one
(`tests/contract/test_why_words.py`); other languages are in `locale/`."""

from collections.abc import Mapping, Sequence

from chalicelib.errors import Phrase
from chalicelib.manifest import CHANNELS
from chalicelib.reasons import Reason, ReasonFamily, SuppressionReason, opened_on, reached_by, suppressed
from chalicelib.services.why_advice import BY_STATE, Todo

Because = tuple[Phrase, Todo]
_GROUPS: Sequence[tuple[Phrase, Todo, Sequence[str]]] = (
    (Phrase("The reader has switched off letters of this kind."), Todo.ASK_READER, [Reason.OPTED_OUT]),
    (
        Phrase("The reader wants no letters at all, except about the account."),
        Todo.ASK_READER,
        [Reason.OPTED_OUT_OF_EVERYTHING],
    ),
    (Phrase("The reader has paused all letters for a while."), Todo.ASK_READER, [Reason.PAUSED]),
    (Phrase("The data of this reader were erased."), Todo.NOTHING, [Reason.ERASED]),
    (Phrase("No address of theirs is known for this channel."), Todo.FIX_ADDRESS, [Reason.NO_ADDRESS]),
    (Phrase("There was no user with this id when the letter was made."), Todo.CHECK_SPELLING, [Reason.UNKNOWN_USER]),
    (Phrase("What is stored of the recipient cannot be read."), Todo.TELL_ENGINEERS, [Reason.UNREADABLE]),
    (
        Phrase("Another recipient of the same letter has this address, and an address gets a letter once."),
        Todo.NOTHING,
        [Reason.DUPLICATE],
    ),
    (
        Phrase("The reader had got as many letters of this kind as the limit allows."),
        Todo.CHECK_LIMITS,
        [Reason.CAPPED, Reason.TOO_MANY_TO_ADDRESS],
    ),
    (Phrase("The source of content had nothing for this reader."), Todo.FIX_CAMPAIGN, [Reason.NO_CONTENT]),
    (Phrase("The letter has no text in the reader's language."), Todo.TRANSLATE, [Reason.NO_TRANSLATION]),
    (Phrase("Its time was over before its turn came."), Todo.FIX_CAMPAIGN, [Reason.EXPIRED]),
    (Phrase("It was cancelled before it left."), Todo.NOTHING, [Reason.CANCELLED]),
    (Phrase("The campaign was cancelled before this letter left."), Todo.CHECK_CAMPAIGN, [Reason.CAMPAIGN_CANCELLED]),
    (Phrase("It is night for the reader: it leaves when their quiet hours end."), Todo.WAIT, [Reason.QUIET_HOURS]),
    (
        Phrase("It leaves only if the same letter is not opened on another channel before."),
        Todo.WAIT,
        [Reason.UNLESS_OPENED],
    ),
    (
        Phrase("The reader wants letters of this kind collected: it comes with their next digest."),
        Todo.WAIT,
        [Reason.DIGEST],
    ),
    (Phrase("It was part of a digest, as the reader wants."), Todo.NOTHING, [Reason.IN_DIGEST]),
    (Phrase("Somebody of the team has decided so."), Todo.NOTHING, [Reason.BY_HAND]),
    (
        Phrase("Nobody knows for certain; somebody of the team took it for sent."),
        Todo.LOOK_IN_SPAM,
        [Reason.ASSUMED_BY_HAND],
    ),
    (
        Phrase("With what is known of the reader the letter would have said nothing."),
        Todo.FIX_TEMPLATE,
        [Reason.NOTHING_TO_SAY, *(one for one in Reason if one.startswith("empty_"))],
    ),
    (Phrase("The template has nothing for this channel."), Todo.FIX_TEMPLATE, [Reason.MISSING_PART]),
    (
        Phrase("The template has a mistake, so that the letter could not be made."),
        Todo.FIX_TEMPLATE,
        [Reason.TEMPLATE_ERROR, Reason.SYNTAX, Reason.FORBIDDEN, Reason.TOO_SLOW, Reason.RENDERING],
    ),
    (Phrase("The letter would have been too long."), Todo.FIX_TEMPLATE, [Reason.TOO_LARGE, Reason.TOO_LONG]),
    (Phrase("A file of the letter is no longer kept."), Todo.FIX_CAMPAIGN, [Reason.ATTACHMENT_GONE]),
    (
        Phrase("The provider takes no more letters for now; it is tried again by itself."),
        Todo.WAIT,
        [Reason.THROTTLED, Reason.DAILY_QUOTA],
    ),
    (
        Phrase("The provider could not be reached."),
        Todo.RESEND,
        [
            *(Reason.NO_CONNECTION, Reason.NO_ANSWER, Reason.TRANSIENT_FAILURE, Reason.PROVIDER_FAILED),
            *(Reason.ENDPOINTS_UNAVAILABLE, Reason.INBOX_UNAVAILABLE),
        ],
    ),
    (
        Phrase("The provider's answer was lost, and nothing has told since whether the letter left."),
        Todo.DECIDE,
        [Reason.REPLY_LOST, Reason.UNCONFIRMED, Reason.PROVIDER_ERROR],
    ),
    (
        Phrase("The provider refused the letter."),
        Todo.TELL_ENGINEERS,
        [Reason.PROVIDER_REFUSED, Reason.BAD_REQUEST, Reason.REJECTED, Reason.UNCLEAR],
    ),
    (
        Phrase("So many letters were refused in a row that the rest was held back."),
        Todo.CHECK_PROVIDER,
        [Reason.REFUSED_IN_A_ROW],
    ),
    (
        Phrase("The provider says that there is no such address or number."),
        Todo.FIX_ADDRESS,
        [Reason.BAD_ADDRESS, Reason.BAD_NUMBER],
    ),
    (
        Phrase("The provider does not let us send at the moment."),
        Todo.CHECK_PROVIDER,
        [
            *(
                Reason.NO_RIGHT,
                Reason.SANDBOX,
                Reason.SENDING_PAUSED,
                Reason.ACCOUNT_SUSPENDED,
                Reason.NOT_VERIFIED,
                Reason.NOT_FOUND,
            ),
            *(Reason.SMS_SETTINGS, Reason.APPLICATION_DISABLED),
        ],
    ),
    (
        Phrase("The reader has removed the app, or the device or chat that it would have gone to."),
        Todo.NOTHING,
        [Reason.NO_ENDPOINT, Reason.ENDPOINT_GONE, Reason.DEVICE_GONE],
    ),
    (
        Phrase("The address that the reader registered for this channel cannot be used."),
        Todo.FIX_ADDRESS,
        [Reason.PRIVATE_ADDRESS, Reason.PLAIN_HTTP, Reason.REDIRECT, Reason.UNSUPPORTED_CHAT],
    ),
    (Phrase("The mailbox says that it does not exist."), Todo.FIX_ADDRESS, [Reason.HARD_BOUNCE]),
    (Phrase("The mailbox refused it for now: it is full, or away."), Todo.RESEND, [Reason.SOFT_BOUNCE]),
    (Phrase("It came back, and nothing says why."), Todo.RESEND, [Reason.RETURNED]),
    (
        Phrase("The mailbox did not accept what the letter says or looks like."),
        Todo.FIX_TEMPLATE,
        [Reason.CONTENT_REFUSED],
    ),
    (
        Phrase("The provider writes to this address no more, as it came back before."),
        Todo.FIX_ADDRESS,
        [Reason.WITHHELD],
    ),
    (Phrase("The reader marked it as spam."), Todo.NOTHING, [Reason.COMPLAINT]),
    (
        Phrase("The mailbox refused an earlier letter for good, so that nothing more is sent there."),
        Todo.LIFT_SUPPRESSION,
        [suppressed(SuppressionReason.BOUNCE)],
    ),
    (
        Phrase("The reader has marked an earlier letter as spam, so that nothing more is sent there."),
        Todo.LIFT_SUPPRESSION,
        [suppressed(SuppressionReason.COMPLAINT)],
    ),
    (
        Phrase("The mailbox has refused too many letters, so that nothing more is sent there."),
        Todo.LIFT_SUPPRESSION,
        [suppressed(SuppressionReason.SOFT_BOUNCES)],
    ),
    (
        Phrase("Whoever reads this mailbox has unsubscribed by a link in a letter."),
        Todo.LIFT_SUPPRESSION,
        [suppressed(SuppressionReason.UNSUBSCRIBED)],
    ),
    (
        Phrase("The reader has answered STOP to a text."),
        Todo.ASK_READER,
        [suppressed(SuppressionReason.STOP), Reason.OPTED_OUT_AT_PROVIDER],
    ),
    (
        Phrase("Somebody of the team has stopped letters to this address."),
        Todo.LIFT_SUPPRESSION,
        [suppressed(SuppressionReason.BY_HAND)],
    ),
    (
        Phrase("The address came on a list of addresses that must not be written to."),
        Todo.LIFT_SUPPRESSION,
        [suppressed(SuppressionReason.IMPORT)],
    ),
    (
        Phrase("It was not needed: the reader had got it on another channel."),
        Todo.NOTHING,
        [named(channel) for channel in CHANNELS for named in (reached_by, opened_on)],
    ),
)
BECAUSE: Mapping[str, Because] = {str(one): (phrase, todo) for phrase, todo, some in _GROUPS for one in some}
_FAMILIES: Mapping[ReasonFamily, Because] = {
    ReasonFamily.ANSWER: (Phrase("The server that it goes to refused it."), Todo.RESEND),
    ReasonFamily.PROVIDER: (Phrase("The provider refused the letter."), Todo.TELL_ENGINEERS),
    ReasonFamily.UNDEFINED: (
        Phrase("The template has a mistake, so that the letter could not be made."),
        Todo.FIX_TEMPLATE,
    ),
}


def because_of(state: str, reason: str | None) -> tuple[Phrase | None, Todo]:
    """The sentence of a reason and what to do about it. A reason that a newer release wrote has no sentence."""
    if reason is None:
        return None, BY_STATE.get(state, Todo.CHECK_CAMPAIGN)
    if reason in BECAUSE:
        return BECAUSE[reason]
    for family, said in _FAMILIES.items():
        if reason.startswith(family):
            return said
    return None, BY_STATE.get(state, Todo.CHECK_CAMPAIGN)
