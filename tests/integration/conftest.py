"""The parts together: the tables of a stage in memory (`tests/twin`), its queues and letters on moto, and a pump that
plays the event source mappings."""

import pickle
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID
from pynamodb.models import Model

from chalicelib import aws_session
from chalicelib.api.endpoint import forbid_drift
from chalicelib.manifest import CONSUMERS
from chalicelib.security.signing import KEYS, new_key, parameter_name
from chalicelib.settings import settings
from chalicelib.storage.rows import accounts as managers
from chalicelib.storage.rows import campaign_parts, campaigns, configuration, digests, ledger, links, media, people
from chalicelib.storage.rows import flow as control
from chalicelib.storage.rows import live as live_tables
from tests.integration import compiled_once
from tests.processes import new_process
from tests.twin.dynamodb import DynamoDB
from tests.twin.process import twin, twin_in_place

TABLES = (
    live_tables.ConnectionRow,
    live_tables.PersonRow,
    live_tables.NameRow,
    live_tables.TicketRow,
    live_tables.InboxRow,
    ledger.LedgerRow,
    people.UserRow,
    people.PreferencesRow,
    people.SuppressionRow,
    people.EndpointRow,
    people.CapRow,
    digests.DigestRow,
    configuration.TemplateRow,
    configuration.ApiKeyRow,
    control.SwitchRow,
    control.ConsumerRow,
    control.LimitRow,
    control.CallRow,
    configuration.SettingRow,
    links.LinkRow,
    links.AllowanceRow,
    campaigns.CampaignRow,
    campaigns.RunRow,
    campaign_parts.ShardRow,
    campaign_parts.ParkedRow,
    campaign_parts.CounterRow,
    campaigns.ListRow,
    media.MediaRow,
    managers.ManagerRow,
    managers.SessionRow,
    managers.AuditRow,
)
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "VESTNIK_STAGE": "test",
    "VESTNIK_PUBLIC_URL": "https://notify.cinema.example",
    "VESTNIK_MAIL_FROM": "Vestnik Cinema <news@cinema.example>",
    "VESTNIK_SITE_URL": "https://cinema.example",
    "VESTNIK_SITE_NAME": "Vestnik Cinema",
    "VESTNIK_MEDIA_URL": "https://media.cinema.example",
    "VESTNIK_LIVE_URL": "wss://live.cinema.example",
    "VESTNIK_LIVE_DEMO": "true",
    "POWERTOOLS_SERVICE_NAME": "vestnik",
    "POWERTOOLS_METRICS_NAMESPACE": "Vestnik",
}


@pytest.fixture(scope="package", autouse=True)
def templates_are_compiled_once() -> Iterator[None]:
    """Nearly every test shows the same pages and writes the same letters."""
    with pytest.MonkeyPatch.context() as patch:
        compiled_once.install(patch)
        yield


@pytest.fixture(scope="package", autouse=True)
def keys_are_read_by_one_client() -> Iterator[None]:
    """Every stage asks SSM once or twice; to make the client takes longer than most tests."""
    create = aws_session._Session.create_client
    kept: dict[str, Any] = {}

    def kept_or_made(session: Any, service: str, *more: Any, **how: Any) -> Any:
        if service != "ssm":
            return create(session, service, *more, **how)
        region = session.get_config_variable("region")
        if region not in kept:
            kept[region] = create(session, service, *more, **how)
        return kept[region]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aws_session._Session, "create_client", kept_or_made)
        yield


def create(table: type[Model]) -> None:
    """What `Model.create_table` does, without asking first whether it is there."""
    schema = table._get_schema()
    table._get_connection().create_table(
        attribute_definitions=schema["attribute_definitions"],
        key_schema=schema["key_schema"],
        global_secondary_indexes=schema["global_secondary_indexes"],
        billing_mode="PAY_PER_REQUEST",
    )


def empty_stage() -> None:
    """Makes what the stage of this environment consists of, inside `mock_aws`. It is put straight into moto, where the
    calls of AWS would take four fifths of a test."""
    new_process()
    if twin() is None:
        moto_of("dynamodb").tables = pickle.loads(_empty_tables())  # noqa: S301 (our own, of this process)
    sqs = moto_of("sqs")
    for queue in CONSUMERS:
        for name in (queue, f"{queue}-dlq"):
            sqs.create_queue(settings().resource(name))
    moto_of("sesv2").create_email_identity("cinema.example", None, None, None)
    for key in KEYS:
        moto_of("ssm").put_parameter(
            name=parameter_name("test", key),
            description="",
            value=new_key(),
            parameter_type="SecureString",
            allowed_pattern="",
            keyid="",
            overwrite=False,
            tags=[],
            data_type="text",
            tier=None,
            policies=None,
        )


@cache
def _empty_tables() -> bytes:
    for table in TABLES:
        create(table)
    return pickle.dumps(moto_of("dynamodb").tables)


@cache
def _database() -> DynamoDB:
    made = DynamoDB()
    with twin_in_place(made):
        new_process()
        for table in {table.Meta.thing: table for table in TABLES}.values():
            create(table)
    return made


def empty_database() -> DynamoDB:
    """The tables of the stage, in memory."""
    return _database().emptied()


def moto_of(service: str) -> Any:
    """What moto keeps of a service."""
    return get_backend(service)[DEFAULT_ACCOUNT_ID][ENVIRONMENT["AWS_DEFAULT_REGION"]]


