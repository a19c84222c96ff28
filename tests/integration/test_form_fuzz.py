"""Whatever is put into a form, and however it is sent: no answer is a failure of ours, what is refused has stored
nothing, the page says what is wrong beside what was typed, and no markup comes back as markup. The forms are those
that the pages show."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote_from_bytes, urlsplit

import pytest
from chalice.local import RouteMatcher
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app import app  # noqa: TID251  (here is who calls it)
from chalicelib.accounts.managers import Role
from chalicelib.admin.form_reader import CHECKS, Control, Form, forms_in
from chalicelib.admin.forms import SECRETS
from chalicelib.admin.views import REGISTERED
from chalicelib.clock import derived_id
from chalicelib.security.signing import LetterClaims, Purpose
from chalicelib.stage.app import Stage
from chalicelib.text import one_line
from tests import forms
from tests.integration.admin.conftest import Seen, Visitor, signed_in
from tests.integration.admin.stocked import stocked
from tests.integration.conftest import a_stage
from tests.integration.test_every_right import world

EXAMPLES = 10  # of each form, after those that are sent to every one
PHASES = (Phase.explicit, Phase.generate)  # a page takes a while: the example that fails is told as it is
MARK = "zz9"
MARKUP = f"""<{MARK} a="1" b='2'>&amp;{{{{ 7*7 }}}}</textarea></script>"""
OUR_FIELDS = ("token", "base", "seen", "mine", "typed")


class Sent(NamedTuple):
    """One form as it goes over the wire; `typed` is what its fields hold, where that is what was meant to be said."""

    kind: str | None
    body: bytes
    typed: Mapping[str, Sequence[bytes]] | None

    def told(self, target: "Target") -> str:
        """What a failure says."""
        return f"{target.path} {self.kind} {self.body[:1500]!r}"


class Found(dict[str, "Target"]):
    """The forms by the route that they go to."""

    def unseen(self, route: str) -> "Target":
        """What no page of this stage shows, such as an approval: a form with a field of every name that forms have."""
        path = "/".join("x" if part.startswith("{") else part for part in route.split("/"))
        names = sorted({one.name for target in self.values() for one in target.form.controls if one.name})
        controls = [Control("text", {"name": name, "value": ""}, (0, 0), ()) for name in names]
        return Target(path, Form((0, 0), {}, {path}, controls))

    def __repr__(self) -> str:
        """Short: hypothesis tells it."""
        return f"{len(self)} forms"


class Target(NamedTuple):
    """Where a form goes, and the form."""

    path: str
    form: Form


@pytest.fixture(scope="module")
def boss() -> Iterator[Visitor]:
    """One stage for all that is sent: what a form leaves behind is there for the next."""
    with pytest.MonkeyPatch.context() as monkeypatch, a_stage(monkeypatch):
        yield signed_in("boss", *Role)


def forms_of(page: str, path: str) -> list[Form]:
    """The forms of a page, of which readers' go to the page itself."""
    return forms_in(page.replace('<form method="post">', f'<form method="post" action="{path}">'))


@pytest.fixture(scope="module")
def found(boss: Visitor) -> Found:
    """The forms of all pages, by the route that they go to."""
    routes = RouteMatcher(list(app.routes))
    by_route = Found()
    for address in (*stocked().pages(), "/admin/sign-in", "/admin/campaigns/new?template=promo"):
        for form in forms_in(boss.get(address).text):
            for target in form.targets:
                path = urlsplit(target).path or urlsplit(address).path
                by_route.setdefault(routes.match_route(path).route, Target(path, form))
    claims = LetterClaims("anna", None, "email", "marketing", derived_id("n-1"))
    for purpose in (Purpose.UNSUBSCRIBE, Purpose.PREFERENCES):
        path = f"/{purpose.value}/{Stage.own().tokens.make(claims, purpose)[0]}"
        by_route[f"/{purpose.value}/{{token}}"] = Target(path, forms_of(boss.get(path).text, path)[-1])
    return by_route


