"""What becomes of a letter by itself: the events that follow it, as the mailbox simulator's addresses decide (developer
guide, "Using the mailbox simulator"; labels `bounce+anything@…` allowed). Called by `ses_api`."""

from collections import defaultdict
from collections.abc import Sequence

from infra.local.mailbox.events import Event
from infra.local.mailbox.faults import Faults
from infra.local.mailbox.letters import Letter

_DOMAIN = "simulator.amazonses.com"


def events_of(letter: Letter) -> list[Event]:
    """Send, then what each recipient's server says; only a Rendering Failure for a letter that could not be made."""
    if letter.failure is not None:
        return [Event(type="Rendering Failure")]
    fates: defaultdict[str, list[str]] = defaultdict(list)
    for recipient in letter.recipients:
        fates[_fate(recipient)].append(recipient)
    complained = tuple(fates.pop("complaint", ()))
    bounced, suppressed = tuple(fates.pop("bounce", ())), tuple(fates.pop("suppressionlist", ()))
    delivered = tuple(address for address in letter.recipients if address not in {*bounced, *suppressed})
    events = [Event(type="Send")]
    if bounced:
        events.append(Event(type="Bounce", recipients=bounced))
    if suppressed:
        events.append(Event(type="Bounce", recipients=suppressed, bounce_sub_type="Suppressed"))
    if delivered:
        events.append(Event(type="Delivery", recipients=delivered))
    if complained:
        events.append(Event(type="Complaint", recipients=complained))
    return events


def _fate(recipient: str) -> str:
    local_part, _, domain = recipient.lower().rpartition("@")
    return local_part.partition("+")[0] if domain == _DOMAIN else ""


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
