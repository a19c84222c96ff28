"""What becomes of a letter by itself: the events that follow it, as the mailbox simulator's addresses decide (developer
guide, "Using the mailbox simulator"; labels `bounce+anything@…` allowed)."""

from collections import defaultdict
from collections.abc import Sequence

from ses_mailbox.events import Event
from ses_mailbox.faults import Faults
from ses_mailbox.letters import Letter
from ses_mailbox.machines import SCAN_SECONDS, after_delivery, before_delivery, part_of

_DOMAIN = "simulator.amazonses.com"
# SES takes what comes back from an inbox that answers by itself for a bounce without a delivery status notification.
_AUTOMATIC_REPLY = Event(type="Bounce", bounce_type="Transient", status="", diagnostic="")


def events_of(letter: Letter) -> list[Event]:
    """Send, then what each recipient's server says; only a Rendering Failure for a letter that could not be made."""
    if letter.failure is not None:
        return [Event(type="Rendering Failure")]
    fates: defaultdict[str, list[str]] = defaultdict(list)
    for recipient in letter.recipients:
        fates[part_of(recipient, _DOMAIN)].append(recipient)
    bounced, suppressed, complained, away = (
        tuple(fates[name]) for name in ("bounce", "suppressionlist", "complaint", "ooto")
    )
    delivered = tuple(address for address in letter.recipients if address not in {*bounced, *suppressed})
    events = [Event(type="Send")]
    if bounced:
        events.append(Event(type="Bounce", recipients=bounced))
    if suppressed:
        events.append(Event(type="Bounce", recipients=suppressed, bounce_sub_type="Suppressed"))
    if delivered:
        scanned = before_delivery(letter)
        seconds = SCAN_SECONDS if scanned else 0.0
        events += [*scanned, Event(type="Delivery", recipients=delivered, seconds_later=seconds)]
        events += after_delivery(letter)
    if complained:
        events.append(Event(type="Complaint", recipients=complained))
    if away:
        events.append(_AUTOMATIC_REPLY.model_copy(update={"recipients": away}))
    return events


def owed_events(letter: Letter, faults: Faults) -> Sequence[Event]:
    """The events to publish, lost, doubled or turned round where a fault says so."""
    if faults.take(frozenset({"no_events"}), letter.recipients):
        return ()
    events = events_of(letter)
    if faults.take(frozenset({"duplicate_events"}), letter.recipients):
        events = [event for event in events for _ in range(2)]
    if faults.take(frozenset({"reorder_events"}), letter.recipients):
        events.reverse()
    return events
