"""The batch loop of every worker: one structured log line and EMF metrics per invocation, and partial batch responses.
Log lines carry ids as keys; never bodies, addresses or tokens."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from math import inf
from time import time
from typing import Any, NamedTuple, TypedDict

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from chalicelib import cold_start
from chalicelib.errors import NewerError, PoisonMessageError, UnavailableError
from chalicelib.failure_trace import lines_of, name_of

IDS_IN_A_LINE = 50
ACCEPTED_TO_DONE = "SecondsSinceAccepted"
DUE_AT = "due-at"  # message attribute: the epoch seconds from which a delayed message may be taken


@cache
def logger() -> Logger:
    """The process's logger; its service name and level come from Powertools' own variables."""
    return Logger(utc=True)


@cache
def metrics() -> Metrics:
    """The process's metrics; the namespace comes from Powertools' own variable."""
    return Metrics()


def begin_request(request_id: str | None) -> None:
    """Adds the id of this call or invocation to every following log line: API Gateway's, which the caller sees too, or
    Lambda's."""
    logger().append_keys(request_id=request_id)


def request_id() -> str | None:
    """The id of the current call or invocation, for callers to quote."""
    known = logger().get_current_keys().get("request_id")
    return str(known) if known else None


def log_failure(what: str, error: BaseException, **where: object) -> None:
    """The one way to log a failure that is not the caller's fault: class and code lines of the error and its causes,
    and `where` it happened (an operation, ids). Never the error's message, which may quote what somebody sent, unless
    we wrote it: an unavailable subsystem, an unreadable message."""
    told: dict[str, Any] = {**where, "error": name_of(error), "trace": lines_of(error)}
    if isinstance(error, UnavailableError | PoisonMessageError):
        told["detail"] = str(error)
    logger().error(f"{what} failed", exc_info=False, **told)


@contextmanager
def aside(what: str) -> Iterator[None]:
    """For what follows an effect without being part of it (an audit line, a metric, a notice): a failure is logged, and
    what has been done stays a success."""
    try:
        yield
    except Exception as error:
        log_failure(what, error)


class Line(NamedTuple):
    """What one message adds to the log line and the metrics of its invocation. `seconds` are ages since acceptance.
    `failed`: the service could not do it, through no fault of the caller. `counted`: whether its counts belong in the
    hourly figures."""

    ids: Sequence[str] = ()
    counts: Mapping[str, int] = {}
    seconds: Sequence[float] = ()
    failed: bool = False
    counted: bool = True


class Waited(NamedTuple):
    """How long a batch's oldest message had been in its queue, without any wanted delay."""

    queue: str
    seconds: float


class BatchResponse(TypedDict):
    """What SQS's event source mapping reads with `ReportBatchItemFailures`."""

    batchItemFailures: list[dict[str, str]]


Work = Callable[[str], Line]  # of one message
Outcome = Line | Exception
Count = Callable[[Mapping[str, int], "Waited | None"], None]
Newer = Callable[[str, str], None]  # puts aside a body from this queue that a newer release wrote
BatchWork = Callable[[Sequence[str]], Sequence[Outcome]]  # the result of each message of a batch, in order


def batch_handler(
    stage: str,
    make_work: Callable[[], Work],
    *,
    newer: Newer,
    begin: Callable[[float], None] | None = None,
    count: Count | None = None,
) -> Callable[[dict[str, Any], Any], BatchResponse]:
    """A Lambda handler that passes each message's body to the work of `stage`, one after the other. `begin` gets the
    seconds that the invocation has left, `count` its results. Messages that a newer release wrote go to `newer`."""

    def make_batch_work() -> BatchWork:
        work = make_work()
        return lambda bodies: [_outcome(work, body) for body in bodies]

    return whole_batch_handler(stage, make_batch_work, newer=newer, begin=begin, count=count)


