"""Shows a letter in a browser: makes it again out of what is stored, for whoever has its link.

People forward such links, so the page has none of those by which its reader's preferences are changed, and it is gone
as soon as its reader is erased, or has another address (ADR 0103).
"""

from chalicelib.campaigns.variant_letters import letter_of
from chalicelib.categories import CATEGORIES
from chalicelib.clock import Clock
from chalicelib.composed import Composed
from chalicelib.deliveries import variant_at
from chalicelib.errors import NotFoundError, Phrase, RenderError
from chalicelib.pipeline.compose import Composer
from chalicelib.pipeline.jobs import PROFILE_FIELDS, DeliverJob, DeliverRecipient, LetterSpec
from chalicelib.pipeline.requests import OwnerOf
from chalicelib.profiles.model import ProfileSource, profile_of
from chalicelib.rendering.render import Rendered
from chalicelib.schemas import recalled
from chalicelib.security.signing import LetterClaims
from chalicelib.storage.notifications import Notification, read_notification
from chalicelib.storage.requests import read_request
from chalicelib.storage.runs import Runs
from chalicelib.storage.users import Profile

CHANNEL = "email"


class LetterView(Composed):
    composer: Composer
    source: ProfileSource
    runs: Runs
    owner: OwnerOf
    clock: Clock
    default_locale: str

    def letter(self, claims: LetterClaims) -> Rendered:
        """The letter as it would be made now: the version and the context of then, the profile of today. Raises:
        NotFoundError (permanent): it is not kept any more, cannot be made again, or was somebody's who has gone;
        UnavailableError (retryable)."""
        kept = read_notification(claims.notification_id)
        spec = None if kept is None or self._is_over(kept) else self._spec(kept)
        reader = None if kept is None or spec is None else self._reader(kept, claims)
        if spec is None or reader is None or CATEGORIES[spec.category].transactional:
            raise _gone()
        address, profile = reader
        person = DeliverRecipient(
            notification_id=claims.notification_id,
            user_id=claims.user_id,
            address=address,
            locale=profile.locale or spec.locale or self.default_locale,
            user={name: value for name, value in profile.to_dict().items() if name != "email_confirmed" and value},
        )
        try:
            return self.composer.shown(DeliverJob(letter=spec, channel=CHANNEL, recipients=(person,)))
        except RenderError as error:
            raise _gone() from error

    def _is_over(self, kept: Notification) -> bool:
        """DynamoDB deletes what has expired days later."""
        return kept.expires_at_epoch is not None and kept.expires_at_epoch <= self.clock().timestamp()

    def _spec(self, kept: Notification) -> LetterSpec | None:
        if kept.run_id is not None and kept.campaign_id is not None:
            run = self.runs.get(kept.campaign_id, kept.run_id.partition("@")[2])
            return None if run is None else letter_of(run, variant_at(kept.spot))
        request = read_request(kept.request_id) if kept.request_id else None
        return None if request is None else recalled(LetterSpec, request.letter)

    def _reader(self, kept: Notification, claims: LetterClaims) -> tuple[str, Profile] | None:
        """Address and profile of whom the letter went to, if they are still there."""
        if claims.user_id is None:
            given = {name: kept.recipient[name] for name in PROFILE_FIELDS if name in kept.recipient}
            return (given["email"], Profile(id="", **given)) if "email" in given else None
        user = profile_of(self.source, claims.user_id)
        if user is None or user.email is None or self.owner(CHANNEL, user.email) != claims.address:
            return None
        return user.email, user


def _gone() -> NotFoundError:
    return NotFoundError(Phrase("this letter is not kept any more"))
