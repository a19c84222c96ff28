"""The one place that makes clients and puts the parts together; everything is made at its first use and kept.

Every client has explicit timeouts and retries. SES has none of its own: see `channels/email.py`.
"""

import random
import time
from collections.abc import Mapping
from email.utils import parseaddr
from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from chalicelib.campaigns.admission import Admission, Heads
from chalicelib.campaigns.content import ContentSource
from chalicelib.campaigns.control import CampaignControl
from chalicelib.campaigns.fanout import Fanout
from chalicelib.campaigns.generator import Generator
from chalicelib.campaigns.lists import ListLoader, ListStore
from chalicelib.campaigns.pace import Publisher
from chalicelib.campaigns.parking import Parking
from chalicelib.campaigns.preview import Preview
from chalicelib.campaigns.readiness import Readiness
from chalicelib.campaigns.runs import Runs
from chalicelib.campaigns.sources import Sources
from chalicelib.campaigns.store import CampaignStore
from chalicelib.campaigns.uploads import S3Uploads
from chalicelib.channels.base import Channel
from chalicelib.channels.email import EmailChannel
from chalicelib.channels.live import LiveChannel
from chalicelib.channels.registry import CHANNELS
from chalicelib.clock import now
from chalicelib.control.allowance import Allowances
from chalicelib.control.consumers import Consumers
from chalicelib.control.dead_letters import DeadLetters
from chalicelib.control.gate import Deadline, Gate
from chalicelib.control.keys import KeyRing
from chalicelib.control.limits import Limiter
from chalicelib.control.queues import Queues
from chalicelib.control.signing import Signer, parameter_name, read_parameter
from chalicelib.control.site_settings import SiteSettings
from chalicelib.control.switch import SwitchPolicy
from chalicelib.control.switches import Switches
from chalicelib.control.tokens import Tokens
from chalicelib.live.announce import Announce
from chalicelib.live.chat import Chat
from chalicelib.live.connections import Connections
from chalicelib.live.desk import Desk
from chalicelib.live.door import Door, DoorRules, origin_of
from chalicelib.live.inbox import Inbox
from chalicelib.live.jobs import LiveQueue
from chalicelib.live.limits import Limits
from chalicelib.live.personal import LivePart
from chalicelib.live.post import CONCURRENCY, Poster
from chalicelib.live.presence import Presence
from chalicelib.live.receive import Receive
from chalicelib.live.tickets import Tickets
from chalicelib.pipeline.accept import Accept
from chalicelib.pipeline.confirmation import ConfirmationLetters
from chalicelib.pipeline.consent import ConsentDesk
from chalicelib.pipeline.deliver import Deliver
from chalicelib.pipeline.enrich import Enrich
from chalicelib.pipeline.events import Events
from chalicelib.pipeline.feedback import Feedback
from chalicelib.pipeline.history import History
from chalicelib.pipeline.ledger import Ledger
from chalicelib.pipeline.letter_links import LetterLinkMaker
from chalicelib.pipeline.links import LinkBook
from chalicelib.pipeline.own_say import OwnSay
from chalicelib.pipeline.personal_data import (
    LinksPart,
    NotificationsPart,
    PersonalData,
    PersonalPart,
    PreferencesPart,
    ProfilePart,
    SuppressionsPart,
)
from chalicelib.pipeline.reconcile import Reconcile
from chalicelib.pipeline.retry import Retries
from chalicelib.pipeline.revive import Revive
from chalicelib.pipeline.tick import Tick
from chalicelib.pipeline.visit import Visit
from chalicelib.profiles.directory import Directory
from chalicelib.profiles.preferences import PreferenceStore
from chalicelib.profiles.source import ProfileSource
from chalicelib.profiles.suppressions import SuppressionList
from chalicelib.rendering.render import Renderer, Site
from chalicelib.rendering.store import TemplateStore
from chalicelib.rendering.stored import TemplateTable
from chalicelib.settings import settings

if TYPE_CHECKING:
    import requests
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient

_AWS = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 3, "mode": "standard"})
_S3 = Config(
    connect_timeout=2,
    read_timeout=10,
    retries={"total_max_attempts": 3, "mode": "standard"},
    signature_version="s3v4",
    s3={"addressing_style": "path"},  # works wherever the endpoint is, without a name of its own for the bucket
)
_SES = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1, "mode": "standard"})
# A post that takes longer than this is worth less than the next one; the inbox has what it carried.
_POST = Config(
    connect_timeout=1,
    read_timeout=2,
    max_pool_connections=CONCURRENCY,
    retries={"total_max_attempts": 2, "mode": "standard"},
)