def whole_batch_handler(
    stage: str,
    make_work: Callable[[], BatchWork],
    *,
    newer: Newer | None = None,
    begin: Callable[[float], None] | None = None,
    count: Count | None = None,
) -> Callable[[dict[str, Any], Any], BatchResponse]:
    """The same for work that takes a batch's bodies together.

    Only a failed message returns to its queue, and after too many receives goes to the dead-letter queue. Powertools'
    batch processor would do the same for 150 ms more of every cold start (ADR 0057)."""

    def handler(event: dict[str, Any], context: Any) -> BatchResponse:
        begin_request(getattr(context, "aws_request_id", None))
        if begin is not None:
            begin(_seconds_left(context))
        records, lines, failures = event["Records"], [], []
        outcomes = make_work()([record["body"] for record in records])
        for record, outcome in zip(records, outcomes, strict=True):
            if newer is not None and isinstance(outcome, NewerError):
                outcome = _put_aside(record, newer)
            if isinstance(outcome, Line):
                lines.append(outcome)
            else:
                failures.append(record["messageId"])
                log_failure(stage, outcome, message_id=record["messageId"])
        waited = None
        with aside("age"):  # the work is done, whatever a message's attributes say
            waited = _waited(records)
        write_line(stage, lines, failed=len(failures))
        if count is not None:
            with aside("count"):
                count(_sum([line for line in lines if line.counted]), waited)
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failures]}

    cold_start.end()
    return handler


def _put_aside(record: Mapping[str, Any], newer: Newer) -> Outcome:
    """Comes back when a worker of the newer release may take it; its receives are not used up meanwhile."""
    try:
        newer(_short(_queue_of(record)), record["body"])
    except Exception as error:
        return error
    logger().warning("a message of a newer release waits for it", message_id=record["messageId"])
    return Line(counts={"newer": 1})


def _queue_of(record: Mapping[str, Any]) -> str:
    return str(record["eventSourceARN"]).rpartition(":")[2]


def _outcome(work: Work, body: str) -> Outcome:
    try:
        return work(body)
    except Exception as error:
        return error


def periodic_handler(stage: str, make_parts: Callable[[], Sequence[Callable[[], Line]]]) -> Callable[[Any, Any], None]:
    """A Lambda handler for the clock: every part runs, whatever became of the others; what failed is done by the next
    run. Every part must be safe to run twice at once."""

    def handler(_event: Any, context: Any) -> None:
        begin_request(getattr(context, "aws_request_id", None))
        lines, failed = [], 0
        for part in make_parts():
            try:
                lines.append(part())
            except Exception as error:
                failed += 1
                log_failure(stage, error, message_id=getattr(part, "__qualname__", stage))
        write_line(stage, lines, failed=failed)

    cold_start.end()
    return handler


def write_line(stage: str, lines: Sequence[Line], *, failed: int = 0) -> None:
    """The log line and the metrics of an invocation; never raises, as the work is done. `<Stage>MessagesFailed` has a
    0 or a 1 for each message: its average is the error rate."""
    with aside("log line"):
        fates = [int(line.failed) for line in lines] + [1] * failed
        counts = _sum(lines)
        ids = [id_ for line in lines for id_ in line.ids]
        logger().info(stage, notification_ids=ids[:IDS_IN_A_LINE], counts=dict(counts), messages_failed=sum(fates))
        for word, count in counts.items():
            metrics().add_metric(name=stage.title() + word.title().replace("_", ""), unit=MetricUnit.Count, value=count)
        for line in lines:
            for age in line.seconds:
                metrics().add_metric(name=ACCEPTED_TO_DONE, unit=MetricUnit.Seconds, value=age)
        for fate in fates:
            metrics().add_metric(name=f"{stage.title()}MessagesFailed", unit=MetricUnit.Count, value=fate)
        if metrics().metric_set:  # Powertools would warn of an empty batch
            metrics().flush_metrics()


def _sum(lines: Sequence[Line]) -> Mapping[str, int]:
    counts = Counter[str]()
    for line in lines:
        counts.update(line.counts)
    return counts


def _waited(records: Sequence[Mapping[str, Any]]) -> Waited | None:
    """Since each message was due; it becomes a metric too. SQS's ApproximateAgeOfOldestMessage forgets a message after
    three receives and counts a wanted delay as age."""
    due = [_due_at(one) for one in records if "SentTimestamp" in one.get("attributes", {})]
    if not due:
        return None
    waited = Waited(_queue_of(records[0]), max(0.0, time() - min(due)))
    name = "OldestSeconds" + _short(waited.queue).title().replace("-", "")
    metrics().add_metric(name=name, unit=MetricUnit.Seconds, value=waited.seconds)
    return waited


def _due_at(record: Mapping[str, Any]) -> float:
    due = record.get("messageAttributes", {}).get(DUE_AT)
    return float(due["stringValue"]) if due else int(record["attributes"]["SentTimestamp"]) / 1000


def _short(queue: str) -> str:
    return queue.split("-", 2)[2]  # vestnik-<stage>-<queue>


def _seconds_left(context: Any) -> float:
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    return float(remaining()) / 1000 if remaining is not None else inf
