"""The API's bodies for an endpoint: a new one, and its switch."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, StrictBool, model_validator

from chalicelib.addresses import normal_url
from chalicelib.errors import Phrase, both
from chalicelib.profiles.model import Name
from chalicelib.schemas import StrictModel
from chalicelib.storage.endpoints import EndpointChannel
from chalicelib.text import Line, shaped

_PRINTED = r"^[\x21-\x7e]+$"
_EXPECTED = Phrase("expected Latin letters, digits and signs, without spaces")
_URL = re.compile(r"https?://[^\s/@]+(/\S*)?")
_NEEDS: Mapping[str, frozenset[str]] = {
    "push": frozenset({"platform", "token"}),
    "webhook": frozenset({"url"}),
    "chat": frozenset({"url"}),
}


class EndpointBody(StrictModel):
    """A new endpoint. `push`: `platform` and the device's `token`; `webhook`: a `url`; `chat`: a `url` in apprise's
    format (`tgram://<bot token>/<chat id>`)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"channel": "webhook", "url": "https://partner.example/hooks/vestnik"},
                {"channel": "push", "platform": "ios", "token": "740f4707bebcf74f9b7c25d48e3358945f6aa01da5ddb387462c"},
            ]
        }
    )

    channel: EndpointChannel
    name: Annotated[Name | None, Field(description="a name for people")] = None
    platform: Literal["ios", "android"] | None = None
    token: Annotated[Line, shaped(_PRINTED, _EXPECTED, min_length=8, max_length=4096)] | None = None
    url: (
        Annotated[Line, AfterValidator(normal_url), shaped(_PRINTED, _EXPECTED, min_length=8, max_length=2000)] | None
    ) = None

    @model_validator(mode="after")
    def _what_the_channel_needs(self) -> Self:
        wanted = _NEEDS[self.channel]
        given = {name for name in ("platform", "token", "url") if getattr(self, name) is not None}
        if given != wanted:
            raise ValueError(
                Phrase(
                    "expected {wanted} for the channel {channel}, and nothing else",
                    wanted=both(sorted(wanted)),
                    channel=self.channel,
                )
            )
        if self.channel == "webhook" and not _URL.fullmatch(self.url or ""):
            raise ValueError(Phrase("expected url to be an https address without a user name"))
        return self


class EndpointPatch(StrictModel):
    """The switch of an endpoint."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"enabled": False}]})

    enabled: StrictBool
