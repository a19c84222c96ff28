"""The states of campaigns, runs, lists, pictures and circuit breakers, and what happens to a letter beside its status.
These values are stored, counted and shown by the API; `templates/admin/words/` has a text for each."""

from collections.abc import Mapping
from enum import StrEnum

from chalicelib.errors import Phrase


class CampaignState(StrEnum):
    """draft → (approval) → scheduled → running ⇄ paused → completed | cancelled."""

    DRAFT = "draft"
    AWAITING_APPROVAL = "awaiting_approval"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


HELD = (CampaignState.PAUSED, CampaignState.AWAITING_APPROVAL)  # no letter leaves; what is on its way waits
OVER = (CampaignState.COMPLETED, CampaignState.CANCELLED)


class CampaignNews(StrEnum):
    """What happens to a campaign beside its states, in its timeline."""

    SENT_BACK = "sent_back"
    APPROVAL_LOST = "approval_lost"
    CANARY_RELEASED = "canary_released"
    WINNER = "winner"  # of an experiment, chosen or found
    RESEND = "resend"
    UNREADABLE = "unreadable"  # paused: a job or a list cannot be read
    REFUSED = "refused"  # paused: its letters were refused in a row


class Decision(StrEnum):
    """What a run waits for a person to decide, while nothing of it leaves."""

    CANARY = "canary"  # the first part has gone: whether the rest follows
    WINNER = "winner"  # the variants of an A/B test have gone: which of them the rest gets


class RunOutcome(StrEnum):
    """How a run of a campaign ended."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"


class ListState(StrEnum):
    """An uploaded list waits for its file, is being read, and can be used or not."""

    WAITING = "waiting"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


class ExportState(StrEnum):
    """A file of recipients is being written, put together, there, or could not be made; or nobody wants it any more."""

    WRITING = "writing"
    ASSEMBLING = "assembling"
    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"


class MediaState(StrEnum):
    """A picture of the library is being made ready, can be used, or cannot."""

    PROCESSING = "processing"
    READY = "ready"
    REFUSED = "refused"


class SwitchState(StrEnum):
    """A circuit breaker lets every call pass, none, or a growing share."""

    CLOSED = "closed"
    OPEN = "open"
    RAMPING = "ramping"


class Engagement(StrEnum):
    """What happens to a letter; the machine's are those that no person caused."""

    OPENED = "opened"
    CLICKED = "clicked"
    MACHINE_OPENED = "machine_opened"
    MACHINE_CLICKED = "machine_clicked"
    DELAYED = "delayed"
    UNSUBSCRIBED = "unsubscribed"


# What a person did, as done by a program.
BY_MACHINE: Mapping[Engagement, Engagement] = {
    Engagement.OPENED: Engagement.MACHINE_OPENED,
    Engagement.CLICKED: Engagement.MACHINE_CLICKED,
}

_WORDS: Mapping[str, Phrase] = {
    str(word): word
    for word in (
        Phrase("draft"),
        Phrase("awaiting_approval"),
        Phrase("scheduled"),
        Phrase("running"),
        Phrase("paused"),
        Phrase("completed"),
        Phrase("cancelled"),
        Phrase("waiting"),
        Phrase("loading"),
        Phrase("ready"),
        Phrase("failed"),
    )
}


def state_word(state: str) -> str:
    """The state of a campaign or a list as errors say it."""
    return _WORDS.get(state, state)
