"""What became of a letter, and what to do about it, as parts of sentences; `why_reasons.py` has the reasons."""

from collections.abc import Mapping
from enum import StrEnum

from chalicelib.errors import Phrase


class Todo(StrEnum):
    """What to do; the pages have a link for each, the API gives the word."""

    NOTHING = "nothing"
    LOOK_IN_SPAM = "look_in_spam"
    WAIT = "wait"
    ASK_READER = "ask_reader"
    FIX_ADDRESS = "fix_address"
    LIFT_SUPPRESSION = "lift_suppression"
    FIX_TEMPLATE = "fix_template"
    FIX_CAMPAIGN = "fix_campaign"
    TRANSLATE = "translate"
    RESEND = "resend"
    DECIDE = "decide"
    CHECK_PROVIDER = "check_provider"
    CHECK_CAMPAIGN = "check_campaign"
    CHECK_LIMITS = "check_limits"
    CHECK_SPELLING = "check_spelling"
    TELL_ENGINEERS = "tell_engineers"


ADVICE: Mapping[Todo, Phrase] = {
    Todo.NOTHING: Phrase("There is nothing to do."),
    Todo.LOOK_IN_SPAM: Phrase("Ask them to look in the spam folder, and in other tabs of the mailbox."),
    Todo.WAIT: Phrase("There is nothing to do but wait."),
    Todo.ASK_READER: Phrase("Only they can change that: by the link to the preferences in any letter of ours."),
    Todo.FIX_ADDRESS: Phrase("Ask them for the right address, and correct it in the profile."),
    Todo.LIFT_SUPPRESSION: Phrase("If they say that it works now and want our letters, lift the suppression."),
    Todo.FIX_TEMPLATE: Phrase("Correct the template; letters that are sent later are made of the new version."),
    Todo.FIX_CAMPAIGN: Phrase("Look at the settings of the campaign before it is sent again."),
    Todo.TRANSLATE: Phrase("Add the translation to the campaign, or let others get it in the campaign's own language."),
    Todo.RESEND: Phrase("Send it once more, if it is still of use."),
    Todo.DECIDE: Phrase("Decide by hand: send it again, or assume that it was sent."),
    Todo.CHECK_PROVIDER: Phrase("An operator has to look at the provider's account; then send it once more."),
    Todo.CHECK_CAMPAIGN: Phrase("Look at the campaign."),
    Todo.CHECK_LIMITS: Phrase("If that is too strict, raise the limit in the settings."),
    Todo.CHECK_SPELLING: Phrase("Check the spelling."),
    Todo.TELL_ENGINEERS: Phrase("Tell the engineers, with the number of the letter."),
}

# What became of a letter, by its state as it is shown.
OUTCOMES: Mapping[str, Phrase] = {
    "accepted": Phrase("has not had its turn yet"),
    "scheduled": Phrase("waits"),
    "processing": Phrase("is on its way"),
    "sent": Phrase("was sent, and the mailbox has not reported yet"),
    "delivered": Phrase("was delivered"),
    "opened": Phrase("was opened"),
    "bounced": Phrase("came back"),
    "complained": Phrase("was delivered, and marked as spam"),
    "skipped": Phrase("was not sent"),
    "failed": Phrase("could not be sent"),
    "uncertain": Phrase("may or may not have been sent"),
    "cancelled": Phrase("was cancelled"),
}
# What to do where no reason is given.
BY_STATE: Mapping[str, Todo] = {
    "accepted": Todo.WAIT,
    "scheduled": Todo.WAIT,
    "processing": Todo.WAIT,
    "sent": Todo.LOOK_IN_SPAM,
    "delivered": Todo.LOOK_IN_SPAM,
    "opened": Todo.NOTHING,
    "bounced": Todo.FIX_ADDRESS,
    "complained": Todo.NOTHING,
    "skipped": Todo.CHECK_CAMPAIGN,
    "failed": Todo.RESEND,
    "uncertain": Todo.DECIDE,
    "cancelled": Todo.CHECK_CAMPAIGN,
}


def sentence(title: str, *, to: str, day: str, outcome: Phrase) -> Phrase:
    """`“Half price” of 12 May to Anna was not sent.`"""
    return Phrase("“{title}” of {day} to {to} {outcome}.", title=title, day=day, to=to, outcome=outcome)
