"""The pictures of the library, by id: the digest of what was uploaded, so that the same upload is the same picture."""

from collections.abc import Mapping
from typing import NamedTuple

from chalicelib.clock import Clock, rfc3339
from chalicelib.errors import NotFoundError, Phrase, restored, stored
from chalicelib.states import MediaState
from chalicelib.storage.cursor import read_cursor, write_cursor
from chalicelib.storage.dynamodb import reaching_dynamodb, save_if, update_if
from chalicelib.storage.rows.media import MediaRow
from chalicelib.storage.values import find, value_of

LISTED = "media"
_IS_THERE = MediaRow.id.exists() & MediaRow.deleted_at.does_not_exist()


class Made(NamedTuple):
    """What the worker made of an upload; without `_2x` there is one size."""

    ending: str
    content_type: str
    width: int
    height: int
    size_bytes: int
    width_2x: int | None = None
    height_2x: int | None = None
    size_bytes_2x: int | None = None


class Picture(NamedTuple):
    """`kind` is the type of the upload, `content_type` that of what letters show; `alt` says by language what is to be
    seen. Sizes are known once it is ready."""

    id: str
    title: str
    alt: Mapping[str, str]
    kind: str
    state: MediaState
    created_at: str
    created_by: str
    deleted_at: str | None = None
    problem: str | None = None
    ending: str | None = None
    content_type: str | None = None
    width: int | None = None
    height: int | None = None
    size_bytes: int | None = None
    width_2x: int | None = None
    height_2x: int | None = None
    size_bytes_2x: int | None = None

    @property
    def file(self) -> str | None:
        """Its name in the bucket, and after the base of addresses; None until it is ready."""
        return f"media/{self.id}.{self.ending}" if self.ending else None

    @property
    def file_2x(self) -> str | None:
        """The same of the one for fine screens, where there is one."""
        return f"media/{self.id}@2x.{self.ending}" if self.ending and self.width_2x else None

    def fields(self) -> Mapping[str, object]:
        """What somebody has seen of it; its ETag follows from these."""
        return {"alt": dict(self.alt), "state": self.state}


class MediaAddresses(NamedTuple):
    """Where a picture is served; None until it is ready."""

    url: str | None
    url_2x: str | None

    @property
    def best(self) -> str | None:
        """The one that letters show: sharp on every screen."""
        return self.url_2x or self.url


class MediaRows:
    """Every method raises: UnavailableError (retryable)."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def add(self, picture_id: str, *, title: str, alt: Mapping[str, str], kind: str, by: str) -> Picture:
        """A new picture that is being made ready, as is one that was deleted; or the one that is there."""
        row = MediaRow(
            picture_id,
            listed=LISTED,
            created_at=rfc3339(self._clock()),
            created_by=by,
            title=title,
            alt=dict(alt),
            words=_words(title, alt),
            kind=kind,
            state=MediaState.PROCESSING,
        )
        free = MediaRow.id.does_not_exist() | MediaRow.deleted_at.exists()
        return _picture(row) if save_if(row, free) else self.get(picture_id)

    def get(self, picture_id: str) -> Picture:
        """Raises: NotFoundError (permanent)."""
        picture = self.find(picture_id)
        if picture.deleted_at is not None:
            raise _unknown(picture_id)
        return picture

    def find(self, picture_id: str) -> Picture:
        """It, or what is left of it once it is deleted. Raises: NotFoundError (permanent: it never was)."""
        row = find(MediaRow, picture_id)
        if row is None:
            raise _unknown(picture_id)
        return _picture(row)

    def page(self, *, limit: int, cursor: str | None = None, words: str = "") -> tuple[list[Picture], str | None]:
        """Newest first; with `words`, those whose title or description has them all. Raises: InvalidError (permanent: a
        foreign cursor)."""
        wanted = words.casefold().split()
        scope = f"{LISTED}\n{' '.join(wanted)}"
        start = read_cursor(cursor, scope=scope) if cursor else None
        condition = None
        for word in wanted:
            one = MediaRow.words.contains(word)
            condition = one if condition is None else condition & one
        with reaching_dynamodb():
            page = MediaRow.by_creation.query(
                LISTED,
                filter_condition=condition,
                scan_index_forward=False,
                limit=limit,
                last_evaluated_key=start,
            )
            found = [_picture(row) for row in page]
        following = page.last_evaluated_key
        return found, write_cursor(following, scope=scope) if following else None

    def finish(self, picture_id: str, made: Made) -> bool:
        """It is ready; False if it is gone."""
        actions = [MediaRow.state.set(MediaState.READY), MediaRow.problem.remove(), MediaRow.problem_phrase.remove()]
        actions += [getattr(MediaRow, name).set(value) for name, value in made._asdict().items() if value is not None]
        return update_if(MediaRow(picture_id), actions, _IS_THERE)

    def refuse(self, picture_id: str, why: Phrase) -> bool:
        """No letter can show it, and why; False if it is gone, or was made ready before."""
        actions = [
            MediaRow.state.set(MediaState.REFUSED),
            MediaRow.problem.set(str(why)),
            MediaRow.problem_phrase.set(stored(why)),
        ]
        return update_if(MediaRow(picture_id), actions, _IS_THERE & (MediaRow.state != MediaState.READY))

    def describe(self, seen: Picture, alt: Mapping[str, str]) -> bool:
        """Changes what is said of it; False, with nothing done, if others have changed that, or it is gone."""
        actions = [MediaRow.alt.set(dict(alt)), MediaRow.words.set(_words(seen.title, alt))]
        return update_if(MediaRow(seen.id), actions, _IS_THERE & (MediaRow.alt == dict(seen.alt)))

    def delete(self, seen: Picture) -> bool:
        """Takes it out of the library; False, with nothing done, if it has changed since it was read."""
        actions = [MediaRow.deleted_at.set(rfc3339(self._clock())), MediaRow.listed.remove()]
        same = (MediaRow.alt == dict(seen.alt)) & (MediaRow.state == seen.state)
        return update_if(MediaRow(seen.id), actions, _IS_THERE & same)


def _unknown(picture_id: str) -> NotFoundError:
    return NotFoundError(Phrase("there is no picture {id}", id=picture_id))


def _words(title: str, alt: Mapping[str, str]) -> str:
    return "\n".join([title, *alt.values()]).casefold()


def _picture(row: MediaRow) -> Picture:
    return value_of(Picture, row)._replace(
        problem=restored(row.problem_phrase, text=row.problem), state=MediaState(row.state)
    )