def bucket_of(kind: str) -> str:
    """The name of one of the stage's buckets."""
    return f"{settings().resource(kind)}-{DEFAULT_ACCOUNT_ID}-{ENVIRONMENT['AWS_DEFAULT_REGION']}"


@contextmanager
def a_stage(monkeypatch: pytest.MonkeyPatch, *, on_twin: bool = True) -> Iterator[None]:
    """An empty stage `test`, where an answer that is not exactly as declared is a mistake."""
    forbid_drift()
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with mock_aws(), twin_in_place(empty_database() if on_twin else None):
        empty_stage()
        for kind in ("files", "media", "lists"):
            get_backend("s3")[DEFAULT_ACCOUNT_ID]["aws"].create_bucket(
                bucket_of(kind), ENVIRONMENT["AWS_DEFAULT_REGION"]
            )
        yield
    new_process()


@pytest.fixture
def bucket(stage: None) -> str:
    """The bucket of the files that letters carry."""
    return bucket_of("files")


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A stage for one test."""
    with a_stage(monkeypatch):
        yield


@pytest.fixture
def shelf(stage: None) -> Any:
    """The bucket of pictures."""
    return boto3.resource("s3").Bucket(bucket_of("media"))


WORKERS: Mapping[str, ModuleType] = {
    queue: import_module(f"functions.{spec.worker}") for queue, spec in CONSUMERS.items()
}


def messages_in(queue: str) -> int:
    """How many messages a queue holds, visible or delayed: counted where moto keeps them, since many tests ask this of
    every queue."""
    kept = moto_of("sqs").queues[settings().resource(queue)]._messages
    return sum(message.visible or message.delayed for message in kept)


@cache
def _sqs() -> Any:
    """moto answers it, in whichever test it was made."""
    return boto3.client("sqs")


class Pump:
    """Plays SQS's event source mappings: takes what is in the queues to the workers until nothing moves."""

    def __init__(self) -> None:
        self._sqs = _sqs()
        self._urls: dict[str, str] = {}
        self._failed: list[tuple[str, str]] = []

    def bodies(self, queue: str) -> list[str]:
        """What waits in a queue, delayed messages left out."""
        url = self._url(queue)
        answer = self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [message["Body"] for message in answer.get("Messages", [])]

    def put(self, queue: str, body: str) -> None:
        """A message of one's own."""
        self._sqs.send_message(QueueUrl=self._url(queue), MessageBody=body)

    def take(self, queue: str) -> list[str]:
        """Removes at most ten messages that wait, and returns their bodies."""
        url = self._url(queue)
        messages = self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in messages]

    def run(self, *queues: str) -> list[str]:
        """Works off the queues (all but `retry` if none is named); the ids of failed messages, which are not taken
        again."""
        failed: list[str] = []
        names = queues or tuple(name for name in WORKERS if name != "retry")
        moved = True
        while moved:
            moved = max([self._batch(name, failed) for name in names])
        return failed

    def waiting(self, queue: str) -> int:
        """How many messages are in a queue, delayed ones included."""
        return messages_in(queue)

    def pass_(self, queue: str, *, seconds: float) -> None:
        """Lets time pass for what is in a queue."""
        for message in moto_of("sqs").queues[settings().resource(queue)]._messages:
            message.delayed_until -= seconds * 1000
            message.visible_at -= seconds * 1000

    def return_failed(self) -> None:
        """Lets the visibility timeout of failed messages pass."""
        for queue, receipt in self._failed:
            self._sqs.change_message_visibility(QueueUrl=self._url(queue), ReceiptHandle=receipt, VisibilityTimeout=0)
        self._failed.clear()

    def step(self, queue: str, messages: int) -> list[str]:
        """Takes at most so many messages of one queue to its worker."""
        failed: list[str] = []
        self._batch(queue, failed, messages)
        return failed

    def _batch(self, queue: str, failed: list[str], size: int = 10) -> bool:
        if not moto_of("sqs").queues[settings().resource(queue)]._messages:  # twenty are asked, and most are empty
            return False
        url = self._url(queue)
        messages = self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=size, VisibilityTimeout=600).get(
            "Messages", []
        )
        if not messages:
            return False
        source = f"arn:aws:sqs:eu-central-1:{DEFAULT_ACCOUNT_ID}:{settings().resource(queue)}"
        records = [{"messageId": m["MessageId"], "body": m["Body"], "eventSourceARN": source} for m in messages]
        answer = WORKERS[queue].handler({"Records": records}, None)
        bad = {one["itemIdentifier"] for one in answer["batchItemFailures"]}
        failed.extend(bad)
        for message in messages:
            if message["MessageId"] in bad:
                self._failed.append((queue, message["ReceiptHandle"]))
            else:
                self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return True

    def _url(self, queue: str) -> str:
        if queue not in self._urls:
            self._urls[queue] = self._sqs.get_queue_url(QueueName=settings().resource(queue))["QueueUrl"]
        return self._urls[queue]


@pytest.fixture
def pump(stage: None) -> Pump:
    """The workers of the stage."""
    return Pump()


Letters = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def letters(stage: None) -> Letters:
    """The letters that SES took, oldest first."""

    def taken() -> list[dict[str, Any]]:
        sent = moto_of("sesv2").core_backend.sent_messages
        return [{"to": m.destinations["ToAddresses"], "subject": m.subject, "body": m.body} for m in sent]

    return taken
