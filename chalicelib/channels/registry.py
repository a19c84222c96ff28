"""The names of the channels and what each needs of a user and of a template. A new channel is one line here and one
file beside it; `tests/contract/` fails when one half is missing."""

from collections.abc import Mapping
from typing import NamedTuple


class ChannelSpec(NamedTuple):
    """`address_field` is the profile's field that holds the address, `subsystem` names the switch; `*_parts` are those
    of a template. `endpoints`: a user registers them, one or several, and the address is the user's id."""

    name: str
    address_field: str
    subsystem: str
    required_parts: tuple[str, ...]
    optional_parts: tuple[str, ...] = ()
    repeatable: bool = False  # the same delivery sent twice is one: what is not known may be sent again
    endpoints: bool = False
    one_provider: bool = True  # False: each address has a server of its own, whose failure says nothing of the others


CHANNELS: Mapping[str, ChannelSpec] = {
    spec.name: spec
    for spec in (
        ChannelSpec("email", "email", "ses", required_parts=("subject", "html"), optional_parts=("text",)),
        ChannelSpec("live", "id", "live", required_parts=("title",), optional_parts=("body", "url"), repeatable=True),
        ChannelSpec("sms", "phone", "sns", required_parts=("text",)),
        ChannelSpec(
            "push",
            "id",
            "sns",
            required_parts=("title",),
            optional_parts=("body", "url"),
            repeatable=True,
            endpoints=True,
        ),
        ChannelSpec(
            "webhook",
            "id",
            "webhook",
            required_parts=("title",),
            optional_parts=("body", "url"),
            repeatable=True,
            endpoints=True,
            one_provider=False,
        ),
        ChannelSpec(
            "chat",
            "id",
            "chat",
            required_parts=("text",),
            optional_parts=("title",),
            endpoints=True,
            one_provider=False,
        ),
    )
}