HOSTILE: st.SearchStrategy[bytes] = st.one_of(
    st.sampled_from(
        [
            b"",
            b"   ",
            b"\x00",
            b"a\x00b\x1b[31m\x07",
            b"\xed\xa0\x80",  # half of a surrogate pair, which is no UTF-8
            b"\xff\xfe",
            b"\xc0\xaf",
            "\ufffe\u202e\u2028\u0085\u3164".encode(),
            b"1e999",
            b"NaN",
            b"-1",
            b"0",
            b"9" * 400,
            "٣²".encode(),
            b"2026-02-31T25:61",
            b"0000-00-00",
            b"[" * 3000,
            b'{"a": {"a": 1e400}}',
            b"../../etc/passwd",
            b"a\r\nSet-Cookie: a=b",
            b"https://169.254.169.254/\x00",
            b"{{ 7*7 }}{% for x in y %}",
            MARKUP.encode(),
            f'"{MARKUP}'.encode(),
            ("ж" * 3000).encode(),
            b"x" * 40_000,
        ]
    ),
    st.text(max_size=40).map(lambda text: text.encode(errors="surrogatepass")),
)


def urlencoded(fields: Mapping[str, Sequence[bytes]]) -> bytes:
    pairs = [(name, value) for name, values in fields.items() for value in values]
    return "&".join(f"{quote_from_bytes(n.encode())}={quote_from_bytes(v)}" for n, v in pairs).encode()


def multipart(fields: Mapping[str, Sequence[bytes]], boundary: bytes) -> bytes:
    parts = [
        b"--%b\r\nContent-Disposition: form-data; name=%b\r\n\r\n%b\r\n" % (boundary, name.encode(), value)
        for name, values in fields.items()
        for value in values
    ]
    return b"".join(parts) + b"--%b--\r\n" % boundary


WAYS = ["plain"] * 6 + ["cut", "bytes", "multipart", "wrong boundary", "no kind", "large"]
STRANGE = (*OUR_FIELDS[1:], "unknown", "<name>", "", "name.with[brackets]")