@cache
def sqs() -> "SQSClient":
    """SQS: its own three tries are safe, jobs are idempotent."""
    return boto3.client("sqs", config=_AWS)


@cache
def aws_lambda() -> "LambdaClient":
    """Lambda, for switching consumers."""
    return boto3.client("lambda", config=_AWS)


@cache
def ses() -> "SESV2Client":
    """SES v2, with one try."""
    return boto3.client("sesv2", config=_SES)


@cache
def queues() -> Queues:
    """The stage's queues."""
    return Queues(sqs(), settings().resource(""))


@cache
def channels() -> Mapping[str, Channel]:
    """The channels by name; the contract tests compare them with the registry."""
    email = EmailChannel(ses(), sender=settings().mail_from, configuration_set=settings().configuration_set)
    return {channel.name: channel for channel in (email, LiveChannel(announce()))}


@cache
def ledger() -> Ledger:
    """The only writer of statuses."""
    return Ledger(clock=now, retention_days=settings().retention_days)


@cache
def template_table() -> TemplateTable:
    """Templates that people wrote."""
    return TemplateTable(clock=now)


@cache
def templates() -> TemplateStore:
    """All templates, shipped and stored."""
    return TemplateStore(template_table(), clock=now)


def new_renderer() -> Renderer:
    """A renderer with nothing in its cache, for drafts: they share a version number until one is stored."""
    return Renderer(channels=CHANNELS, site=Site(name=settings().site_name, url=settings().site_url))


@cache
def renderer() -> Renderer:
    """The renderer of stored versions."""
    return new_renderer()


@cache
def directory() -> Directory:
    """The user directory."""
    return Directory(clock=now)


@cache
def preferences() -> PreferenceStore:
    """What users said of themselves."""
    return PreferenceStore(channels=tuple(CHANNELS), clock=now)


@cache
def suppressions() -> SuppressionList:
    """Addresses that must not be written to."""
    return SuppressionList(clock=now)


@cache
def history() -> History:
    """The reader of the ledger."""
    return History(clock=now)


@cache
def accept() -> Accept:
    """The intake."""
    return Accept(templates=templates(), queues=queues(), clock=now, retention_days=settings().retention_days)


@cache
def profile_source() -> ProfileSource:
    """Where workers read profiles."""
    if settings().profiles_url:
        from chalicelib.profiles.http import HttpProfiles

        return HttpProfiles(settings().profiles_url or "", timeout_seconds=settings().profiles_timeout_seconds)
    return directory()


@cache
def switches() -> Switches:
    """The switches of subsystems."""
    policy = SwitchPolicy(
        failures=settings().switch_failures,
        window_seconds=settings().switch_window_seconds,
        probe_seconds=settings().probe_seconds,
        ramp_seconds=settings().ramp_seconds,
    )
    return Switches(clock=now, policy=policy)


@cache
def limiter() -> Limiter:
    """The shared limits."""
    return Limiter(clock=now, default_rates=settings().default_rate)


@cache
def consumers() -> Consumers:
    """The consumers of the queues."""
    return Consumers(aws_lambda(), switches(), clock=now, prefix=settings().resource(""))


@cache
def deadline() -> Deadline:
    """When this invocation has to come to its end."""
    return Deadline(seconds=time.monotonic)


@cache
def gate(subsystem: str) -> Gate:
    """What stands before the calls of a subsystem."""
    return Gate(
        subsystem,
        switches=switches(),
        limiter=limiter(),
        consumers=consumers(),
        deadline=deadline(),
        sleep=time.sleep,
    )


@cache
def consent() -> ConsentDesk:
    """Who may be written to, and when."""
    return ConsentDesk(
        preferences=preferences(),
        suppressions=suppressions(),
        clock=now,
        default_zone=settings().default_timezone,
    )


@cache
def ssm() -> "SSMClient":
    """SSM, for the signing key."""
    return boto3.client("ssm", config=_AWS)


@cache
def signer() -> Signer:
    """What tokens and links are signed with."""
    return Signer(lambda: read_parameter(ssm(), parameter_name(settings().stage)))


@cache
def tokens() -> Tokens:
    """The tokens in letters."""
    return Tokens(signer())


@cache
def site_settings() -> SiteSettings:
    """The settings that managers change."""
    return SiteSettings(site_url=settings().site_url, clock=now)


@cache
def links() -> LinkBook:
    """Short links."""
    return LinkBook(clock=now)


