"""The managers' page on an empty stage, as a browser without JavaScript uses it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import segno

from app import app  # noqa: TID251  (here is who calls it)
from chalicelib.accounts.managers import Role
from chalicelib.stage.app import Stage
from tests import forms
from tests.forms import Files
from tests.integration.admin.stocked import Stock, stocked
from tests.integration.api.gateway import lambda_event, route_of

PASSWORD = "correct horse battery"
_FORMS = count()
_STEP = re.compile(r'name="step" value="([^"]+)"')
_TOKEN = re.compile(r'name="token" value="([^"]+)"')


def text_of(html: str) -> str:
    """What a reader sees of it, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@dataclass(frozen=True)
class Seen:
    """What the browser received."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def place(self) -> str:
        """A redirect's target, without the flash."""
        return urlsplit(self.headers["location"]).path

    @property
    def said(self) -> str | None:
        """The flash of a redirect."""
        return dict(parse_qsl(urlsplit(self.headers["location"]).query)).get("done")


@dataclass
class Visitor:
    """One browser: keeps its cookies and the form token of the page it saw last."""

    cookies: dict[str, str] = field(default_factory=dict)
    token: str = ""
    ip: str = "192.0.2.1"
    site: str = "same-origin"  # Sec-Fetch-Site: what the browser says about the page that a form is on
    says: dict[str, str] = field(default_factory=dict)  # headers of every request; an empty one is not sent

    def sign_in(self, name: str, password: str = PASSWORD, code: str = "") -> Seen:
        """In two steps if the account requires a code and one is given."""
        self.get("/admin/sign-in")
        seen = self.post("/admin/sign-in", name=name, password=password)
        step = _STEP.search(seen.text)
        return self.post("/admin/sign-in", name=name, step=step[1], code=code) if step and code else seen

    def get(self, path: str, **headers: str) -> Seen:
        seen = self._call("GET", path, b"", headers)
        if found := _TOKEN.search(seen.text):
            self.token = found[1]
        return seen

    def post(self, path: str, token: str | None = None, **fields: Any) -> Seen:
        """A form of a page that was opened for it; with a `token`, that very form, which may come twice."""
        form = {"token": self.fresh_token() if token is None else token, **fields}
        return self._call("POST", path, forms.urlencoded(form), {"content-type": forms.URLENCODED})

    def fresh_token(self) -> str:
        """Of a form that was never sent."""
        return f"{self.token.partition('.')[0]}.{next(_FORMS)}"

    def upload(self, path: str, field: str, content: bytes, **fields: str) -> Seen:
        """A form with a file."""
        return self.send_files(path, [(field, forms.File("a.csv", "text/csv", content))], **fields)

    def send_files(self, path: str, files: Files, **fields: str) -> Seen:
        """A form with several files."""
        kind, body = forms.multipart({"token": self.fresh_token(), **fields}, files)
        return self._call("POST", path, body, {"content-type": kind})

    def _call(self, method: str, address: str, body: bytes, headers: Mapping[str, str]) -> Seen:
        path, _, query = address.partition("?")
        matched = route_of(path)
        sent = {
            "accept-language": "en",
            "sec-fetch-site": self.site,
            "cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            **headers,
            **self.says,
        }
        given = {name: [value] for name, value in parse_qsl(query)}
        sent = {name: value for name, value in sent.items() if value}
        event = lambda_event(method, matched, body, headers=sent, query=given, ip=self.ip)
        answer = app(event, None)
        for line in answer["multiValueHeaders"].get("Set-Cookie", []):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        got = {name.lower(): value for name, value in answer["headers"].items()}
        got |= {name.lower(): "\n".join(values) for name, values in answer["multiValueHeaders"].items()}
        return Seen(answer["statusCode"], got, answer["body"])


def signed_in(name: str, *roles: Role) -> Visitor:
    """A browser of a new manager who has these roles."""
    Stage.own().managers.add(name, roles=roles, by="test", password=PASSWORD)
    visitor = Visitor()
    assert visitor.sign_in(name).status == 303
    visitor.get("/admin/account")
    return visitor


@pytest.fixture(autouse=True)
def pictures_are_drawn_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A QR code is drawn in one of eight patterns; to find which is read best would be most of a test."""
    monkeypatch.setattr(segno, "make", partial(segno.make, mask=0))


@pytest.fixture
def boss(stage: None) -> Visitor:
    """A manager with every role."""
    return signed_in("boss", *Role)


@pytest.fixture
def stock(stage: None) -> Stock:
    """A stage with content on every page."""
    return stocked()
