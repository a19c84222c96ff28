"""The letter of a campaign to a few people, at once, as a run would send it."""

from typing import Any

from chalicelib.attachments import kept_of
from chalicelib.campaigns.approval import frozen_of
from chalicelib.campaigns.content_source import ContentSource
from chalicelib.campaigns.letter_inputs import LetterInputs
from chalicelib.campaigns.model import Campaign, spec_of
from chalicelib.campaigns.variant_letters import languages_in, variant_spec
from chalicelib.errors import InvalidError, Phrase
from chalicelib.pipeline.accept import Accept, Accepted
from chalicelib.pipeline.requests import NotificationRequest, Recipient
from chalicelib.storage.campaigns import Campaigns


class TestSend:
    """Sends a test letter of a campaign, whatever its state."""

    def __init__(self, *, campaigns: Campaigns, inputs: LetterInputs, accept: Accept, content: ContentSource) -> None:
        self._campaigns = campaigns
        self._inputs = inputs
        self._accept = accept
        self._content = content

    def send(
        self,
        campaign_id: str,
        recipients: tuple[Recipient, ...],
        *,
        by: str,
        key: str | None = None,
        service: str | None = None,
        variant: str | None = None,
    ) -> list[Accepted]:
        """The letter as it would be now, or that of a variant, to a few people, at once; with the same `key` once.
        Raises: InvalidError, NotFoundError (permanent), UnavailableError (retryable)."""
        head = self._campaigns.get(campaign_id)
        whole, frozen = spec_of(head), frozen_of(head)
        spec = variant_spec(whole, variant)
        edition = self._inputs.variant_edition(whole, variant, frozen)
        request = NotificationRequest(
            template=spec.template,
            recipients=recipients,
            context=self._context(spec, recipients),
            category=whole.category,
            channels=spec.channels,
            attachments=tuple(one.given for one in spec.attachments),
        )
        languages = languages_in(whole, variant, edition.template)
        if languages is not None and languages.untranslated == "skip":  # a test comes to whoever it is sent to
            languages = languages.model_copy(update={"untranslated": "default"})
        return self._accept.accept(
            request,
            caller=by,
            key=key,
            service=service,
            edition=edition,
            locale=spec.locale,
            languages=languages,
            kept_files=kept_of(spec.attachments),
        )

    def _context(self, spec: Campaign, recipients: tuple[Recipient, ...]) -> dict[str, Any]:
        context = dict(spec.context)
        if spec.content is not None and spec.content.kind == "shared":
            context[spec.content.name] = self._content.shared(spec.content)
        elif spec.content is not None:
            users = [one.user_id for one in recipients if one.user_id]
            found = self._content.personal(spec.content, users)
            if len(users) != 1 or users[0] not in found:
                raise InvalidError.of("recipients", Phrase("personal content: expected one user whom the source knows"))
            context[spec.content.name] = found[users[0]]
        return context