class Wrong(NamedTuple):
    """What is put into a form: values by the number of their field, one more field, and the way in which it is sent."""

    values: Sequence[tuple[int, Sequence[bytes]]]
    more: tuple[str, bytes] | None
    way: str

    def __repr__(self) -> str:
        """Short: hypothesis tells it."""
        cut = [(n, [value[:60] for value in values]) for n, values in self.values]
        return f"Wrong({cut}, {self.more and (self.more[0], self.more[1][:60])}, {self.way!r})"

    def sent(self, form: Form, token: str) -> Sent:
        """The form with it; all else is as a browser sends it."""
        fields = {name: [value.encode() for value in values] for name, values in form.values().items()}
        names = [name for name in fields if name not in OUR_FIELDS] or ["name"]
        fields |= {names[n % len(names)]: list(values) for n, values in self.values}
        if self.more is not None:
            fields[self.more[0]] = [self.more[1]]
        if "token" in fields:
            fields["token"] = [token.encode()]
        body = urlencoded(fields)
        return {
            "plain": Sent(forms.URLENCODED, body, fields),
            "cut": Sent(forms.URLENCODED, body[: len(body) // 2] + b"%Z%", None),
            "bytes": Sent(forms.URLENCODED, body + b"&name=\xff\xfe\xed\xa0\x80", None),
            "multipart": Sent("multipart/form-data; boundary=b", multipart(fields, b"b"), None),
            "wrong boundary": Sent("multipart/form-data; boundary=other", multipart(fields, b"b"), None),
            "no kind": Sent(None, body, None),
            "large": Sent(forms.URLENCODED, body + b"&name=" + b"x" * 300_000, None),
        }[self.way]


WRONG = st.builds(
    Wrong,
    st.lists(st.tuples(st.integers(0, 30), st.lists(HOSTILE, max_size=2)), max_size=6),
    st.one_of(st.none(), st.none(), st.tuples(st.sampled_from(STRANGE), HOSTILE)),
    st.sampled_from(WAYS),
)


def send(visitor: Visitor, path: str, sent: Sent) -> Seen:
    return visitor._call("POST", path, sent.body, {"content-type": sent.kind} if sent.kind else {})


def check(visitor: Visitor, target: Target, sent: Sent, *, public: bool = False) -> None:
    before = world()
    seen = send(visitor, target.path, sent)
    assert seen.status < 500, sent.told(target)
    assert f"<{MARK}" not in seen.text, sent.told(target)
    if seen.status >= 400:
        assert world() == before, sent.told(target)
        assert seen.headers["content-type"].startswith("text/html")
        assert "<h1" in seen.text
        if not public:
            assert says_what(seen), (seen.status, sent.told(target))
    if seen.status == 422 and sent.typed is not None:
        assert_kept(seen.text, target, sent.typed)
    if seen.status == 303 and seen.place == "/admin/sign-in":  # some forms sign out
        visitor.cookies.update(signed_in(f"boss{next(forms_sent)}", *Role).cookies)
        visitor.get("/admin/account")


forms_sent = iter(range(1, 10_000))


TROUBLE = re.compile(r'<div class="card"><h1>[^<]+</h1>\s*<p>[^<]+</p>\s*<p class="soft">[^<]+</p>')


def says_what(seen: Seen) -> bool:
    """Whether a page of the managers tells a mistake: beside its field, above the form, or on a page of its own."""
    beside = any(mark in seen.text for mark in ('class="mistake"', 'class="note', 'role="alert"'))
    return beside or TROUBLE.search(seen.text) is not None


def assert_kept(page: str, target: Target, typed: Mapping[str, Sequence[bytes]]) -> None:
    """What was typed into a text stands in it again, whatever white space it lost."""
    shown = next((form for form in forms_of(page, target.path) if target.form.targets & form.targets), None)
    if shown is None:
        return
    torn = units_torn(target.form, typed)
    for control in filter(is_text, target.form.controls):
        if control.unit in torn:
            continue
        values = typed.get(control.name, [])
        if len(values) == 1 and values[0]:
            wanted = one_line(values[0].decode(errors="replace"))
            now = [one_line(text) for text in shown.values().get(control.name, [])]
            # The name of who signs in is shown as it is kept, in small letters.
            assert wanted in now or wanted.lower() in now, (target.path, control.name, wanted[:80], now)


def units_torn(form: Form, typed: Mapping[str, Sequence[bytes]]) -> set[str]:
    """The units whose hidden fields, which say what is where in them, are not as the page made them."""
    made = form.values()
    hidden = [one for one in form.controls if one.unit and one.kind == "hidden"]
    return {one.unit for one in hidden if [*typed.get(one.name, [])] != [text.encode() for text in made[one.name]]}


def is_text(control: Control) -> bool:
    kinds = ("file", "hidden", "select", "submit", "button", "password", *CHECKS)
    return bool(control.name) and control.kind not in kinds and control.name not in SECRETS


def test_most_forms_are_found_on_a_page(found: Found) -> None:
    shown = [route.path for route in REGISTERED if route.method == "POST" and route.path in found]

    assert len(shown) > 30
    assert {"/admin/sign-in", "/unsubscribe/{token}", "/preferences/{token}"} <= set(found)


PATHS = [*(route.path for route in REGISTERED if route.method == "POST"), "/admin/sign-in"]


@pytest.mark.parametrize("route", sorted(set(PATHS)))
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), phases=PHASES)
@given(wrong=WRONG)
def test_whatever_is_put_into_a_form_is_answered(boss: Visitor, found: Found, route: str, wrong: Wrong) -> None:
    """Promise G3."""
    target = found.get(route) or found.unseen(route)
    check(boss, target, wrong.sent(target.form, boss.fresh_token()))


@pytest.mark.parametrize("route", ["/unsubscribe/{token}", "/preferences/{token}"])
@settings(max_examples=EXAMPLES * 2, suppress_health_check=list(HealthCheck), phases=PHASES)
@given(wrong=WRONG)
def test_whatever_is_put_into_a_readers_form_is_answered(found: Found, route: str, wrong: Wrong) -> None:
    """Promise G3."""
    target = found[route]
    check(Visitor(), target, wrong.sent(target.form, ""), public=True)
