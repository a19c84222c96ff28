"""What services and people ask for by the API and on the managers' page; no worker does (`infra/package.py`)."""

import time
from functools import cache
from typing import TYPE_CHECKING

from chalicelib.clock import now
from chalicelib.settings import settings
from chalicelib.wiring.clients import sqs
from chalicelib.wiring.control import queues, site_settings
from chalicelib.wiring.intake import accept
from chalicelib.wiring.ledger import ledger
from chalicelib.wiring.letters import new_renderer, template_table, templates
from chalicelib.wiring.links import links
from chalicelib.wiring.people import directory
from chalicelib.wiring.running import campaigns
from chalicelib.wiring.signing import address_hashes

if TYPE_CHECKING:
    from chalicelib.accounts.api_keys import ApiKeys
    from chalicelib.accounts.draft_allowance import Drafts
    from chalicelib.flow.dead_letters import DeadLetters
    from chalicelib.flow.idempotency import Calls
    from chalicelib.flow.queue_depths import QueueDepths
    from chalicelib.services.confirmation import ConfirmationLetters
    from chalicelib.services.event_intake import Events
    from chalicelib.services.history import History
    from chalicelib.services.link_visits import Visit
    from chalicelib.services.operator_actions import Revive
    from chalicelib.services.settings_changes import SiteDesk
    from chalicelib.services.template_changes import TemplateDesk


@cache
def dead_letters() -> "DeadLetters":
    """The dead-letter queues."""
    from chalicelib.flow.dead_letters import DeadLetters

    return DeadLetters(sqs(), settings().resource(""), taken=queue_depths().forget)


@cache
def queue_depths() -> "QueueDepths":
    """How much lies in the queues."""
    from chalicelib.flow.queue_depths import QueueDepths

    return QueueDepths(sqs(), settings().resource(""), monotonic=time.monotonic)


@cache
def key_ring() -> "ApiKeys":
    """The checker of API keys."""
    from chalicelib.accounts.api_keys import ApiKeys

    return ApiKeys()


@cache
def calls() -> "Calls":
    """The memory of calls that name an Idempotency-Key."""
    from chalicelib.flow.idempotency import Calls

    return Calls(clock=now)


@cache
def history() -> "History":
    """The reader of the ledger."""
    from chalicelib.services.history import History

    return History(clock=now)


@cache
def revive() -> "Revive":
    """What people do about deliveries."""
    from chalicelib.configuration.letter_settings import site_tag
    from chalicelib.services.operator_actions import Revive

    return Revive(
        ledger=ledger(),
        queues=queues(),
        dead_letters=dead_letters(),
        site_tag=lambda: site_tag(site_settings().current(fresh=True)),
    )


@cache
def events() -> "Events":
    """The listener to the site."""
    from chalicelib.services.event_intake import Events

    return Events(
        site=site_settings(),
        directory=directory(),
        templates=templates(),
        accept=accept(),
        clock=now,
        retention_days=settings().retention_days,
    )


@cache
def confirmation_letters() -> "ConfirmationLetters":
    """The confirmation letter once more."""
    from chalicelib.services.confirmation import ConfirmationLetters
    from chalicelib.storage.allowances import Allowances

    return ConfirmationLetters(
        directory=directory(),
        accept=accept(),
        allowances=Allowances(clock=now),
        site=site_settings(),
        addresses=address_hashes(),
    )


@cache
def site_desk() -> "SiteDesk":
    """Where settings of the site are changed."""
    from chalicelib.accounts.proposals import Proposals
    from chalicelib.services.settings_changes import SiteDesk

    two_managers = settings().campaign_approval
    return SiteDesk(
        site=site_settings(),
        events=events(),
        confirmations=confirmation_letters(),
        proposals=Proposals(site=site_settings(), clock=now) if two_managers else None,
    )


@cache
def drafts() -> "Drafts":
    """How often somebody may have unsaved work made."""
    from chalicelib.accounts.draft_allowance import Drafts
    from chalicelib.storage.allowances import Allowances

    return Drafts(Allowances(clock=now))


@cache
def template_desk() -> "TemplateDesk":
    """Where versions of templates are stored."""
    from chalicelib.campaigns.template_impact_on_campaigns import CampaignsOfTemplate
    from chalicelib.manifest import CHANNELS
    from chalicelib.services.template_changes import TemplateDesk
    from chalicelib.services.template_impact import TemplateUsers

    users = TemplateUsers(site=site_settings(), clock=now, renderer=new_renderer())
    return TemplateDesk(
        table=template_table(),
        templates=templates(),
        refused=(CampaignsOfTemplate(campaigns=campaigns(), renderer=new_renderer()).refused, users.refused),
        using=(users.using,),
        new_renderer=new_renderer,
        channels=CHANNELS,
        drafts=drafts(),
    )


@cache
def visit() -> "Visit":
    """The visits of short links."""
    from chalicelib.services.link_visits import Visit

    return Visit(links=links(), directory=directory(), site=site_settings(), ledger=ledger())
