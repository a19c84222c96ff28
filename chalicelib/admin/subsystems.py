"""Switches, consumers and limits; dead letters; deliveries that wait for a person."""

from functools import partial

from chalicelib.accounts.managers import Role
from chalicelib.admin.templating import Go, Page, url
from chalicelib.admin.views import Visit, action, page
from chalicelib.deliveries import DeliveryKey
from chalicelib.errors import ConflictError, InvalidError, NotFoundError, Phrase
from chalicelib.manifest import CHANNELS, CONSUMERS, Queue
from chalicelib.services.operator_actions import describe_dead_letter, why_dead
from chalicelib.settings import settings
from chalicelib.stage.app import stage
from chalicelib.states import SwitchState
from chalicelib.storage.rate_limits import LIMITS
from chalicelib.text import whole_number

# The consumers as the page groups them; whatever is in none of these is work of its own.
_BEFORE = {Queue.ENRICH_INSTANT, Queue.ENRICH_BULK, Queue.FANOUT, Queue.DIGEST}
_AFTER = {Queue.RETRY, Queue.FEEDBACK}
_LOOKED_AT = 20
_MOST_MOVED = 500
_PAGE = 50


@page("/admin/subsystems")
def subsystems(visit: Visit) -> Page:  # noqa: ARG001 - the frame gives it
    """Every switch with its consumers, and what waits there."""
    values = {
        "switches": stage().switches.read_all(),
        "consumers": stage().consumers.read_all(),
        "wishes": stage().consumers.wishes(),
        "limits": stage().limiter.read_all(LIMITS),
        "depths": stage().queue_depths.read(),
        "queue_groups": groups_of_queues(),
    }
    return Page("subsystems", values)


def groups_of_queues() -> dict[str, set[str]]:
    """The queues by what they do for a letter, in this order: before it is sent, sending, after that; and the rest."""
    sending = {queue for channel in CHANNELS.values() for queue in channel.queues}
    own = set(CONSUMERS) - sending - _BEFORE - _AFTER
    return {"before": set(_BEFORE), "sending": sending, "after": set(_AFTER), "own": own}


@action("/admin/subsystems/switches/{name}", role=Role.OPERATOR, does="switch.throw", again=subsystems)
def throw_switch(visit: Visit) -> Go:
    """Open: no call leaves, messages wait. Closed: back by the ramp, or at once."""
    state, reason = visit.typed("state"), visit.typed("reason")
    if state not in (SwitchState.OPEN, SwitchState.CLOSED):
        raise InvalidError.of("state", Phrase("expected open or closed"))
    if not 1 <= len(reason) <= 200:
        raise InvalidError.of("reason", Phrase("expected 1 to 200 characters: whoever comes next wants to know why"))
    stage().consumers.throw(
        visit.path["name"],
        opened=state == SwitchState.OPEN,
        by=visit.manager.key,
        reason=reason,
        ramp=visit.typed("at_once") != "yes",
    )
    return Go("/admin/subsystems", done=f"switch_{state}")


@action("/admin/subsystems/consumers/{name}", role=Role.OPERATOR, does="consumer.change", again=subsystems)
def change_consumer(visit: Visit) -> Go:
    """Fields that are left out stay unchanged."""
    paused = {"yes": True, "no": False}.get(visit.typed("paused"))
    stage().consumers.change(
        visit.path["name"],
        by=visit.manager.key,
        paused=paused,
        max_concurrency=_whole(visit, "max_concurrency"),
        batch_size=_whole(visit, "batch_size"),
        seen=visit.seen,
    )
    return Go("/admin/subsystems", done="saved")


@action("/admin/subsystems/limits/{name}", role=Role.OPERATOR, does="limit.set", again=subsystems)
def set_limit(visit: Visit) -> Go:
    """Workers follow within a second."""
    name = visit.path["name"]
    if name not in LIMITS:
        raise NotFoundError(Phrase("there is no limit {name}", name=name))
    try:
        rate = float(visit.typed("rate_per_second"))
    except ValueError as error:
        raise InvalidError.of("rate_per_second", Phrase("expected a number")) from error
    stage().limiter.set_rate(name, rate, seen=visit.seen)
    return Go("/admin/subsystems", done="saved")


