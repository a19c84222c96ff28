"""Puts the mailbox together: one Starlette application, its store and its publisher."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ses_mailbox.api import JsonApi
from ses_mailbox.calls import CallLog
from ses_mailbox.clock import Clock, now
from ses_mailbox.database import Database
from ses_mailbox.faults import Faults
from ses_mailbox.other_channels import OtherChannels
from ses_mailbox.pages import Pages
from ses_mailbox.publisher import Publisher
from ses_mailbox.redirects import Redirects
from ses_mailbox.rules import Account
from ses_mailbox.sending import Composer
from ses_mailbox.ses_account import AccountApi
from ses_mailbox.ses_api import SendingApi
from ses_mailbox.shapes import TemplateContent
from ses_mailbox.store import Store


@dataclass(frozen=True)
class MailboxOptions:
    """What a mailbox is started with; the options of the command line. No `verified` means everyone;
    `routes` are whatever else it should serve."""

    data: Path
    verified: frozenset[str] = frozenset()
    configuration_sets: Mapping[str, frozenset[str]] = field(default_factory=dict)
    tracking_domain: str = ""
    topic_arn: str | None = None
    aws_endpoint: str | None = None
    routes: Sequence[BaseRoute] = ()


def create_app(options: MailboxOptions, clock: Clock = now) -> Starlette:
    """The application. Its store opens now and closes with the server; its publisher lives in between."""
    database = Database(options.data)
    store, log, faults = Store(database), CallLog(database), Faults()
    publisher = None
    if options.topic_arn is not None:
        publisher = Publisher(store, clock, topic_arn=options.topic_arn, endpoint_url=options.aws_endpoint)
    wake = publisher.wake if publisher else None

    def stored_template(name: str) -> TemplateContent | None:
        content = store.template(name)
        return TemplateContent.model_validate_json(content) if content is not None else None

    account = Account(
        verified=options.verified,
        configuration_sets=options.configuration_sets,
        tracking_domain=options.tracking_domain,
    )
    composer = Composer(account=account, now=clock, stored_template=stored_template)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        if publisher:
            publisher.start()
        yield
        if publisher:
            publisher.stop()
        database.close()

    routes = [
        *SendingApi(composer=composer, store=store, log=log, faults=faults, wake=wake).routes(),
        *AccountApi(store=store, log=log, now=clock, account=account, topic_arn=options.topic_arn).routes(),
        *JsonApi(store=store, log=log, faults=faults, wake=wake, account=account).routes(),
        *Redirects(store=store, account=account, wake=wake).routes(),
        *Pages(store=store, example_sender=account.example_sender()).routes(),
        *OtherChannels(database=database, now=clock, sns_url=options.aws_endpoint).routes(),
        *options.routes,
        Route("/healthz", healthz),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


async def healthz(_request: Request) -> Response:
    """Up."""
    return JSONResponse({"status": "ok"})
