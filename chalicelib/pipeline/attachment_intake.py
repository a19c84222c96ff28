"""The files that a caller attaches to a letter: uploaded before, or fetched from an address once, as the call is
accepted, so that every letter and every retry carries the same bytes (ADR 0102)."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLateError
from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.attachments import MAX_BYTES, MAX_FILES, MEGABYTE, Attachment, AttachmentRef, KeptAttachment, KeptFile
from chalicelib.clock import Clock
from chalicelib.errors import FieldError, InvalidError, Phrase, phrase_of
from chalicelib.pipeline.jobs import LetterSpec
from chalicelib.rendering.model import Template
from chalicelib.schemas import recalled
from chalicelib.security.public_addresses import check_url
from chalicelib.storage.attachment_files import AttachmentFiles
from chalicelib.storage.requests import read_request

if TYPE_CHECKING:
    import requests

    from chalicelib.pipeline.requests import NotificationRequest

_TIMEOUT_SECONDS = (2.0, 5.0)  # to connect, between two bytes
_ALL_SECONDS = 15.0  # for all files of a call, which has to be answered within 29
_EMBEDDED = re.compile(r"\bcid:\s*([A-Za-z0-9][A-Za-z0-9._@-]{0,63}|\{\{)", re.IGNORECASE)


def attachment_errors(attachments: Sequence[Attachment], template: Template) -> Iterator[FieldError]:
    """What can be known to be wrong without looking at the files: names and Content-IDs given twice, and those that
    the letter's HTML does not show or shows in vain."""
    yield from _repeated("name", [one.name.casefold() for one in attachments])
    yield from _repeated("inline", [one.inline for one in attachments])
    if "email" not in template.written_for:
        return
    html = [sources["email.html"] for sources in template.locales.values() if "email.html" in sources]
    shown = {word for source in html for word in _EMBEDDED.findall(source)}
    for n, one in enumerate(attachments):
        if one.inline is not None and not shown & {one.inline, "{{"}:
            yield FieldError(
                f"attachments[{n}].inline",
                Phrase("the HTML of {key} does not show cid:{word}", key=template.key, word=one.inline),
            )
    for word in sorted(shown - {one.inline for one in attachments} - {"{{"}):
        yield FieldError(
            "attachments",
            Phrase("the HTML of {key} shows cid:{word}: expected a file with this inline", key=template.key, word=word),
        )


def _repeated(field: str, values: Sequence[str | None]) -> Iterator[FieldError]:
    for n, value in enumerate(values):
        if value is not None and value in values[:n]:
            yield FieldError(f"attachments[{n}].{field}", Phrase("another attachment has it already"))


class AttachmentIntake:
    """Finds uploaded files and fetches the others. `session` is made on first use."""

    def __init__(
        self,
        *,
        files: AttachmentFiles,
        session: "Callable[[], requests.Session]",
        private_addresses: bool,
        clock: Clock,
        retention_days: int,
    ) -> None:
        self._files = files
        self._clock = clock
        self._retention_days = retention_days
        self._session = session
        self._private_addresses = private_addresses

    def of_request(
        self, request: "NotificationRequest", request_id: str | None, *, known: Iterable[KeptAttachment] = ()
    ) -> tuple[AttachmentRef, ...]:
        """What the letters of a request carry; of one that was recorded before under this id, nothing is fetched again.
        Raises: as `take`."""
        if request_id and (recorded := read_request(request_id)):
            return recalled(LetterSpec, recorded.letter).attachments
        if request.send_at and request.send_at - self._clock() > timedelta(days=self._retention_days):
            most = Phrase("expected within {n} days: attachments are kept that long", n=self._retention_days)
            raise InvalidError.of("send_at", most)
        return tuple(one.ref for one in self.take(request.attachments, known=known))

    def take(self, given: Sequence[Attachment], *, known: Iterable[KeptAttachment] = ()) -> list[KeptAttachment]:
        """Each with its kept file, in order; those that are `known` are not fetched again. Raises: InvalidError
        (permanent; names each field), UnavailableError (retryable)."""
        before = {one.given: one for one in known}
        errors: list[FieldError] = []
        fetched = self._fetched([one.url for one in given if one.url and one not in before])
        taken = [before.get(one) or self._taken(n, one, fetched, errors) for n, one in enumerate(given)]
        kept = [one for one in taken if one is not None]
        if not errors and sum(one.file.size for one in kept) > MAX_BYTES:
            most = Phrase("expected at most {most} MB together", most=MAX_BYTES // MEGABYTE)
            errors.append(FieldError("attachments", most))
        if errors:
            raise InvalidError(errors[0].said, errors)
        return kept

    def _taken(
        self, n: int, one: Attachment, fetched: "dict[str, bytes | Phrase]", errors: list[FieldError]
    ) -> KeptAttachment | None:
        content = fetched[one.url] if one.url else self._files.uploaded(one.file or "")
        if content is None:
            content = Phrase("there is no such file: it was never uploaded, or is no longer kept")
        size = content.size if isinstance(content, KeptFile) else len(content)
        if not isinstance(content, Phrase) and not 0 < size <= MAX_BYTES:
            content = Phrase("expected a file of 1 byte to {most} MB", most=MAX_BYTES // MEGABYTE)
        if isinstance(content, Phrase):
            errors.append(FieldError(f"attachments[{n}].{one.source}", content))
            return None
        return KeptAttachment(one, self._files.keep(content) if isinstance(content, bytes) else content)

    def _fetched(self, urls: Sequence[str]) -> "dict[str, bytes | Phrase]":
        """By address: the content, or why there is none; all at once."""
        if not urls:
            return {}
        session, until = self._session(), time.monotonic() + _ALL_SECONDS
        pool = ThreadPoolExecutor(max_workers=MAX_FILES)
        asked = {url: pool.submit(self._fetch, session, url) for url in urls}
        pool.shutdown(wait=False)
        return {url: _in_time(one, until) for url, one in asked.items()}

    def _fetch(self, session: "requests.Session", url: str) -> bytes | Phrase:
        import requests

        from chalicelib.security.outbound_http import read_body

        if not self._private_addresses:
            try:
                check_url(url)
            except ValueError as error:
                return phrase_of(error)
        try:
            with session.get(url, timeout=_TIMEOUT_SECONDS, allow_redirects=False, stream=True) as response:
                if response.status_code != requests.codes.ok:
                    return Phrase("expected an address that answers 200: it answered {n}", n=response.status_code)
                return read_body(response, MAX_BYTES + 1)
        except (requests.RequestException, OSError):
            return Phrase("the address did not answer")


def _in_time(one: "Future[bytes | Phrase]", until: float) -> bytes | Phrase:
    try:
        return one.result(max(0.0, until - time.monotonic()))
    except TooLateError:
        return Phrase("the address did not answer in time")
