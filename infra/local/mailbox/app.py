"""Puts the mailbox together: one Starlette application, its store and its publisher."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chalicelib.clock import Clock, now
from infra.local.mailbox import cinema
from infra.local.mailbox.api import JsonApi
from infra.local.mailbox.calls import CallLog
from infra.local.mailbox.database import Database
from infra.local.mailbox.faults import Faults
from infra.local.mailbox.other_channels import OtherChannels
from infra.local.mailbox.pages import Pages
from infra.local.mailbox.publisher import Publisher
from infra.local.mailbox.redirects import Redirects
from infra.local.mailbox.rules import Account
from infra.local.mailbox.sending import Composer
from infra.local.mailbox.ses_account import AccountApi
from infra.local.mailbox.ses_api import SendingApi
from infra.local.mailbox.shapes import TemplateContent
from infra.local.mailbox.store import Store


@dataclass(frozen=True)
class MailboxOptions:
    """What a mailbox is started with; the command line's options (`__main__`). No `verified` means everyone."""

    data: Path
    verified: frozenset[str] = frozenset()
    configuration_sets: Mapping[str, frozenset[str]] = field(default_factory=dict)
    tracking_domain: str = ""
    topic_arn: str | None = None
    aws_endpoint: str | None = None


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
        *cinema.routes(),
        Route("/healthz", healthz),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


async def healthz(_request: Request) -> Response:
    """Up."""
    return JSONResponse({"status": "ok"})
