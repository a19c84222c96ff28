"""What users may do about their own data."""

from functools import cache
from typing import TYPE_CHECKING

from chalicelib.clock import now
from chalicelib.settings import settings
from chalicelib.wiring.connections import inbox, live_connections, live_people, poster
from chalicelib.wiring.desk import history
from chalicelib.wiring.digests import collected
from chalicelib.wiring.endpoints import endpoint_desk
from chalicelib.wiring.ledger import ledger
from chalicelib.wiring.links import links
from chalicelib.wiring.people import caps, directory, endpoints, mailboxes, preferences, profile_source, suppressions
from chalicelib.wiring.running import lists
from chalicelib.wiring.signing import address_hashes, tokens

if TYPE_CHECKING:
    from chalicelib.services.address_data import AddressData
    from chalicelib.services.link_renewal import LinkRenewal
    from chalicelib.services.personal_data import PersonalData, PersonalPart
    from chalicelib.services.unsubscribe import OwnSay


@cache
def own_say() -> "OwnSay":
    """What readers decide."""
    from chalicelib.services.unsubscribe import OwnSay

    return OwnSay(source=profile_source(), preferences=preferences(), mailboxes=mailboxes(), ledger=ledger())


@cache
def link_renewal() -> "LinkRenewal":
    """New links for old ones."""
    from chalicelib.services.link_renewal import LinkRenewal
    from chalicelib.storage.allowances import Allowances
    from chalicelib.wiring.intake import accept

    return LinkRenewal(
        accept=accept,
        source=profile_source(),
        tokens=tokens(),
        allowances=Allowances(clock=now),
        owner=address_hashes().owner,
        url=settings().public_url,
        clock=now,
    )


@cache
def address_data() -> "AddressData":
    """All that is kept of one address."""
    from chalicelib.services.address_data import AddressData
    from chalicelib.services.owned_data import LinksPart, NotificationsPart

    return AddressData(
        notifications=NotificationsPart(history()),
        links=LinksPart(links()),
        suppressions=suppressions(),
        mailboxes=mailboxes(),
        lists=lists(),
        caps=caps(),
        hashes=address_hashes(),
    )


@cache
def personal_data() -> "PersonalData":
    """All that is kept of one user. A part of the service that keeps something adds itself here, before the profile."""
    from chalicelib.live.user_data import LivePart
    from chalicelib.services.owned_data import LinksPart, NotificationsPart
    from chalicelib.services.personal_data import (
        AddressesPart,
        CapsPart,
        DigestsPart,
        EndpointsPart,
        PersonalData,
        PreferencesPart,
        ProfilePart,
        SuppressionsPart,
    )

    parts: tuple[PersonalPart, ...] = (
        NotificationsPart(history()),
        LinksPart(links()),
        SuppressionsPart(suppressions(), directory()),
        AddressesPart(address_data(), mailboxes(), directory()),
        PreferencesPart(preferences()),
        CapsPart(caps()),
        DigestsPart(collected()),
        EndpointsPart(endpoint_desk(), endpoints()),
        LivePart(inbox=inbox(), people=live_people(), connections=live_connections(), poster=poster()),
        ProfilePart(directory(), mailboxes()),
    )
    return PersonalData(parts)
