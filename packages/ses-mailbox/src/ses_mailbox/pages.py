"""The pages where a person reads the letters. They work without scripts; `mailbox.js` only keeps the list fresh."""

import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from ses_mailbox.clock import parse_rfc3339
from ses_mailbox.letters import Letter
from ses_mailbox.store import Search, Store

_FOLDER = Path(__file__).parent / "pages"
_ASSETS = frozenset({"mailbox.css", "mailbox.js", "icon.svg"})
_PAGE_SIZE = 50
VIEWS: Mapping[str, str] = {
    "letter": "Letter",
    "desktop": "Desktop",
    "phone": "Phone",
    "text": "Text",
    "headers": "Headers",
    "source": "Source",
}
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# A letter is a stranger's HTML: it may look as it likes, and do nothing. Links open in a new tab.
_LETTER_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline' http: https:; "
    "img-src http: https: data:; font-src http: https: data:; media-src http: https:; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
_COMMON_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
_HEAD = re.compile(r"<head(\s[^>]*)?>", re.IGNORECASE)
_DOCTYPE = re.compile(r"\s*<!doctype[^>]*>", re.IGNORECASE)
_CID = re.compile(r"cid:[^\s\"'<>()]+")
_NEW_TAB = '<base target="_blank">'


@dataclass(frozen=True)
class Pages:
    """The list, a letter, its body for the frame, and the assets."""

    store: Store
    example_sender: str

    def routes(self) -> list[Route]:
        """Only `POST /clear` changes anything."""
        return [
            Route("/", self.letters),
            Route("/clear", self.clear, methods=["POST"]),
            Route("/letters/{id}", self.letter),
            Route("/letters/{id}/body", self.body),
            Route("/assets/{name}", self.asset),
        ]

    def letters(self, request: Request) -> Response:
        """The newest letters, a page at a time, with search by address or subject."""
        query, page = request.query_params.get("q", "").strip(), _number(request.query_params.get("page", ""))
        search = Search(
            any_part=query, failed=True, newest_first=True, limit=_PAGE_SIZE, offset=(page - 1) * _PAGE_SIZE
        )
        total = self.store.count(search)
        pages = max(1, -(-total // _PAGE_SIZE))
        return html_page(
            "list.html",
            letters=self.store.find(search),
            query=query,
            total=total,
            page=page,
            pages=pages,
            example_sender=self.example_sender,
            base_url=str(request.base_url).rstrip("/"),
            link=lambda number: "/?" + urlencode({"q": query, "page": number}),
        )

    def letter(self, request: Request) -> Response:
        """One letter: as a mail client shows it, its text, headers and source, each under its own address."""
        letter = self.store.get(request.path_params["id"])
        if letter is None:
            return html_page("missing.html", status=404)
        view = request.query_params.get("view", "letter")
        if view not in VIEWS:
            view = "letter"
        source = letter.source().decode("utf-8", "replace") if view == "source" else ""
        return html_page("letter.html", letter=letter, view=view, views=VIEWS, source=source)

    def body(self, request: Request) -> Response:
        """The letter's HTML for the sandboxed frame."""
        letter = self.store.get(request.path_params["id"])
        if letter is None:
            return Response(status_code=404)
        headers = {**_COMMON_HEADERS, "Content-Security-Policy": _LETTER_POLICY}
        return HTMLResponse(_with_new_tabs(_with_pictures(letter)), headers=headers)

    def clear(self, request: Request) -> Response:
        """Empties the mailbox, unless another site asks."""
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return Response("Only this page may empty the mailbox.", status_code=403)
        self.store.clear()
        return RedirectResponse("/", status_code=303)

    def asset(self, request: Request) -> Response:
        """One of the package's own files."""
        name = request.path_params["name"]
        if name not in _ASSETS:
            return Response(status_code=404)
        return FileResponse(_FOLDER / name, media_type=mimetypes.guess_type(name)[0], headers=_COMMON_HEADERS)


def _number(text: str) -> int:
    return max(1, int(text)) if text.isdecimal() and len(text) < 9 else 1


def _with_pictures(letter: Letter) -> str:
    """Its HTML with the pictures that came with it."""
    places = {f"cid:{one.content_id}": n for n, one in enumerate(letter.attachments) if one.content_id}
    return _CID.sub(
        lambda found: f"/api/messages/{letter.id}/attachments/{places[found[0]]}" if found[0] in places else found[0],
        letter.html,
    )


def _with_new_tabs(html: str) -> str:
    """The same document, whose links open a new tab: the frame itself may not go anywhere."""
    for place in (_HEAD.search(html), _DOCTYPE.match(html)):
        if place:
            return html[: place.end()] + _NEW_TAB + html[place.end() :]
    return _NEW_TAB + html


def _clock_time(at: str) -> datetime:
    return parse_rfc3339(at)


def _initial(letter: Letter) -> str:
    return letter.recipients[0][0].upper() if letter.recipients else "?"


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_ENVIRONMENT.filters |= {"moment": _clock_time, "initial": _initial}


def html_page(template: str, *, status: int = 200, **values: Any) -> Response:
    """One of the mailbox's own pages."""
    headers = {**_COMMON_HEADERS, "Content-Security-Policy": _PAGE_POLICY}
    return HTMLResponse(_ENVIRONMENT.get_template(template).render(values), status_code=status, headers=headers)
