"""One rig a channel: the channel with the very client that the workers have, against a provider that can be told to
misbehave. `test_contract.py` asks the same of each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parseaddr
from functools import partial
from typing import Any

import pytest
from ses_mailbox.client import MailboxClient
from ses_mailbox.process import running

from chalicelib.channels.chat import ChatChannel
from chalicelib.channels.email import EmailChannel, EmailSender
from chalicelib.channels.live import LiveChannel, Notice
from chalicelib.channels.port import Channel, Message
from chalicelib.channels.push import PushChannel
from chalicelib.channels.sms import SmsChannel
from chalicelib.channels.webhook import WebhookChannel
from chalicelib.channels.whatsapp import WhatsAppChannel
from chalicelib.clock import now
from chalicelib.reasons import Reason
from chalicelib.security.outbound_http import guarded_post, guarded_session
from chalicelib.stage.app import Stage
from chalicelib.storage.endpoints import Endpoints
from tests.integration.channels.mail import CONFIGURATION_SET, MAILINGS_SET, OPTIONS, SENDER
from tests.integration.channels.receiver import DROP, Receiver, receiving
from tests.integration.conftest import ENVIRONMENT
from tests.processes import compose, new_process

FROM = EmailSender(*parseaddr(SENDER))
SETS = {"configuration_set": CONFIGURATION_SET, "mailings_set": MAILINGS_SET}
WHATSAPP_SENDER = "phone-number-id-0123456789abcdef0123456789abcdef"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PARTS = {"subject": "S", "html": "<p>H</p>", "text": "Привет", "title": "T", "body": "B", "url": "https://c.example"}
PARTS |= {"template": "promo", "language": "ru", "parameters": "Привет\nПремьера"}


@dataclass
class Rig:
    """`arrived` counts what the provider has; `break_` makes its next answer a fault of the named kind, False where it
    has none of that kind."""

    channel: Channel
    arrived: Callable[[], int]
    break_: Callable[[str], bool]
    address: Callable[[int], str] = "u{}".format
    unreachable: Callable[[], Channel] | None = None
    more: dict[str, Any] = field(default_factory=dict)

    def message(self, n: int = 1) -> Message:
        """A message to somebody of their own."""
        delivery_id = f"00000000-0000-4000-8000-{n:012}_{self.channel.name}"
        return Message(delivery_id=delivery_id, address=self.address(n), parts=PARTS, tags={"delivery": delivery_id})


@pytest.fixture(scope="module")
def shared_mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailboxClient]:
    with running(tmp_path_factory.mktemp("mailbox"), OPTIONS) as url:
        yield MailboxClient(url, SENDER)


@pytest.fixture
def mailbox(shared_mailbox: MailboxClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailboxClient]:
    shared_mailbox.reset()
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", shared_mailbox.url)
    new_process()
    yield shared_mailbox
    new_process()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def book(stage: None) -> Endpoints:
    """The users' endpoints of an empty stage."""
    return Stage.own().endpoints


