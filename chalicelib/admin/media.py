"""The library of pictures: what letters may show, described, found again, and taken out when it is used nowhere."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from chalicelib.accounts.audit import note
from chalicelib.accounts.managers import Role
from chalicelib.admin.browser import SentFile
from chalicelib.admin.templating import LANGUAGES, Go, Page, url
from chalicelib.admin.views import Visit, action, page
from chalicelib.errors import InvalidError, NotFoundError, Phrase, phrase_of
from chalicelib.etags import tag_of
from chalicelib.locales import lookup, normal_locale
from chalicelib.media.library import title_of
from chalicelib.media.picture_file import MAX_FILE_BYTES, check_picture
from chalicelib.stage.app import stage
from chalicelib.storage.media import MediaAddresses, Picture
from chalicelib.text import one_line

_PAGE, _PICKED = 24, 30
_LONGEST_ALT = 500
_ALT = "alt."  # and a language: the name of a field


class Shown(NamedTuple):
    """A picture with its addresses."""

    it: Picture
    at: MediaAddresses

    @property
    def weight_bytes(self) -> int:
        """Of the one that letters show."""
        return self.it.size_bytes_2x or self.it.size_bytes or 0

    def alt(self, locale: str) -> str:
        """What is said of it in a language, or in another one."""
        return next((self.it.alt[one] for one in (*lookup(locale), *self.it.alt) if one in self.it.alt), "")


@page("/admin/media")
def media_library(visit: Visit) -> Page:
    """Newest first, or those with some words; what is being made ready appears by itself."""
    return Page("media", {**_found(visit, "/admin/media", most=_PAGE), "form": visit.form, "mb": _megabytes()})


@page("/admin/media/pick", role=Role.EDITOR)
def pick_media(visit: Visit) -> Page:
    """Pictures to choose from while a letter is written; of a part of a page `#pick` is taken."""
    wanted = visit.query.get("locale") or stage().settings.default_locale
    return Page("media_pick", {**_found(visit, "/admin/media/pick", most=_PICKED), "wanted": wanted})


@action("/admin/media", role=Role.EDITOR, does="media.add", again=media_library, largest_file=MAX_FILE_BYTES)
def add_media(visit: Visit) -> Go:
    """All of the files, or none; each is made ready in the background."""
    alt, address = _alt(visit), visit.typed("url")
    files = [*visit.sent("file")]
    if bool(files) == bool(address):
        raise InvalidError.of("file", Phrase("expected pictures, or the address of one"))
    if alt and len(files) > 1:
        first = f"{_ALT}{next(iter(alt))}"
        raise InvalidError.of(first, Phrase("expected one picture to describe; several are described afterwards"))
    field = "file" if files else "url"
    files = files or [SentFile(address, stage().media_library.fetch(address))]
    for one in files:
        _checked(one, field)
    for one in files:
        added = stage().media_library.add(
            one.content, title=title_of(one.name), alt=alt, by=visit.manager.key, field=field
        )
        note(things=[added.id])
    return Go("/admin/media", done="media_added")


@page("/admin/media/{id}")
def one_media(visit: Visit) -> Page:
    """What is said of it, where it is used, and its addresses."""
    picture = stage().media_rows.get(visit.path["id"])
    shown = {
        "one": _shown(picture),
        "used": list(stage().media_use.places(picture.id)),
        "told_in": _languages(picture.alt),
        "seen": tag_of(picture.fields()),
        "form": visit.form,
    }
    return Page("media_one", shown)


@action("/admin/media/{id}", role=Role.EDITOR, does="media.describe", again=one_media)
def describe_media(visit: Visit) -> Go:
    """What letters say from now on where the picture is not seen."""
    alt = _alt(visit)
    if not alt:
        field = f"{_ALT}{stage().settings.default_locale}"
        raise InvalidError.of(field, Phrase("expected a description in one language at least"))
    stage().media_use.describe(visit.path["id"], alt, seen=visit.seen)
    return Go(f"/admin/media/{visit.path['id']}", done="saved")


@action("/admin/media/{id}/delete", role=Role.EDITOR, does="media.delete", again=one_media)
def delete_media(visit: Visit) -> Go:
    """Once nothing that may still be sent shows it."""
    try:
        stage().media_use.delete(visit.path["id"])
    except NotFoundError:
        return Go("/admin/media", done="removed")  # somebody was quicker
    return Go("/admin/media", done="removed")


def _found(visit: Visit, path: str, *, most: int) -> dict[str, Any]:
    words, cursor = visit.query.get("q", "").strip(), visit.query.get("cursor")
    found, following = stage().media_rows.page(limit=most, cursor=cursor, words=words)
    asked = {name: visit.query[name] for name in ("q", "locale") if visit.query.get(name)}
    return {
        "found": [_shown(one) for one in found],
        "words": words,
        "here_url": url(path, **asked, cursor=cursor),
        "following": url(path, **asked, cursor=following) if following else None,
        "told_in": _languages({}),
    }


def _shown(picture: Picture) -> Shown:
    return Shown(picture, stage().media_addresses(picture))


def _checked(file: SentFile, field: str) -> None:
    try:
        check_picture(file.content, field=field)
    except InvalidError as error:
        why = error.errors[0].message
        raise InvalidError.of(field, Phrase("{field}: {why}", field=title_of(file.name), why=why)) from error


def _languages(alt: Mapping[str, str]) -> dict[str, str]:
    """Those that a picture is described in here, by code."""
    return {**LANGUAGES, **{code: code for code in alt if code not in LANGUAGES}}


def _alt(visit: Visit) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in sorted(visit.form):
        text = one_line(visit.typed(name))
        if not name.startswith(_ALT) or not text:
            continue
        if len(text) > _LONGEST_ALT:
            raise InvalidError.of(name, Phrase("expected 1 to {most} characters", most=_LONGEST_ALT))
        try:
            found[normal_locale(name.removeprefix(_ALT))] = text
        except ValueError as error:
            raise InvalidError.of(name, phrase_of(error)) from error
    return found


def _megabytes() -> int:
    return MAX_FILE_BYTES // 1_000_000
