"""A user's data beside the profile: preferences, the confirmation letter, the export."""

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from chalicelib.accounts.api_keys import Scope
from chalicelib.api.answers import AcceptedNotification, ApiAnswer
from chalicelib.api.checked_call import Call
from chalicelib.api.endpoint import endpoint
from chalicelib.api.notifications import describe_accepted
from chalicelib.api.users import user_id_of
from chalicelib.categories import CATEGORIES
from chalicelib.errors import Phrase
from chalicelib.etags import tag_of
from chalicelib.manifest import CHANNELS
from chalicelib.profiles.address_opt_outs import AddressObjections
from chalicelib.profiles.digest_preferences import DigestWish
from chalicelib.profiles.model import profile_of
from chalicelib.profiles.preferences import EVERYTHING, Preferences, word_key
from chalicelib.service_scope import Sight
from chalicelib.stage.app import stage

writes = partial(endpoint, scope=Scope.USERS_WRITE)
_PERSONS_ALONE = ("user", "preferences", "suppressions", "objections", "endpoints")


class PreferencesAnswer(ApiAnswer):
    """What a user wants: every category on every channel. Opt-outs of others who share an address show as off."""

    everything: bool
    categories: dict[str, dict[str, bool]]
    digests: dict[str, DigestWish]
    quiet_hours: dict[str, str] | None
    paused_until: str | None


class ExportAnswer(ApiAnswer):
    """Everything stored about a user, grouped by the part of the service that stores it; the parts `left_out` need
    another scope."""

    user_id: str
    data: dict[str, Any]
    left_out: list[str]


@endpoint(
    "GET",
    "/v1/users/{id}/preferences",
    summary="A user's preferences",
    scope=Scope.USERS_READ,
    answer=PreferencesAnswer,
    tag=tag_of,
)
def get_preferences(call: Call[None, None]) -> dict[str, Any]:
    """A user who has set nothing wants everything."""
    return _told(user_id_of(call))


@writes(
    "PUT",
    "/v1/users/{id}/preferences",
    summary="Replace a user's preferences",
    answer=PreferencesAnswer,
    tag=tag_of,
    if_match=True,
)
def put_preferences(call: Call[Preferences, None]) -> dict[str, Any]:
    """Applies to letters already on their way, and to anything else written to the user's addresses. A switch set to
    true is an explicit opt-in: from a confirmed owner it lifts earlier opt-outs of the address."""
    user_id, against = user_id_of(call), _against(user_id_of(call))

    def replaced(before: Preferences) -> Preferences:
        if call.seen is not None:
            call.seen.require(_shown(before, against), what=Phrase("what the user wants"))
        return call.body

    changed = stage().preferences.change(user_id, replaced, named=_named(call.body))
    return _shown(changed, _against(user_id))


@writes(
    "POST",
    "/v1/users/{id}/confirmation",
    summary="Send the confirmation letter again",
    answer=AcceptedNotification,
    status=HTTPStatus.ACCEPTED,
    problems={
        HTTPStatus.CONFLICT: "there is no address to confirm, or it is confirmed",
        HTTPStatus.TOO_MANY_REQUESTS: "asked too often; `Retry-After` says when to come back",
    },
)
def send_confirmation_again(call: Call[None, None]) -> dict[str, Any]:
    """409 if there is nothing to confirm; 429 with `Retry-After` if requested too often."""
    accepted = stage().confirmation_letters.send_again(
        user_id_of(call),
        caller=call.caller.key_id,
        key=call.own_id("confirmation"),
        service=call.caller.service,
    )
    return describe_accepted(accepted)


@endpoint(
    "GET",
    "/v1/users/{id}/export",
    summary="Export everything stored about a user",
    scope=Scope.USERS_READ,
    of_all=Scope.USERS_READ_ALL,
    answer=ExportAnswer,
)
def export_user(call: Call[None, None]) -> dict[str, Any]:
    """Profile, preferences, notifications, links, suppressions. What services asked for is included only with
    `users:read-all`; otherwise `left_out` names the missing parts."""
    return {"user_id": user_id_of(call), **in_sight(stage().personal_data.export(user_id_of(call)), call.sight)}


def in_sight(exported: Mapping[str, Any], sight: Sight) -> dict[str, Any]:
    """An export as this caller may see it: parts that are not certainly the person's alone hold only what the caller's
    service asked for."""
    data = {name: part for name, part in exported.items() if sight.everything or name in _PERSONS_ALONE}
    return {"data": data, "left_out": [name for name in exported if name not in data]}


def _told(user_id: str) -> dict[str, Any]:
    return _shown(stage().preferences.get(user_id), _against(user_id))


def _against(user_id: str) -> Mapping[str, AddressObjections]:
    user = profile_of(stage().profile_source, user_id)
    return stage().unsubscribe.against(user) if user else {}


def _shown(stored: Preferences, against: Mapping[str, AddressObjections]) -> dict[str, Any]:
    """On means that a letter would arrive: what others with the same address have opted out of is off."""
    shown = stored.stored()
    shown["categories"] = {
        category: {
            channel: stored.wants(category, channel)
            and not (channel in against and category in against[channel].objections)
            for channel in CHANNELS
        }
        for category in CATEGORIES
    }
    return shown


def _named(body: Preferences) -> set[str]:
    named = {word_key(category, channel) for category, on in body.categories.items() for channel in on}
    return named | ({EVERYTHING} if "everything" in body.model_fields_set else set())
