"""`/v1/media`: pictures for letters."""

import base64
import binascii
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from chalicelib.accounts.api_keys import Scope
from chalicelib.accounts.audit import note
from chalicelib.addresses import normal_url
from chalicelib.api.answers import IN_PLACE, ApiAnswer
from chalicelib.api.checked_call import Call
from chalicelib.api.endpoint import endpoint
from chalicelib.api.notifications import PageQuery
from chalicelib.errors import InvalidError, Phrase
from chalicelib.etags import tag_of
from chalicelib.locales import Locale
from chalicelib.media.library import MAX_TITLE, title_of
from chalicelib.media.picture_file import MAX_FILE_BYTES, too_large
from chalicelib.schemas import StrictModel
from chalicelib.stage.app import stage
from chalicelib.states import MediaState
from chalicelib.storage.media import Picture
from chalicelib.text import Line, shaped

reads = partial(endpoint, scope=Scope.MEDIA_READ)
writes = partial(endpoint, scope=Scope.MEDIA_WRITE)

MAX_ALT = 500
_MAX_BASE64 = -(-MAX_FILE_BYTES // 3) * 4
_MAX_BODY_BYTES = _MAX_BASE64 + 64 * 1024
_DOT = (  # one grey point, so that the example is a whole picture
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)
Alt = Annotated[Line, Field(min_length=1, max_length=MAX_ALT)]


class MediaQuery(PageQuery):
    """Which page of which pictures."""

    q: Annotated[str, Field(max_length=200, description="words of the title or of a description")] = ""


class MediaBody(StrictModel):
    """A picture: PNG, JPEG, GIF or WebP, at most 4 MB and 40 million pixels."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"file": _DOT, "alt": {"en": "A grey dot"}}]})

    file: Annotated[str | None, Field(description="the picture in Base64", repr=False)] = None
    url: (
        Annotated[
            Line,
            AfterValidator(normal_url),
            shaped(
                r"^https?://[^\s]{1,2000}$",
                Phrase("expected an address that begins with http:// or https://"),
                description="or where it is fetched from, now",
            ),
        ]
        | None
    ) = None
    title: Annotated[
        Line, Field(max_length=MAX_TITLE, description="what managers find it by; default: the file's name in `url`")
    ] = ""
    alt: Annotated[
        Mapping[Locale, Alt],
        Field(min_length=1, max_length=50, description="what is to be seen, by language, for those who do not see it"),
    ]

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.file is None) == (self.url is None):
            raise ValueError(Phrase("expected either file or url"))
        return self


class MediaPatch(StrictModel):
    """Descriptions by language; null removes one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"alt": {"en": "A dot", "ru": "Точка"}}]})

    alt: Annotated[Mapping[Locale, Alt | None], Field(min_length=1, max_length=50)]


class MediaAnswer(ApiAnswer):
    """A picture. Addresses and sizes are null until it is `ready`; those `_2x`, for fine screens, also where the upload
    has no more pixels than a letter shows."""

    id: str
    title: str
    alt: dict[str, str]
    state: Annotated[MediaState, IN_PLACE]
    problem: str | None
    type: str | None
    url: str | None
    width: int | None
    height: int | None
    bytes: int | None
    url_2x: str | None
    width_2x: int | None
    height_2x: int | None
    bytes_2x: int | None
    created_at: str


class UseAnswer(ApiAnswer):
    """A `template`, a `campaign` or a `setting` that shows a picture."""

    kind: str
    id: str
    name: str


class UsedMediaAnswer(MediaAnswer):
    """A picture, and who shows it."""

    used_by: list[UseAnswer]


class MediaPage(ApiAnswer):
    """A page of the library, newest first; `cursor` is null on the last one."""

    media: list[MediaAnswer]
    cursor: str | None


@reads("GET", "/v1/media", summary="Pictures, newest first", answer=MediaPage)
def list_media(call: Call[None, MediaQuery]) -> dict[str, Any]:
    """With `q`, those whose title or description has every word of it."""
    found, cursor = stage().media_rows.page(limit=call.query.limit, cursor=call.query.cursor, words=call.query.q)
    return {"media": [_described(one) for one in found], "cursor": cursor}


@writes(
    "POST",
    "/v1/media",
    summary="Add a picture",
    answer=MediaAnswer,
    status=HTTPStatus.ACCEPTED,
    largest_body=_MAX_BODY_BYTES,
)
def add_media(call: Call[MediaBody, None]) -> dict[str, Any]:
    """It is made ready in the background: upright, without metadata, no wider than a letter shows it (600 pixels, and
    1200 for fine screens); WebP becomes JPEG or PNG. GET it for the result. The same picture again is the one that is
    there, with its first title and descriptions."""
    body = call.body
    if body.file is not None:
        field, content = "file", _decoded(body.file)
    else:
        field, content = "url", stage().media_library.fetch(body.url or "")
    title = body.title or title_of(body.url or "")
    picture = stage().media_library.add(content, title=title, alt=body.alt, by=call.caller.key_id, field=field)
    note(things=[picture.id])
    return _described(picture)


@reads(
    "GET",
    "/v1/media/{id}",
    summary="One picture, and where it is used",
    answer=UsedMediaAnswer,
    tag=lambda shown: tag_of({"alt": shown["alt"], "state": shown["state"]}),
)
def get_media(call: Call[None, None]) -> dict[str, Any]:
    """Used are pictures that templates in force, unfinished campaigns and settings name."""
    picture = stage().media_rows.get(call.path["id"])
    return {**_described(picture), "used_by": list(stage().media_use.places(picture.id))}


@writes(
    "PATCH",
    "/v1/media/{id}",
    summary="Change what is said of a picture",
    answer=MediaAnswer,
    tag=lambda shown: tag_of({"alt": shown["alt"], "state": shown["state"]}),
    if_match=True,
)
def describe_media(call: Call[MediaPatch, None]) -> dict[str, Any]:
    """Letters that are written from now on say it; those that are there keep their words."""
    known = dict(stage().media_rows.get(call.path["id"]).alt)
    alt = {language: text for language, text in {**known, **call.body.alt}.items() if text}
    if not alt:
        raise InvalidError.of("alt", Phrase("expected a description in one language at least"))
    return _described(stage().media_use.describe(call.path["id"], alt, seen=call.seen))


@writes(
    "DELETE",
    "/v1/media/{id}",
    summary="Take a picture out of the library",
    problems={HTTPStatus.CONFLICT: "it is used; the answer names where"},
    if_match=True,
)
def delete_media(call: Call[None, None]) -> None:
    """Letters that were sent show it for as long as the service keeps notifications (`VESTNIK_RETENTION_DAYS`); then
    it is deleted for good."""
    stage().media_use.delete(call.path["id"], seen=call.seen)


def _decoded(text: str) -> bytes:
    if len(text) > _MAX_BASE64:
        raise too_large("file")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidError.of("file", Phrase("expected a picture in Base64")) from error


def _described(picture: Picture) -> dict[str, Any]:
    addresses = stage().media_addresses(picture)
    return {
        "id": picture.id,
        "title": picture.title,
        "alt": dict(picture.alt),
        "state": picture.state,
        "problem": picture.problem,
        "type": picture.content_type,
        "url": addresses.url,
        "width": picture.width,
        "height": picture.height,
        "bytes": picture.size_bytes,
        "url_2x": addresses.url_2x,
        "width_2x": picture.width_2x,
        "height_2x": picture.height_2x,
        "bytes_2x": picture.size_bytes_2x,
        "created_at": picture.created_at,
    }
