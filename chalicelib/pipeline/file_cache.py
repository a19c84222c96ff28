"""Reads the files of letters, each once for many letters: a campaign's chunks all carry the same."""

from collections import OrderedDict
from collections.abc import Sequence

from chalicelib.attachments import MAX_BYTES, AttachmentRef
from chalicelib.channels.port import AttachedFile
from chalicelib.errors import NotFoundError, Phrase
from chalicelib.storage.attachment_files import AttachmentFiles

_REMEMBERED_BYTES = 2 * MAX_BYTES  # those of two letters at least; a worker has 512 MB


class AttachedFiles:
    """One per process; the files that were used last stay in memory."""

    def __init__(self, files: AttachmentFiles) -> None:
        self._files = files
        self._known: OrderedDict[str, bytes] = OrderedDict()

    def read(self, attachments: Sequence[AttachmentRef]) -> tuple[AttachedFile, ...]:
        """All of a letter's. Raises: NotFoundError (permanent): one is no longer kept; UnavailableError (retryable)."""
        return tuple(AttachedFile(one.name, one.type, self._content(one.key), one.inline) for one in attachments)

    def _content(self, key: str) -> bytes:
        content = self._known.pop(key, None)
        if content is None:
            content = self._files.read(key)
        if content is None:
            raise NotFoundError(Phrase("the file {key} is no longer kept", key=key))
        self._known[key] = content
        while sum(map(len, self._known.values())) > _REMEMBERED_BYTES:
            self._known.popitem(last=False)
        return content