@cache
def link_maker() -> LetterLinkMaker:
    """The links in letters."""
    return LetterLinkMaker(
        public_url=settings().public_url,
        reply_address=parseaddr(settings().mail_from)[1],
        signer=signer(),
        tokens=tokens(),
        site=site_settings(),
        clock=now,
    )


@cache
def events() -> Events:
    """The listener to the site."""
    return Events(
        site=site_settings(),
        directory=directory(),
        templates=templates(),
        accept=accept(),
        clock=now,
        retention_days=settings().retention_days,
    )


@cache
def confirmation_letters() -> ConfirmationLetters:
    """The confirmation letter once more."""
    return ConfirmationLetters(
        directory=directory(), accept=accept(), allowances=Allowances(clock=now), site=site_settings()
    )


@cache
def own_say() -> OwnSay:
    """What readers decide."""
    return OwnSay(preferences=preferences(), suppressions=suppressions(), ledger=ledger())


@cache
def personal_data() -> PersonalData:
    """All that is kept of one user. A part of the service that keeps something adds itself here, before the profile."""
    parts: tuple[PersonalPart, ...] = (
        NotificationsPart(history()),
        LinksPart(links()),
        PreferencesPart(preferences()),
        SuppressionsPart(suppressions(), directory()),
        LivePart(inbox=inbox(), connections=live_connections(), poster=poster()),
        ProfilePart(directory()),
    )
    return PersonalData(parts)


@cache
def visit() -> Visit:
    """The visits of short links."""
    return Visit(links=links(), directory=directory(), site=site_settings(), ledger=ledger())


@cache
def enrich() -> Enrich:
    """The enricher."""
    return Enrich(
        profiles=profile_source(),
        consent=consent(),
        ledger=ledger(),
        queues=queues(),
        retries=retries(),
        campaigns=admission(),
        gate=gate("profiles"),
        max_attempts=settings().max_attempts,
        clock=now,
        default_locale=settings().default_locale,
    )


@cache
def retries() -> Retries:
    """The retry queue."""
    return Retries(queues=queues(), clock=now, jitter=random.random, base_seconds=settings().retry_seconds)


@cache
def deliver() -> Deliver:
    """The sender."""
    return Deliver(
        templates=templates(),
        renderer=renderer(),
        channels=channels(),
        gates={name: gate(spec.subsystem) for name, spec in CHANNELS.items()},
        consent=consent(),
        link_maker=link_maker(),
        links=links(),
        ledger=ledger(),
        retries=retries(),
        campaigns=admission(),
        clock=now,
        lease_seconds=settings().lease_seconds,
        reconcile_seconds=settings().reconcile_seconds,
        max_attempts=settings().max_attempts,
    )


@cache
def reconcile() -> Reconcile:
    """The reconciler."""
    return Reconcile(ledger=ledger(), retries=retries(), clock=now, reconcile_seconds=settings().reconcile_seconds)


@cache
def feedback() -> Feedback:
    """The listener to providers."""
    return Feedback(ledger=ledger(), suppressions=suppressions(), site=site_settings(), clock=now)


@cache
def dead_letters() -> DeadLetters:
    """The dead-letter queues."""
    return DeadLetters(sqs(), settings().resource(""))


@cache
def revive() -> Revive:
    """What people do about deliveries."""
    return Revive(ledger=ledger(), queues=queues(), dead_letters=dead_letters())


@cache
def tick() -> Tick:
    """The periodic work."""
    return Tick(accept=accept(), clock=now)


@cache
def campaigns() -> CampaignStore:
    """The campaigns."""
    return CampaignStore(clock=now)


@cache
def parking() -> Parking:
    """A campaign's chunks that wait."""
    return Parking(clock=now, retention_days=settings().retention_days)


@cache
def content_source() -> ContentSource:
    """More content for a campaign's letters."""

    def session() -> "requests.Session":
        from chalicelib.control.web import guarded_session

        return guarded_session(allow_private=settings().private_addresses)

    return ContentSource(session=session, clock=time.monotonic)


@cache
def admission() -> Admission:
    """What stands before every chunk of a campaign."""
    heads = Heads(clock=time.monotonic)
    return Admission(
        heads=heads,
        parking=parking(),
        content=content_source(),
        ledger=ledger(),
        retries=retries(),
        limiter=Limiter(clock=now, default_rates=heads.rate, block_seconds=0),  # a call is a whole chunk
        sleep=time.sleep,
        max_attempts=settings().max_attempts,
        retention_days=settings().retention_days,
    )


