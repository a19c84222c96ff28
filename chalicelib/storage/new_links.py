"""Links that letters are about to carry."""

from datetime import datetime
from typing import Literal, NamedTuple

LinkKind = Literal["confirm", "short", "pattern"]


class Link(NamedTuple):
    """A new link. `redirect_url` is its own target; `user_id` is its owner; the others as in `LinkRow`."""

    code: str
    kind: LinkKind
    user_id: str | None
    email: str | None
    redirect_url: str | None
    notification_id: str | None
    channel: str
    campaign_id: str | None
    valid_until: datetime
    service: str | None = None
    scope: str | None = None
    pattern: str | None = None
    anywhere: bool = False
