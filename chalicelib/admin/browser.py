"""What a browser sends to the managers' pages (forms, cookies, its language) and what it is told to store.

Forms with files (RFC 7578) are read as browsers send them: split at their boundary once, so that the work grows with
the form's size, whatever it contains. Nested parts, encodings and comments of mail are not supported.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from chalice.app import Request

from chalicelib.accounts.authentication import BROWSER_LASTS, At
from chalicelib.accounts.sessions import LASTS
from chalicelib.admin.templating import LANGUAGES, base_path
from chalicelib.errors import ForbiddenError, InvalidError, Phrase, TooLargeError
from chalicelib.locales import preferred
from chalicelib.settings import settings
from chalicelib.text import normal_source

SESSION_COOKIE, LANGUAGE_COOKIE, THEME_COOKIE = "vestnik_session", "vestnik_language", "vestnik_theme"
DOOR_COOKIE, KNOWN_COOKIE = "vestnik_door", "vestnik_known"  # before signing in; for having signed in here before
_OUR_COOKIES = (SESSION_COOKIE, LANGUAGE_COOKIE, THEME_COOKIE, DOOR_COOKIE, KNOWN_COOKIE)
MAX_FORM_BYTES, MAX_FORM_FIELDS = 256 * 1024, 4000  # a letter of blocks in several languages
# Marks of User-Agents; the first match counts, as most name others too.
_BROWSERS = {"Edg": "Edge", "OPR/": "Opera", "YaBrowser": "Yandex", "Firefox": "Firefox", "FxiOS": "Firefox"}
_BROWSERS |= {"CriOS": "Chrome", "Chrome": "Chrome", "Safari": "Safari", "curl": "curl"}
_SYSTEMS = {"iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "Windows": "Windows", "CrOS": "ChromeOS"}
_SYSTEMS |= {"Mac OS X": "macOS", "Linux": "Linux"}
_OURSELVES = ("same-origin", "none")  # none: the user's own action, such as reloading a form
_FORM = "application/x-www-form-urlencoded"
KIND = "multipart/form-data"
_BOUNDARY = re.compile(
    r""";\s*boundary=(?:"([\w'()+,./:=? -]{1,70})"|([\w'+./-]{1,70}))\s*(?:;|$)""", re.ASCII | re.IGNORECASE
)
_DISPOSITION = re.compile(rb"\r\ncontent-disposition:[ \t]*form-data[ \t]*(;[^\r\n]*)", re.IGNORECASE)
_PARAMETER = re.compile(rb';[ \t]*([a-z*]+)="([^"\r\n]*)"', re.IGNORECASE)
_MAX_HEAD_BYTES = 4096


class SentFile(NamedTuple):
    """A file of a form, with the name that it has where it comes from."""

    name: str
    content: bytes


Files = Mapping[str, Sequence[SentFile]]  # by field, which may hold several


def read_multipart(raw: bytes, kind: str, *, most: int) -> tuple[Mapping[str, Sequence[str]], Files]:
    """The fields and the files, at most `most` of both. Raises: InvalidError (permanent)."""
    form: dict[str, list[str]] = {}
    files: dict[str, list[SentFile]] = {}
    boundary = _BOUNDARY.search(kind)
    if boundary is None:
        raise _unexpected()
    line = b"\r\n--" + (boundary[1] or boundary[2]).encode()
    parts = (b"\r\n" + raw).split(line, most + 2)
    if len(parts) > most + 2 or not parts[-1].startswith(b"--"):
        raise _unexpected()
    for part in parts[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name, file = _named(head)
        if file is not None:
            files.setdefault(name, []).append(SentFile(file, content))
        else:
            form.setdefault(name, []).append(normal_source(content.decode(errors="replace")))
    return form, files


def _named(head: bytes) -> tuple[str, str | None]:
    """The name of a part, and that of its file, if it is one."""
    said = _DISPOSITION.search(head) if len(head) <= _MAX_HEAD_BYTES else None
    given = {key.lower(): value for key, value in _PARAMETER.findall(said[1])} if said else {}
    if b"name" not in given:
        raise _unexpected()
    file = given.get(b"filename")
    return given[b"name"].decode(errors="replace"), None if file is None else file.decode(errors="replace").replace(
        "%22", '"'
    )


def _unexpected() -> InvalidError:
    return InvalidError.of("form", Phrase("expected fields as of {kind}", kind=KIND))


def cookie(name: str, value: str, *, seconds: int = int(LASTS.total_seconds())) -> str:
    """A Set-Cookie line. Bound to one host and TLS (`__Host-`, RFC 6265bis §4.1.3) wherever the service has TLS, which
    is everywhere but on a local machine. Under a base path the host may serve others too, who must not get it."""
    secure = " Secure;" if _has_tls() else ""
    path = base_path() or "/"
    return f"{_sent_as(name)}={value}; Path={path}; Max-Age={seconds}; HttpOnly;{secure} SameSite=Strict"


def known_cookie(value: str) -> str:
    """The Set-Cookie line that marks a browser that has signed in."""
    return cookie(KNOWN_COOKIE, value, seconds=int(BROWSER_LASTS.total_seconds()))


def forgotten(name: str) -> str:
    """The Set-Cookie line that deletes a cookie."""
    return cookie(name, "", seconds=0)


def _has_tls() -> bool:
    return settings().public_url.startswith("https:")


def _sent_as(name: str) -> str:
    if not _has_tls():
        return name
    return f"__Secure-{name}" if base_path() else f"__Host-{name}"  # which takes no path but `/`


def refuse_other_sites(request: Request) -> None:
    """Refuses a form sent by a page of another origin, which browsers report and pages cannot fake. Raises:
    ForbiddenError (permanent)."""
    if request.method == "POST" and _origin_of(request) is not None and not from_us(request):
        raise ForbiddenError(Phrase("this form was sent by another site"))


def from_us(request: Request) -> bool:
    """Whether the browser says that one of our pages sent this form, so that its content may be shown again."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return str(site) in _OURSELVES
    ours = urlsplit(settings().public_url)
    return _origin_of(request) == f"{ours.scheme}://{ours.netloc}"


def _origin_of(request: Request) -> str | None:
    """Where the form comes from; old browsers only send `Origin` or `Referer`."""
    headers = request.headers
    told: str | None = headers.get("sec-fetch-site") or headers.get("origin")
    if told is None and headers.get("referer"):
        page = urlsplit(str(headers["referer"]))
        told = f"{page.scheme}://{page.netloc}"
    return told


def asks_for_a_part(request: Request) -> bool:
    """Whether it asks for a part of a page, by script (htmx) or in a frame."""
    headers = request.headers
    return "hx-request" in headers or headers.get("sec-fetch-dest") in ("iframe", "frame")


def language_of(request: Request) -> str:
    """The chosen language, otherwise the browser's preference, otherwise the stage's."""
    chosen = cookies_of(request).get(LANGUAGE_COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    return preferred(request.headers.get("accept-language"), LANGUAGES) or settings().default_locale


def ip_of(request: Request) -> str:
    """Where the request came from, by API Gateway."""
    return str(request.context.get("identity", {}).get("sourceIp") or "unknown")


def door_of(request: Request) -> str:
    """The value that ties the sign-in forms to this browser: its cookie's, or a new one."""
    given = cookies_of(request).get(DOOR_COOKIE, "")
    return given if re.fullmatch(r"[\w-]{43}", given) else secrets.token_urlsafe(32)


def at_of(request: Request) -> At:
    """Where an attempt comes from."""
    cookies = cookies_of(request)
    return At(ip_of(request), door=cookies.get(DOOR_COOKIE, ""), known=cookies.get(KNOWN_COOKIE, ""))


def browser_of(request: Request) -> str:
    """The browser in two words, such as `Firefox, Windows`; empty if unknown."""
    told = str(request.headers.get("user-agent", ""))
    return ", ".join(
        found
        for known in (_BROWSERS, _SYSTEMS)
        if (found := next((name for mark, name in known.items() if mark in told), None))
    )


def read_form(request: Request, *, largest_file: int = 0) -> tuple[Mapping[str, Sequence[str]], Files]:
    """The fields of a form, in normal form (browsers send line ends as CRLF), and its files. Raises: TooLargeError,
    InvalidError (permanent)."""
    if request.method != "POST":
        return {}, {}
    raw, kind = request.raw_body, request.headers.get("content-type", "")
    most = MAX_FORM_BYTES + largest_file if not raw.startswith(b"typed=") else 2 * MAX_FORM_BYTES
    if len(raw) > most:  # what was typed and kept comes once more, with quotes around it
        raise TooLargeError.of("form", Phrase("expected at most {size} bytes", size=most))
    if largest_file and kind.startswith(KIND):
        return read_multipart(raw, kind, most=MAX_FORM_FIELDS)
    if kind.partition(";")[0].strip().lower() != _FORM:
        raise InvalidError.of("form", Phrase("expected {form}", form=_FORM))
    try:
        fields = parse_qs(raw.decode(), keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS)
        return {name: [normal_source(text) for text in texts] for name, texts in fields.items()}, {}
    except ValueError as error:
        raise InvalidError.of(
            "form", Phrase("expected at most {most} fields in UTF-8", most=MAX_FORM_FIELDS)
        ) from error


def cookies_of(request: Request) -> dict[str, str]:
    """Our cookies, as RFC 6265 §5.4 writes them: of two with one name the first has the closer path. Foreign cookies of
    this host, such as JSON, are skipped (`http.cookies` would lose all that follow)."""
    cookies: dict[str, str] = {}
    for pair in str(request.headers.get("cookie", "")).split(";"):
        # Only the two spaces of RFC 6265: a browser lets any site of the domain set `\xa0__Host-…`.
        name, _, value = pair.strip(" \t").partition("=")
        cookies.setdefault(name, value)
    return {name: cookies[sent] for name in _OUR_COOKIES if (sent := _sent_as(name)) in cookies}