@cache
def runs() -> Runs:
    """The runs of campaigns."""
    return Runs(
        templates=templates(),
        parking=parking(),
        queues=queues(),
        clock=now,
        retention_days=settings().retention_days,
    )


@cache
def lists() -> ListStore:
    """Uploaded audiences."""
    return ListStore(queues=queues(), clock=now)


@cache
def uploads() -> S3Uploads:
    """The bucket that they are uploaded to."""

    def account() -> str:
        return str(boto3.client("sts", config=_AWS).get_caller_identity()["Account"])

    return S3Uploads(boto3.client("s3", config=_S3), account=account, prefix=settings().resource("lists"))


@cache
def list_loader() -> ListLoader:
    """The reader of uploads."""
    return ListLoader(store=lists(), uploads=uploads(), clock=now)


@cache
def sources() -> Sources:
    """Where the recipients of runs come from."""
    return Sources(directory=directory(), lists=lists(), default_zone=settings().default_timezone)


@cache
def fanout() -> Fanout:
    """The fan-out of runs."""
    return Fanout(
        campaigns=campaigns(),
        runs=runs(),
        sources=sources(),
        parking=parking(),
        publisher=Publisher(queues(), sleep=time.sleep, clock=time.monotonic),
        queues=queues(),
        clock=now,
        monotonic=time.monotonic,
        default_zone=settings().default_timezone,
    )


@cache
def generator() -> Generator:
    """The generator of automatic mailings."""
    return Generator(campaigns=campaigns(), runs=runs(), clock=now, default_zone=settings().default_timezone)


@cache
def readiness() -> Readiness:
    """What must be right before a campaign starts."""
    return Readiness(
        templates=templates(),
        renderer=new_renderer(),
        lists=lists(),
        campaigns=campaigns(),
        sources=sources(),
        clock=now,
        default_zone=settings().default_timezone,
    )


@cache
def campaign_control() -> CampaignControl:
    """What managers do with campaigns."""
    return CampaignControl(
        campaigns=campaigns(),
        runs=runs(),
        generator=generator(),
        readiness=readiness(),
        accept=accept(),
        content=content_source(),
        clock=now,
        default_zone=settings().default_timezone,
        approval=settings().campaign_approval,
    )


@cache
def campaign_preview() -> Preview:
    """A look at an audience before anybody is written to."""
    return Preview(
        runs=runs(),
        sources=sources(),
        templates=templates(),
        directory=directory(),
        consent=consent(),
        clock=now,
        monotonic=time.monotonic,
        default_zone=settings().default_timezone,
    )


@cache
def key_ring() -> KeyRing:
    """The checker of API keys."""
    return KeyRing()


def management_client(endpoint: str) -> "ApiGatewayManagementApiClient":
    """The client that posts to the connections behind a management address."""
    return boto3.client("apigatewaymanagementapi", endpoint_url=endpoint, config=_POST)


@cache
def live_connections() -> Connections:
    """The open WebSockets."""
    return Connections(clock=now)


@cache
def poster() -> Poster:
    """The way to the clients."""
    return Poster(management_client, connections=live_connections(), clock=now)


@cache
def live_queue() -> LiveQueue:
    """What the live side does a moment later."""
    return LiveQueue(queues())


@cache
def presence() -> Presence:
    """Who is in the chat."""
    return Presence(connections=live_connections(), poster=poster())


@cache
def inbox() -> Inbox:
    """The users' inboxes."""
    return Inbox(clock=now, retention_days=settings().retention_days)


@cache
def desk() -> Desk:
    """The inboxes as clients see them."""
    return Desk(inbox=inbox(), connections=live_connections(), poster=poster())


@cache
def announce() -> Announce:
    """The announcer of live notifications."""
    return Announce(inbox=inbox(), connections=live_connections(), poster=poster())


@cache
def tickets() -> Tickets:
    """The tickets to a WebSocket."""
    return Tickets(clock=now)


@cache
def door() -> Door:
    """Who may connect."""
    pages = {settings().site_url, settings().public_url, *settings().live_origins.split()}
    return Door(
        rules=DoorRules(origins=frozenset(map(origin_of, pages)), guests=settings().live_demo),
        tickets=tickets(),
        connections=live_connections(),
        presence=presence(),
        inbox=inbox(),
        poster=poster(),
        queue=live_queue(),
    )


@cache
def receive() -> Receive:
    """The reader of frames."""
    chat = Chat(connections=live_connections(), presence=presence(), poster=poster(), queue=live_queue(), clock=now)
    return Receive(connections=live_connections(), limits=Limits(clock=now), chat=chat, desk=desk(), poster=poster())
