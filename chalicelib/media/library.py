"""Adding pictures, and the work that makes them ready. Either may be repeated: the same upload is the same picture."""

import hashlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from chalicelib.composed import Composed
from chalicelib.errors import InvalidError, NotFoundError, Phrase, phrase_of
from chalicelib.flow.queues import JobQueue, Outgoing
from chalicelib.manifest import Queue
from chalicelib.media.jobs import MediaJob
from chalicelib.media.picture_file import MAX_FILE_BYTES, check_picture, too_large
from chalicelib.media.shelf import Shelf
from chalicelib.observability import Line, Work
from chalicelib.pipeline.jobs import read_job
from chalicelib.schemas import passed
from chalicelib.states import MediaState
from chalicelib.storage.media import Made, MediaRows, Picture
from chalicelib.text import one_line

if TYPE_CHECKING:
    import requests

    from chalicelib.media.resizing import Prepared

MAX_TITLE = 200
_MOST_SECONDS = 20.0  # for the frames of one picture; a worker has 30
_TIMEOUT_SECONDS = (2.0, 5.0)  # to connect, between two bytes


class MediaLibrary(Composed):
    """`session` fetches what is given by its address, only from where that is allowed."""

    rows: MediaRows
    shelf: Shelf
    queues: JobQueue
    session: "Callable[[], requests.Session]"
    private_addresses: bool

    def add(self, content: bytes, *, title: str, alt: Mapping[str, str], by: str, field: str = "file") -> Picture:
        """The picture in the library, as a rule not ready yet; one that is there stays as it is. Raises: InvalidError,
        TooLargeError (permanent), at `field`; UnavailableError (retryable)."""
        head = check_picture(content, field=field)
        picture_id = hashlib.sha256(content).hexdigest()[:32]
        picture = self.rows.add(picture_id, title=title, alt=alt, kind=head.kind, by=by)
        if picture.state != MediaState.READY:
            self.shelf.put_original(picture_id, content)
            self.queues.put(Queue.MEDIA, [Outgoing(passed(MediaJob(picture_id=picture_id)))])
        return picture

    def fetch(self, url: str) -> bytes:
        """What is at an address that somebody gave. Raises: InvalidError, TooLargeError (permanent), at `url`."""
        import requests

        from chalicelib.security.outbound_http import read_body
        from chalicelib.security.public_addresses import check_url

        if not self.private_addresses:
            try:
                check_url(url)
            except ValueError as error:
                raise InvalidError.of("url", phrase_of(error)) from error
        try:
            with self.session().get(url, timeout=_TIMEOUT_SECONDS, allow_redirects=False, stream=True) as response:
                if response.status_code != requests.codes.ok:
                    why = Phrase("expected a picture there, the server answered {status}", status=response.status_code)
                    raise InvalidError.of("url", why)
                content = read_body(response, MAX_FILE_BYTES + 1)
        except (requests.RequestException, OSError) as error:
            raise InvalidError.of("url", Phrase("expected the address of a server that answers")) from error
        if len(content) > MAX_FILE_BYTES:
            raise too_large("url")
        return content


def title_of(place: str) -> str:
    """What a picture is found by if nobody says more: the file's name, without the folders before it."""
    return one_line(place.partition("?")[0].replace("\\", "/").rstrip("/").rpartition("/")[2])[-MAX_TITLE:]


class MediaMaker(Composed):
    """Makes uploads ready for letters."""

    rows: MediaRows
    shelf: Shelf
    monotonic: Callable[[], float]

    def make(self, picture_id: str) -> str:
        """Returns the picture's state then; one that cannot be used is refused, with the reason. Raises:
        UnavailableError (retryable)."""
        try:
            picture = self.rows.get(picture_id)
        except NotFoundError:
            return "gone"  # deleted meanwhile
        if picture.state != MediaState.READY:
            content = self.shelf.original(picture_id)
            why = self._stored(picture, content) if content is not None else Phrase("the upload is gone: add it again")
            if why is not None:
                self.rows.refuse(picture_id, why)
                self.shelf.drop_original(picture_id)
                return MediaState.REFUSED
        self.shelf.drop_original(picture_id)
        return MediaState.READY

    def _stored(self, picture: Picture, content: bytes) -> Phrase | None:
        """Stores what was made; if nothing can be made, why."""
        from chalicelib.media.resizing import BadPictureError, prepare

        try:
            prepared = prepare(content, monotonic=self.monotonic, most_seconds=_MOST_SECONDS)
        except BadPictureError as error:
            return error.why
        made = _made(prepared)
        ready = picture._replace(**made._asdict())
        for name, one in ((ready.file, prepared.small), (ready.file_2x, prepared.sharp)):
            if name and one:
                self.shelf.put(name, one.content, content_type=prepared.content_type)
        self.rows.finish(picture.id, made)
        return None


def _made(prepared: "Prepared") -> Made:
    small, sharp = prepared.small, prepared.sharp
    made = Made(prepared.ending, prepared.content_type, small.width, small.height, len(small.content))
    if sharp is None:
        return made
    return made._replace(width_2x=sharp.width, height_2x=sharp.height, size_bytes_2x=len(sharp.content))


def media_work(maker: MediaMaker) -> Work:
    def work(body: str) -> Line:
        job = read_job(MediaJob, body)
        return Line(ids=[job.picture_id], counts={maker.make(job.picture_id): 1})

    return work
