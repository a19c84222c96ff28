"""What holds for every test: a skip is a failure where the machine is meant to have everything (`.ci/run`)."""

import gc
import os
import sys
import time
from collections.abc import Callable, Generator, Iterator
from functools import cache
from importlib import import_module
from threading import RLock
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.session
import moto.core.models
import moto.core.responses
import moto.dynamodb.models
import moto.sqs.models
import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from botocore.hooks import EventAliaser, HierarchicalEmitter
from botocore.loaders import create_loader
from hypothesis import HealthCheck, settings
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.utils import camelcase_to_underscores, method_names_from_class
from moto.dynamodb.exceptions import ConditionalCheckFailed, MockValidationException

from infra.catalogues import compile_catalogues
from infra.local.statements import DUPLICATE, inserted
from infra.paths import ROOT
from tests.twin.process import install

DEPLOYMENTS = ROOT / "tests" / "integration" / "infra"


@cache
def _grammars() -> Any:
    del sys.modules["rfc3987_syntax"]
    return import_module("rfc3987_syntax")


# jsonschema builds forty grammars where it is imported, for two seconds; hardly a test meets what they are for.
_late: Any = SimpleNamespace(is_valid_syntax=lambda rule, text: _grammars().is_valid_syntax(rule, text))
sys.modules.setdefault("rfc3987_syntax", _late)

# How long an example takes says what else the machine does, and nothing of our code.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def catalogues_are_compiled() -> None:
    """As `make setup` does, after any change of them."""
    compile_catalogues()


@pytest.fixture(scope="session", autouse=True)
def clients_are_made_quickly() -> Iterator[None]:
    """Every test makes sessions and clients of its own: they read the models of the services once a process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(create_loader))
        names: Any = EventAliaser(HierarchicalEmitter())
        patch.setattr(EventAliaser, "_alias_event_name", staticmethod(names._alias_event_name))
        yield


@pytest.fixture(scope="session", autouse=True)
def moto_begins_quickly() -> Iterator[None]:
    """A test's moto answers botocore alone, so what it registers for the library `requests` at each beginning, a
    thousand addresses, is left out; what it finds out of a name or a class it finds out once; for the age of a message
    it does not list every attribute of the queue, which counts all messages; and an empty queue says so at once, as
    nobody is there to fill it meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moto.core.models, "RESPONSES_METHODS", [])
        patch.setattr(moto.sqs.models, "camelcase_to_underscores", cache(camelcase_to_underscores))
        patch.setattr(moto.sqs.models, "unix_time", time.time)
        patch.setattr(moto.sqs.models, "unix_time_millis", lambda: time.time() * 1000)
        patch.setattr(moto.sqs.models.SQSBackend, "is_message_valid_based_on_retention_period", _is_kept)
        patch.setattr(moto.sqs.models.SQSBackend, "receive_message", _received_at_once)
        patch.setattr(moto.core.responses, "method_names_from_class", cache(method_names_from_class))
        yield


def _is_kept(backend: Any, queue_name: str, message: Any) -> bool:
    """As moto has it: is a message younger than its queue's retention?"""
    return bool(message.sent_timestamp / 1000 + backend.get_queue(queue_name).message_retention_period > time.time())


_receive = moto.sqs.models.SQSBackend.receive_message


def _received_at_once(backend: Any, queue_name: str, count: int, wait_seconds: int, *more: Any) -> Any:
    """What is there now."""
    return _receive(backend, queue_name, count, 0, *more)


@pytest.fixture(scope="session", autouse=True)
def moto_inserts_as_aws_does() -> Iterator[None]:
    """moto's own INSERT knows no parameters, and writes over what is there."""
    with pytest.MonkeyPatch.context() as patch:
        backend = moto.dynamodb.models.DynamoDBBackend
        patch.setattr(backend, "batch_execute_statement", lambda self, asked: [_inserted(self, one) for one in asked])
        yield


def _inserted(backend: Any, statement: dict[str, Any]) -> dict[str, Any]:
    """The answer to one statement of a batch."""
    name, item = inserted(statement)
    free = {"#k": backend.get_table(name).hash_key_attr}
    try:
        backend.put_item(name, item, condition_expression="attribute_not_exists(#k)", expression_attribute_names=free)
    except ConditionalCheckFailed:
        return {"Error": DUPLICATE, "TableName": name}
    except MockValidationException as error:
        return {"Error": {"Code": "ValidationError", "Message": str(error)}}
    return {"TableName": name}


@pytest.fixture(scope="session", autouse=True)
def a_password_is_hashed_once() -> Iterator[None]:
    """A hash is meant to take its time, and nearly every test's manager has the same password. Which hash it is stays
    as in production."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PasswordHasher, "hash", _once(PasswordHasher.hash))
        patch.setattr(PasswordHasher, "verify", _once(PasswordHasher.verify))
        yield


def _once(compute: Callable[..., Any]) -> Callable[..., Any]:
    """Results are reused for the same arguments and costs."""
    known: dict[tuple[object, ...], Any] = {}

    def computed(hasher: PasswordHasher, *about: str) -> Any:
        key = (hasher.time_cost, hasher.memory_cost, hasher.parallelism, *about)
        if key not in known:
            try:
                known[key] = compute(hasher, *about)
            except VerifyMismatchError as mistake:
                known[key] = mistake
        if isinstance(known[key], VerifyMismatchError):
            raise VerifyMismatchError(*known[key].args)
        return known[key]

    return computed


@pytest.fixture(scope="session", autouse=True)
def moto_answers_one_request_at_a_time() -> Iterator[None]:
    """moto copies whole tables before a transaction and puts the copies back after a refused one: beside another
    thread's write the copying fails, or the write is undone."""
    answer = BotocoreStubber.process_request
    lock = RLock()

    def in_turn(self: BotocoreStubber, request: Any) -> Any:
        with lock:
            return answer(self, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BotocoreStubber, "process_request", in_turn)
        install(patch)
        yield


@pytest.fixture
def own_environment() -> Iterator[None]:
    """What commands and tools put into the environment ends with the test, and boto3's session of an earlier test, with
    its keys, is not theirs."""
    boto3.DEFAULT_SESSION = None
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole deployments come first: at the end one worker would be left alone with them."""
    items.sort(key=lambda item: item.path.parent != DEPLOYMENTS)


def pytest_collection_finish() -> None:
    """Nine thousand collected tests are never garbage: to look through them at every full collection took a second of a
    letter's time. Nor is most of what a test makes: with collections a seventieth as often it computes 4 % less."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With VESTNIK_NO_SKIPS set a skipped test fails and says why it would have been skipped."""
    report = yield
    if os.environ.get("VESTNIK_NO_SKIPS") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and nothing may be here: {report.longrepr}"
    return report
