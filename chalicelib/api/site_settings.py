"""`/v1/settings`: what managers change while the service runs."""

from functools import partial
from http import HTTPStatus
from operator import attrgetter
from typing import Annotated, Any

from pydantic import ConfigDict, Field, JsonValue

from chalicelib.accounts.api_keys import Scope
from chalicelib.api.answers import ApiAnswer
from chalicelib.api.checked_call import Call
from chalicelib.api.endpoint import endpoint
from chalicelib.configuration.site_settings import Setting
from chalicelib.schemas import StrictModel
from chalicelib.stage.app import stage

_tag_of = attrgetter("tag")
reads = partial(endpoint, scope=Scope.SETTINGS_READ)


class SettingBody(StrictModel):
    """A new value."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"value": "https://cinema.example/welcome"}]})

    value: Annotated[JsonValue, Field(description="in this setting's shape: see `GET /v1/settings`")]


class SettingAnswer(ApiAnswer):
    """One setting; version 0 is an unchanged default."""

    name: str
    value: Any
    version: int
    updated_at: str | None
    updated_by: str | None


class SettingsAnswer(ApiAnswer):
    """Every setting, by name."""

    settings: list[SettingAnswer]


@reads("GET", "/v1/settings", summary="All settings", answer=SettingsAnswer)
def list_settings(call: Call[None, None]) -> dict[str, Any]:  # noqa: ARG001 - the frame gives it
    """The values in force."""
    return {"settings": stage().site_settings.list()}


@reads("GET", "/v1/settings/{name}", summary="One setting", answer=SettingAnswer, tag=_tag_of)
def get_setting(call: Call[None, None]) -> Setting:
    """The value in force."""
    return stage().site_settings.get(call.path["name"])


@endpoint(
    "PUT",
    "/v1/settings/{name}",
    summary="Change a setting",
    scope=Scope.SETTINGS_WRITE,
    answer=SettingAnswer,
    problems={HTTPStatus.CONFLICT: "others are changing the setting"},
    tag=_tag_of,
    if_match=True,
)
def put_setting(call: Call[SettingBody, None]) -> Setting:
    """In force at once for links and events, within 15 seconds for letters on their way. Where the stage requires two
    managers (`VESTNIK_CAMPAIGN_APPROVAL`), `sender`, `senders`, `logo`, `allowed_hosts` and `redirect_url` are 403
    here: they are proposed and approved on the managers' settings page."""
    return stage().settings_changes.put(call.path["name"], call.body.value, by=call.caller.key_id, seen=call.seen)
