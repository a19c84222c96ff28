"""Which campaigns could not be sent with a new version of their template; checked before it is stored."""

from collections.abc import Iterator
from itertools import islice

from chalicelib.campaigns.model import shown_spec
from chalicelib.campaigns.start_checks import letter_errors
from chalicelib.errors import FieldError, Phrase, all_said
from chalicelib.rendering.model import Template
from chalicelib.rendering.render import Renderer
from chalicelib.states import OVER
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.storage.campaigns import Campaigns

_PAGE = 100
_LOOKED_AT = 500  # the newest ones


class CampaignsOfTemplate:
    """Looks at the newest campaigns."""

    def __init__(self, *, campaigns: Campaigns, renderer: Renderer) -> None:
        self._campaigns = campaigns
        self._renderer = renderer

    def refused(self, before: Template, after: Template) -> Iterator[FieldError]:
        """Unfinished ones of which no letter could be made any more. A run that has begun keeps its version, as does an
        approved campaign. Raises: UnavailableError (retryable)."""
        for head in islice(self._newest(), _LOOKED_AT):
            spec = shown_spec(head)
            if spec.template != after.key or head.state in OVER or head.approved is not None:
                continue
            errors = letter_errors(spec, after, renderer=self._renderer)
            if errors and not letter_errors(spec, before, renderer=self._renderer):
                why = Phrase("{field}: {why}", field=spec.name, why=all_said(errors))
                yield FieldError(f"campaigns.{head.id}", why)

    def _newest(self) -> Iterator[CampaignHead]:
        cursor: str | None = None
        while True:
            heads, cursor = self._campaigns.page(limit=_PAGE, cursor=cursor)
            yield from heads
            if cursor is None:
                return