@pytest.fixture
def sns_receiver(stage: None, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """SNS is the receiver; the tables are moto's."""
    from moto.core.models import botocore_stubber

    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", receiver.url)
    monkeypatch.setattr(botocore_stubber, "enabled", True)
    return receiver


@pytest.fixture
def whatsapp_receiver(stage: None, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """WhatsApp is the receiver."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SOCIALMESSAGING", receiver.url)
    monkeypatch.setenv("VESTNIK_WHATSAPP_SENDER", WHATSAPP_SENDER)
    return receiver


def scripted(receiver: Receiver, faults: Mapping[str, int | str]) -> Callable[[str], bool]:
    def break_(kind: str) -> bool:
        if kind in faults:
            receiver.faults.append(faults[kind])
        return kind in faults

    return break_


SNS_FAULTS: dict[str, int | str] = {
    "refuse": "InvalidParameter",
    "throttle": "Throttled",
    "server_error": 500,
    "lose_reply": DROP,
}
WHATSAPP_FAULTS: dict[str, int | str] = {
    "refuse": "InvalidParametersException",
    "throttle": "ThrottledRequestException",
    "server_error": 502,
    "lose_reply": DROP,
}
HTTP_FAULTS = {"refuse": 410, "throttle": 429, "server_error": 500, "lose_reply": DROP}


def email_rig(request: pytest.FixtureRequest) -> Rig:
    mailbox: MailboxClient = request.getfixturevalue("mailbox")
    kinds = {"refuse": "refuse", "throttle": "throttle", "server_error": "server_error", "lose_reply": "drop_reply"}

    def break_(kind: str) -> bool:
        mailbox.fault(kind=kinds[kind], times=1)
        return True

    def make() -> Channel:
        return EmailChannel(Stage.own().ses, sender=lambda _: FROM, **SETS)

    def unreachable() -> Channel:
        request.getfixturevalue("monkeypatch").setenv("AWS_ENDPOINT_URL_SESV2", "http://127.0.0.1:1")
        new_process()
        return make()

    return Rig(
        make(),
        arrived=lambda: len(mailbox.letters()),
        break_=break_,
        address="u{}@example.com".format,
        unreachable=unreachable,
    )


def live_rig(request: pytest.FixtureRequest) -> Rig:
    request.getfixturevalue("stage")
    announce, broken = Stage.own().announce, [False]

    class Announcer:
        def announce(self, notices: Sequence[Notice]) -> Sequence[int | Reason]:
            if broken[0]:
                return [Reason.INBOX_UNAVAILABLE] * len(notices)
            # One by one: moto copies its tables for a transaction, and cannot while another thread writes.
            return [cursor for notice in notices for cursor in announce.announce([notice])]

    def break_(kind: str) -> bool:
        broken[0] = kind == "throttle"
        return broken[0]

    def unreachable() -> Channel:
        broken[0] = True
        return LiveChannel(Announcer())

    def arrived() -> int:
        return sum(Stage.own().inbox.head(f"u{n}").last for n in range(20))

    return Rig(LiveChannel(Announcer()), arrived=arrived, break_=break_, unreachable=unreachable)


def sns_rig(request: pytest.FixtureRequest, make: Callable[[], Channel]) -> Rig:
    receiver: Receiver = request.getfixturevalue("sns_receiver")

    def unreachable() -> Channel:
        request.getfixturevalue("monkeypatch").setenv("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:1")
        compose()
        return make()

    return Rig(
        make(), arrived=lambda: len(receiver.taken), break_=scripted(receiver, SNS_FAULTS), unreachable=unreachable
    )


def sms_rig(request: pytest.FixtureRequest) -> Rig:
    rig = sns_rig(request, lambda: SmsChannel(Stage.own().sns, sender="Cinema"))
    rig.address = "+7926000{:04}".format
    return rig


def whatsapp_rig(request: pytest.FixtureRequest) -> Rig:
    receiver: Receiver = request.getfixturevalue("whatsapp_receiver")

    def make() -> Channel:
        return WhatsAppChannel(Stage.own().socialmessaging, sender=WHATSAPP_SENDER)

    def unreachable() -> Channel:
        request.getfixturevalue("monkeypatch").setenv("AWS_ENDPOINT_URL_SOCIALMESSAGING", "http://127.0.0.1:1")
        compose()
        return make()

    return Rig(
        make(),
        arrived=lambda: len(receiver.taken),
        break_=scripted(receiver, WHATSAPP_FAULTS),
        address="+7926000{:04}".format,
        unreachable=unreachable,
    )


def push_rig(request: pytest.FixtureRequest) -> Rig:
    book: Endpoints = request.getfixturevalue("book")
    for n in range(20):
        arn = f"arn:aws:sns:eu-central-1:123456789012:endpoint/GCM/vestnik-test-app/{n}"
        book.add(f"u{n}", "push", target=arn, shown="android …1234", name=None)
    return sns_rig(request, lambda: PushChannel(Stage.own().sns, devices=book))


def webhook_rig(request: pytest.FixtureRequest) -> Rig:
    book: Endpoints = request.getfixturevalue("book")
    receiver: Receiver = request.getfixturevalue("receiver")
    post = partial(guarded_post, guarded_session(allow_private=True))
    for n in range(20):
        book.add(f"u{n}", "webhook", target=f"{receiver.url}/hooks/{n}", shown="", name=None, secret=SECRET)

    def unreachable() -> Channel:
        return WebhookChannel(lambda _url, *rest: post("http://127.0.0.1:1/", *rest), hooks=book, clock=now)

    return Rig(
        WebhookChannel(post, hooks=book, clock=now),
        arrived=lambda: len(receiver.taken),
        break_=scripted(receiver, HTTP_FAULTS),
        unreachable=unreachable,
    )


def chat_rig(request: pytest.FixtureRequest) -> Rig:
    book: Endpoints = request.getfixturevalue("book")
    receiver: Receiver = request.getfixturevalue("receiver")
    host = receiver.url.removeprefix("http://")
    for n in range(20):
        book.add(f"u{n}", "chat", target=f"json://{host}/chats/{n}", shown="", name=None)
    return Rig(
        ChatChannel(rooms=book, kinds={"json"}, own_hosts=True),
        arrived=lambda: len(receiver.taken),
        break_=scripted(receiver, {**HTTP_FAULTS, "refuse": 403}),
    )


RIGS: Mapping[str, Callable[[pytest.FixtureRequest], Rig]] = {
    "email": email_rig,
    "live": live_rig,
    "sms": sms_rig,
    "whatsapp": whatsapp_rig,
    "push": push_rig,
    "webhook": webhook_rig,
    "chat": chat_rig,
}


@pytest.fixture(params=RIGS)
def rig(request: pytest.FixtureRequest) -> Rig:
    return RIGS[request.param](request)
