"""The files that all letters of a campaign carry. They are taken as the campaign is saved, so that an approval covers
what they hold, and are kept as long as it may run."""

from collections.abc import Iterable

from chalicelib.attachments import CampaignAttachment, KeptAttachment, kept_of
from chalicelib.errors import InvalidError, Phrase
from chalicelib.pipeline.attachment_intake import AttachmentIntake
from chalicelib.storage.attachment_files import AttachmentFiles


class CampaignFiles:
    """Every method raises: UnavailableError (retryable)."""

    def __init__(self, *, intake: AttachmentIntake, files: AttachmentFiles) -> None:
        self._intake = intake
        self._files = files

    def take(
        self, given: Iterable[CampaignAttachment], *, before: Iterable[CampaignAttachment] = ()
    ) -> tuple[CampaignAttachment, ...]:
        """The same with their files, which are fetched only if they are not among those `before`. Raises: InvalidError
        (permanent; names each field)."""
        known = kept_of(before)
        taken = self._intake.take([one.given for one in given], known=known)
        lasting = [one if one in known else self._lasting(n, one) for n, one in enumerate(taken)]
        return tuple(CampaignAttachment(**one.given.model_dump(), kept=one.file) for one in lasting)

    def renew(self, attachments: Iterable[CampaignAttachment]) -> None:
        """Keeps them as long again. What is gone is told by the letters that carry it."""
        for one in kept_of(attachments):
            self._files.lasting(one.file.key)

    def require(self, attachments: Iterable[CampaignAttachment]) -> None:
        """The same before a start. Raises: InvalidError (permanent): one is no longer kept."""
        for n, one in enumerate(kept_of(attachments)):
            self._lasting(n, one)

    def _lasting(self, n: int, one: KeptAttachment) -> KeptAttachment:
        key = self._files.lasting(one.file.key)
        if key is None:
            raise InvalidError.of(
                f"attachments[{n}].{one.given.source}", Phrase("it is no longer kept: attach it again")
            )
        return KeptAttachment(one.given, one.file.model_copy(update={"key": key}))
