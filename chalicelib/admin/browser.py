"""What a browser sends to the managers' page: forms, cookies, its language; and what it is told to remember. Called by
`frame.py` and `door.py`.
"""

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs, urlsplit

from chalice.app import Request

from chalicelib.admin.look import LANGUAGES, base_path
from chalicelib.control.sessions import LASTS
from chalicelib.errors import ForbiddenError, InvalidError, TooLargeError
from chalicelib.locales import preferred
from chalicelib.settings import settings
from chalicelib.text import normal_source

SESSION_COOKIE, LANGUAGE_COOKIE, THEME_COOKIE = "vestnik_session", "vestnik_language", "vestnik_theme"
MAX_FORM_BYTES, MAX_FORM_FIELDS = 256 * 1024, 500
_OURSELVES = ("same-origin", "none")  # none: the reader's own doing, such as sending a form again
_FORM, _FORM_WITH_FILES = "application/x-www-form-urlencoded", "multipart/form-data"


def cookie(name: str, value: str, *, seconds: int = int(LASTS.total_seconds())) -> str:
    """A Set-Cookie line. `Secure` everywhere but on this machine, where there is no TLS."""
    secure = "" if settings().public_url.startswith("http:") else " Secure;"
    return f"{name}={value}; Path={base_path()}/admin; Max-Age={seconds}; HttpOnly;{secure} SameSite=Strict"


def refuse_other_sites(request: Request) -> None:
    """A form that a page of another origin sent; browsers say so themselves, and no page can lie about it. Raises:
    ForbiddenError (permanent)."""
    if request.method == "POST" and request.headers.get("sec-fetch-site", "same-origin") not in _OURSELVES:
        raise ForbiddenError("this form was sent by another site")


def from_us(request: Request) -> bool:
    """Whether the browser says that a page of ours sent this form: what it holds may be shown as typed here."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return str(site) in _OURSELVES
    ours = urlsplit(settings().public_url)
    return str(request.headers.get("origin")) == f"{ours.scheme}://{ours.netloc}"


def asks_for_a_part(request: Request) -> bool:
    """Whether it is for a part of a page, which stays as it is: asked for by a script (htmx), or in a frame."""
    headers = request.headers
    return "hx-request" in headers or headers.get("sec-fetch-dest") in ("iframe", "frame")


def language_of(request: Request) -> str:
    """What was chosen, else what the browser prefers, else the stage's."""
    chosen = cookies_of(request).get(LANGUAGE_COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    return preferred(request.headers.get("accept-language"), LANGUAGES) or settings().default_locale


def ip_of(request: Request) -> str:
    """Where the request came from, as API Gateway says it."""
    return str(request.context.get("identity", {}).get("sourceIp") or "unknown")


def read_form(request: Request, *, largest_file: int = 0) -> tuple[Mapping[str, Sequence[str]], Mapping[str, bytes]]:
    """The fields of a form, in the normal form of text (browsers send line ends as CRLF), and its files. Raises:
    TooLargeError, InvalidError (permanent)."""
    if request.method != "POST":
        return {}, {}
    raw, kind = request.raw_body, request.headers.get("content-type", "")
    most = MAX_FORM_BYTES + largest_file if not raw.startswith(b"typed=") else 2 * MAX_FORM_BYTES
    if len(raw) > most:  # what was typed and kept comes once more, with quotes around it
        raise TooLargeError.of("form", f"expected at most {most} bytes")
    if largest_file and kind.startswith(_FORM_WITH_FILES):
        return _parts(raw, kind)
    if kind.partition(";")[0].strip().lower() != _FORM:
        raise InvalidError.of("form", f"expected {_FORM}")
    try:
        fields = parse_qs(raw.decode(), keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS)
        return {name: [normal_source(text) for text in texts] for name, texts in fields.items()}, {}
    except ValueError as error:
        raise InvalidError.of("form", f"expected at most {MAX_FORM_FIELDS} fields in UTF-8") from error


def _parts(raw: bytes, kind: str) -> tuple[Mapping[str, Sequence[str]], Mapping[str, bytes]]:
    """RFC 7578, whose syntax is that of a letter with attachments."""
    from email.parser import BytesParser  # the parser of letters: 4 ms that no call but an upload needs
    from email.policy import HTTP

    letter = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + raw)
    form: dict[str, list[str]] = {}
    files: dict[str, bytes] = {}
    for part in letter.iter_parts():
        name, content = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(content, bytes):
            raise InvalidError.of("form", f"expected fields as of {_FORM_WITH_FILES}")
        if part.get_filename() is not None:
            files[name] = content
        else:
            form.setdefault(name, []).append(normal_source(content.decode(errors="replace")))
    return form, files


def cookies_of(request: Request) -> dict[str, str]:
    """Those that it sent, as RFC 6265 §5.4 writes them: of two with one name the first has the nearer path. What others
    of this host have left there, such as JSON, is passed over (`http.cookies` would lose all that follow)."""
    cookies: dict[str, str] = {}
    for pair in str(request.headers.get("cookie", "")).split(";"):
        name, _, value = pair.strip().partition("=")
        cookies.setdefault(name, value)
    return cookies