@page("/admin/dead-letters")
def dead_letter_queues(visit: Visit) -> Page:  # noqa: ARG001 - the frame gives it
    """How many are in each queue."""
    return Page("dead_letters", {"counts": stage().queue_depths.dead(), "queue": None, "letters": []})


@page("/admin/dead-letters/{queue}")
def dead_letter_queue(visit: Visit) -> Page:
    """Some of a queue's dead letters; they stay in it."""
    queue = visit.path["queue"]
    most = settings().max_attempts
    count = stage().dead_letters.count(queue)  # known first: asking for more than there are means waiting for them
    looked_at = stage().dead_letters.look(queue, limit=min(count, _LOOKED_AT))
    found = [describe_dead_letter(letter) for letter in looked_at]
    letters = [one | {"why": why_dead(one, max_attempts=most)} for one in found]
    return Page("dead_letters", {"counts": {queue: count}, "queue": queue, "letters": letters})


_of_a_queue = partial(action, role=Role.OPERATOR, again=dead_letter_queue)


@_of_a_queue("/admin/dead-letters/{queue}/redrive", does="dead-letters.redrive")
def redrive(visit: Visit) -> Go:
    """Back into their queue; what was sent before stays sent."""
    queue = _known(visit)
    _moved(stage().operator_actions.redrive(queue, limit=_MOST_MOVED, ids=list(visit.form.get("id", ())) or None))
    return Go(f"/admin/dead-letters/{queue}", done="redriven")


@_of_a_queue("/admin/dead-letters/{queue}/drop", does="dead-letters.drop")
def drop(visit: Visit) -> Go:
    """Deletes them for good; who did it, and why, is logged."""
    queue, reason = _known(visit), visit.typed("reason")
    if not reason:
        raise InvalidError.of("reason", Phrase("expected a reason to drop them"))
    ids = list(visit.form.get("id", ())) or None
    _moved(stage().operator_actions.drop(queue, limit=_MOST_MOVED, ids=ids, reason=reason, by=visit.manager.key))
    return Go(f"/admin/dead-letters/{queue}", done="dropped")


@page("/admin/attention")
def attention(visit: Visit) -> Page:
    """Deliveries of which nobody knows whether the provider has them, oldest first."""
    found, cursor = stage().ledger.uncertain(limit=_PAGE, cursor=visit.query.get("cursor"))
    following = url("/admin/attention", cursor=cursor) if cursor else None
    return Page("attention", {"deliveries": found, "following": following})


@action("/admin/attention/{delivery_id}", role=Role.OPERATOR, does="attention.decide", again=attention)
def decide(visit: Visit) -> Go:
    """Send again, or assume sent."""
    try:
        key = DeliveryKey.of(visit.path["delivery_id"])
    except ValueError as error:
        raise NotFoundError(Phrase("there is no such delivery")) from error
    match visit.typed("decision"):
        case "retry":
            stage().operator_actions.send_again(key)
        case "assume_sent":
            stage().operator_actions.assume_sent(key)
        case _:
            raise InvalidError.of("decision", Phrase("expected retry or assume_sent"))
    return Go("/admin/attention", done="decided")


def _known(visit: Visit) -> str:
    if visit.path["queue"] not in CONSUMERS:
        raise NotFoundError(Phrase("there is no queue {queue}", queue=visit.path["queue"]))
    return visit.path["queue"]


def _moved(count: int) -> None:
    if not count:
        raise ConflictError(Phrase("none of these messages are here now; look again in a minute"))


def _whole(visit: Visit, name: str) -> int | None:
    text = visit.typed(name)
    if not text:
        return None
    try:
        return whole_number(text)
    except ValueError as error:
        raise InvalidError.of(name, Phrase("expected a whole number")) from error
