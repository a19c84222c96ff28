"""What callers write comes in many forms; what is stored, compared and sent has one."""

from typing import Any

import pytest

from chalicelib.campaigns.list_file import ListFile
from chalicelib.campaigns.list_report import ListReport
from chalicelib.configuration.setting_shapes import StopWhen
from chalicelib.public.views import without_tail
from chalicelib.rendering.finishing import missing_content
from chalicelib.rendering.model import Template
from chalicelib.stage.app import Stage
from tests.integration.api.gateway import PROMO, Gateway
from tests.integration.conftest import Letters, Pump

ANNA = {"email": "anna@example.com"}
ENDS = ["\n", "\r\n", "\v", "\x1c", "\x85", "\u2028", "\u2029"]


def sent(api: Gateway, pump: Pump, letters: Letters, recipient: dict[str, Any], **changes: Any) -> dict[str, Any]:
    reply = api.post("/v1/notifications", {**PROMO, "recipients": [recipient], **changes})
    assert reply.status == 202, reply.text
    pump.run()
    return letters()[-1]


@pytest.mark.parametrize("end", ENDS)
def test_a_line_end_in_a_name_or_a_subject_is_a_space(api: Gateway, pump: Pump, letters: Letters, end: str) -> None:
    """Promise E1: white space is folded, and the letter goes."""
    context = {**PROMO["context"], "headline": f"Two{end}{end}months"}

    letter = sent(api, pump, letters, {**ANNA, "locale": "en", "name": f"Anna{end}Bcc"}, context=context)

    assert letter["subject"] == "Two months"
    assert "Hi Anna Bcc!" in str(letter["body"])


def test_paragraphs_are_paragraphs_whatever_the_line_ends(api: Gateway, pump: Pump, letters: Letters) -> None:
    """Promise E2: a text of a call has the line ends, the Unicode form and the edges that a letter is made for."""
    context = {**PROMO["context"], "text": "\r\n First.\r\n\r\nи\u0306 second. \r\n"}

    letter = sent(api, pump, letters, ANNA, context=context)

    body = str(letter["body"])
    assert ">First.</p>" in body
    assert ">\u0439 second.</p>" in body


ADDRESSES = ["ivan@почта.рф", "Ivan@XN--80A1ACNY.XN--P1AI", " ivan@почта.рф\r\n"]
WRONG_ADDRESSES = ["jürgen@x.example", "a@x..y", "anna@exаmple.com", "аnna@example.com", "anna@x"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_the_same_at_every_door(api: Gateway, pump: Pump, letters: Letters, address: str) -> None:
    """Promise E3: one check and one form of an address in calls, users, suppressions and lists."""
    stored = "ivan@xn--80a1acny.xn--p1ai"
    assert api.put("/v1/users/u-1", {"email": address}).body["email"] == stored
    assert [one.id for one in Stage.own().directory.with_email("IVAN@почта.рф", limit=5)] == ["u-1"]
    assert sent(api, pump, letters, {"email": address})["to"] == [stored]
    rows = list(ListFile([f'email\n"{address}"\n{stored}\n'.encode()], report := ListReport()).rows())
    assert [row["email"] for row in rows] == [stored]
    [again] = report.lines
    assert (again.line, again.message) == (4 if "\n" in address else 3, "this recipient is on the list already")

    assert api.post("/v1/suppressions", {"address": address}).status == 201
    assert Stage.own().suppressions.reason_of("email", "IVAN@почта.рф") == "by_hand"


@pytest.mark.parametrize("address", WRONG_ADDRESSES)
def test_an_address_that_cannot_be_written_to_is_refused_at_every_door(api: Gateway, address: str) -> None:
    """Promise E3: what one door refuses, no other takes."""
    answers = [
        api.post("/v1/notifications", {**PROMO, "recipients": [{"email": address}]}),
        api.put("/v1/users/u-1", {"email": address}),
        api.post("/v1/suppressions", {"address": address}),
        api.post("/v1/suppressions/import", {"addresses": [address]}),
    ]
    assert [one.status for one in answers] == [422] * 4
    assert list(ListFile([f"email\n{address}\n".encode()], report := ListReport()).rows()) == []
    assert report.lines == [(2, "not an e-mail address such as anna@example.com", [address])]


@pytest.mark.parametrize(
    ("written", "stored", "subject"),
    [
        ("ru_RU", "ru-RU", "Сегодня"),
        ("EN-us", "en-US", "Tonight"),
        ("zh_Hant_TW", "zh-Hant-TW", "今晚"),
        ("zh-hans", "zh-Hans", "Сегодня"),
        ("es-419", "es-419", "Сегодня"),
        ("fil", "fil", "Сегодня"),
    ],
)
def test_a_language_is_found_however_it_is_written(
    api: Gateway, pump: Pump, letters: Letters, written: str, stored: str, subject: str
) -> None:
    """Promise E4: a locale in any spelling is taken, and the nearest language is written in."""
    texts = {"ru": "Сегодня", "en_US": "Tonight", "ZH-hant": "今晚"}
    template = {
        "category": "marketing",
        "channels": ["email"],
        "default_locale": "RU",
        "locales": {name: {"email.subject": text, "email.html": "<p>Hi</p>"} for name, text in texts.items()},
    }
    made = api.put("/v1/templates/tongues", template)
    assert (made.status, set(made.body["locales"])) == (200, {"ru", "en-US", "zh-Hant"}), made.text
    assert api.put("/v1/users/u-1", {"email": "a@x.example", "locale": written}).body["locale"] == stored

    letter = sent(api, pump, letters, {"user_id": "u-1"}, template="tongues", context={})

    assert letter["subject"] == subject


@pytest.mark.parametrize("host", ["кино.рф", "XN--H1ADKE.xn--p1ai", "Кино.РФ."])
def test_a_host_is_allowed_in_either_spelling(api: Gateway, pump: Pump, letters: Letters, host: str) -> None:
    """Promise E4: hosts of settings and links are one, whatever their spelling: they are shortened and led to."""
    hosts = api.put("/v1/settings/allowed_hosts", {"value": [host, "Cinema.Example:8443"]})
    assert sorted(hosts.body["value"]) == ["cinema.example:8443", "xn--h1adke.xn--p1ai"], hosts.text
    led = api.put("/v1/settings/redirect_url", {"value": f"https://{host.rstrip('.')}/welcome"})
    assert led.body["value"] == "https://xn--h1adke.xn--p1ai/welcome", led.text
    sources = {"email.subject": "Hi", "email.html": "<a href='{{ url|short }}'>Hi</a>"}
    made: dict[str, Any] = {
        "category": "marketing",
        "channels": ["email"],
        "default_locale": "en",
        "locales": {"en": sources},
    }
    made |= {"variables": {"url": {"type": "url"}}, "sample": {"context": {"url": "https://cinema.example"}}}
    assert api.put("/v1/templates/shortened", made).status == 200

    letter = sent(api, pump, letters, ANNA, template="shortened", context={"url": "https://Кино.рф/фильм"})

    assert "/s/" in str(letter["body"])


def test_a_time_zone_is_one_in_any_letter_case(api: Gateway) -> None:
    assert api.put("/v1/users/u-1", {"timezone": " europe/MOSCOW"}).body["timezone"] == "Europe/Moscow"
    assert api.put("/v1/users/u-1", {"timezone": "america/new york"}).body["timezone"] == "America/New_York"


def test_a_senders_address_is_one_in_any_spelling(api: Gateway) -> None:
    sender = {"name": " The\u2028cinema", "address": "News@Cinema.Example ", "reply_to": "Anna@почта.рф"}
    reply = api.put("/v1/settings/sender", {"value": sender})

    assert reply.body["value"] == {
        "name": "The cinema",
        "address": "news@cinema.example",
        "reply_to": "anna@xn--80a1acny.xn--p1ai",
    }


TAILS = [")", ".", ",", ">", '"', "'", "%29", "%22%3E", ").", "»", "…", "*", "_", "__", ";", "&utm_source=x"]


@pytest.mark.parametrize("tail", TAILS)
def test_what_no_code_contains_is_cut_off_its_end(tail: str) -> None:
    """Promise E6: the full stop or bracket of the sentence around a link does not break it."""
    code, content = "aB3_-" * 5 + "xy", "WyJ1LTEiXQ"
    assert without_tail(code + tail) == code
    assert without_tail(f"{content}.{code}{tail}") == f"{content}.{code}"


@pytest.mark.parametrize("code", ["a" * 27 + "b", "a" * 26, ".abc", ")", "%"])
def test_nothing_else_is_made_a_code(code: str) -> None:
    assert without_tail(code) == code


def test_a_phone_is_taken_as_people_write_it(api: Gateway) -> None:
    """Promise E3: one form of a number, at every edge."""
    assert api.put("/v1/users/u-1", {"phone": "+7 926 123-45-67"}).body["phone"] == "+79261234567"
    assert api.patch("/v1/users/u-1", {"phone": "00 7 (926) 123-45-68"}).body["phone"] == "+79261234568"


def test_an_address_of_the_web_is_taken_as_people_write_it(api: Gateway) -> None:
    """Promise E4: letter case and national names, in settings and endpoints."""
    assert api.put("/v1/settings/allowed_hosts", {"value": ["кино.рф:443"]}).body["value"] == ["xn--h1adke.xn--p1ai"]
    led = api.put("/v1/settings/redirect_url", {"value": "HTTPS://КИНО.рф/Welcome"})
    assert led.body["value"] == "https://xn--h1adke.xn--p1ai/Welcome", led.text
    api.put("/v1/users/u-1", ANNA)
    made = api.post("/v1/users/u-1/endpoints", {"channel": "webhook", "url": " https://Партнёр.рф/hook\n"})
    assert made.status == 201, made.text
    assert "xn--80a0aefbk0i.xn--p1ai" in made.body["shown"]


@pytest.mark.parametrize(
    "csv",
    [
        '\ufeff"email";note\r\nanna@example.com;x\r\nIvan@почта.рф;y',
        "address\tnote\ranna@example.com\tx\rivan@почта.рф\ty\r",
        "anna@example.com\n\n ivan@почта.рф\x00\n",
        "sep=;\r\nE-mail;note\r\nanna@example.com;x,y\r\nivan@почта.рф;\r\n",
    ],
)
def test_a_csv_of_suppressions_is_read_however_a_spreadsheet_writes_it(api: Gateway, csv: str) -> None:
    """Promise E2: line ends, a byte order mark and the separator do not change what a file says."""
    reply = api.post("/v1/suppressions/import", {"csv": csv})
    assert (reply.status, reply.body) == (200, {"added": 2, "known": 0}), reply.text
    assert Stage.own().suppressions.reason_of("email", "ivan@почта.рф") == "import"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_list_is_read_however_a_spreadsheet_writes_it(delimiter: str, end: str) -> None:
    """Promise E2: … and a name in two lines is one."""
    lines = [["\ufeffEmail", "Name"], ["Anna@example.com", f'"Anna{end}Maria"']]
    content = end.join(delimiter.join(cells) for cells in lines).encode()
    pieces = [content[n : n + 7] for n in range(0, len(content), 7)]
    assert list(ListFile(pieces, ListReport()).rows()) == [{"email": "anna@example.com", "name": "Anna Maria"}]
    said = f"SEP={delimiter}{end}".encode()
    assert list(ListFile([said + content.removeprefix(b"\xef\xbb\xbf")], ListReport()).rows()) == [
        {"email": "anna@example.com", "name": "Anna Maria"}
    ]


def test_columns_that_nobody_uses_are_none() -> None:
    """Promise E2: spreadsheets write a separator for every column that was ever touched."""
    text = "sep=;\nemail;name;;\nanna@example.com;Anna;;\nivan@example.com;;;\nolga@example.com;Olga;;x\n"
    rows = list(ListFile([text.encode()], report := ListReport()).rows())
    assert rows == [{"email": "anna@example.com", "name": "Anna"}, {"email": "ivan@example.com"}]
    assert report.lines == [(5, "expected 2 columns, got 4", ["olga@example.com", "Olga", "", "x"])]


def test_a_step_stops_for_a_language_however_it_is_written() -> None:
    """Promise E4: … and a text in whatever Unicode form."""
    stop = StopWhen(attribute="locale", equals="EN")
    assert stop.holds({"locale": "en-GB"})
    assert not stop.holds({"locale": "ru"})
    assert not stop.holds({"locale": None})
    assert StopWhen(attribute="city", equals="\u0418\u0306").holds({"attributes": {"city": "Й"}})
    assert StopWhen(attribute="films", equals=2.0).holds({"attributes": {"films": 2}})
    assert not StopWhen(attribute="films", equals=1).holds({"attributes": {"films": True}})


@pytest.mark.parametrize("films", [[{}], [{"title": " "}], [""], [None], [[]], " \u2028", {"a": {"b": []}}])
def test_a_list_of_nothing_is_nothing_to_say(films: Any) -> None:
    """Promise E7: what shows nothing is empty."""
    template = Template(
        key="t",
        version=1,
        category="digest",
        channels=("email",),
        default_locale="en",
        locales={"en": {"email.subject": "Hi", "email.html": "<p>Hi</p>"}},
        nothing_without=("films",),
    )
    assert missing_content(template, {"films": films}) == ["films"]
    assert missing_content(template, {"films": [{"title": "Low Water"}]}) == []
    assert missing_content(template, {"films": [0]}) == []


UNSEEN = ["\u200d", "\u2066\u2069", "\xad", "\u034f", "\u3164", "\u2800", "\ufe0f", " \u200b\ufeff\u202e"]


@pytest.mark.parametrize("unseen", UNSEEN)
def test_what_shows_nothing_is_empty(api: Gateway, unseen: str) -> None:
    """Promise E1: a name or a subject of characters that nobody sees is refused as an empty one is."""
    named = api.put("/v1/users/u-1", {"name": unseen, **ANNA})
    assert (named.status, named.bad_fields) == (422, ["name"])
    letter = api.post(
        "/v1/notifications", {**PROMO, "recipients": [ANNA], "context": {**PROMO["context"], "headline": unseen}}
    )
    assert letter.status == 422
    assert "the subject is empty" in letter.text


def test_a_time_of_day_is_taken_with_what_surrounds_it(api: Gateway) -> None:
    """Promise E2: outer white space is none of a value's."""
    hours = api.put("/v1/settings/quiet_hours", {"value": {"starts": "22:00 ", "ends": "\ufeff08:00\r\n"}})
    assert hours.body["value"] == {"starts": "22:00", "ends": "08:00"}, hours.text
    api.put("/v1/users/u-1", ANNA)
    wish: dict[str, Any] = {
        "quiet_hours": {"from": " 22:00", "to": "08:00\n"},
        "digests": {"marketing": {"every": "day", "at": "9:00"}},
    }
    assert api.put("/v1/users/u-1/preferences", wish).bad_fields == ["digests.marketing.at"]
    wish["digests"]["marketing"]["at"] = "\t09:00"
    kept = api.put("/v1/users/u-1/preferences", wish).body
    assert (kept["quiet_hours"], kept["digests"]["marketing"]["at"]) == ({"from": "22:00", "to": "08:00"}, "09:00")


@pytest.mark.parametrize("when", ["9999-12-31T23:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31", "28.11.2026"])
def test_a_date_that_is_none_in_some_zone_is_refused_while_the_caller_listens(api: Gateway, when: str) -> None:
    """Promise E1: what can never be sent is not accepted."""
    api.put(
        "/v1/templates/dates",
        {
            "category": "marketing",
            "channels": ["email"],
            "default_locale": "en",
            "variables": {"when": {"type": "date"}},
            "sample": {"context": {"when": "2026-11-28"}},
            "locales": {"en": {"email.subject": "Soon", "email.html": "<p>{{ when|date }}</p>"}},
        },
    )
    recipient = {**ANNA, "timezone": "Asia/Tokyo"}
    reply = api.post("/v1/notifications", {"template": "dates", "recipients": [recipient], "context": {"when": when}})
    assert (reply.status, reply.bad_fields) == (422, ["context.when"])


@pytest.mark.parametrize(
    "written",
    [
        " 2030-12-01T10:00:00+03:00\r\n",
        "2030-12-01 10:00:00+03:00",
        "2030-12-01t07:00:00z",
        "2030-12-01T10:00:00 03:00",  # a plus that was not escaped in a query
    ],
)
def test_a_time_is_taken_as_callers_write_it(api: Gateway, written: str) -> None:
    """Promise E2: … nor does what may stand for a T or a plus make another moment."""
    made = api.post("/v1/suppressions", {"address": "anna@example.com", "until": written})
    assert (made.status, made.body["until"]) == (201, "2030-12-01T07:00:00.000000Z"), made.text
    assert api.get("/v1/notifications", since=written, until="2030-12-02T00:00:00Z").status == 200


@pytest.mark.parametrize("names", [("city", " city\r\n"), ("й", "и\u0306")])
def test_of_two_names_that_are_written_alike_neither_is_lost(api: Gateway, names: tuple[str, str]) -> None:
    """Promise E2: names have one form too; which of two values is meant nobody knows, so the caller is told."""
    both = dict.fromkeys(names, "x")
    user = api.put("/v1/users/u-1", {"attributes": both})
    letter = api.post("/v1/notifications", {**PROMO, "recipients": [ANNA], "context": {**PROMO["context"], "a": both}})
    assert [(one.status, one.bad_fields) for one in (user, letter)] == [(422, ["attributes"]), (422, ["context"])]


def test_a_number_of_any_length_is_read_or_refused(api: Gateway) -> None:
    """Promise G3: what no double holds is refused, whether it has a point or not."""
    for number in ("1e999", "9" * 400, "-" + "9" * 5000):
        reply = api.call("PUT", "/v1/users/u-1", f'{{"attributes": {{"n": {number}}}}}'.encode())
        assert (reply.status, reply.bad_fields) == (422, ["body"])
        assert "a number is too large" in reply.text


@pytest.mark.parametrize("name", ["a b", "a+b", "анна", "a\x00b", "a" * 129, "a%25"])
def test_an_id_of_the_path_that_nobody_can_have_is_named(api: Gateway, name: str) -> None:
    """Promise E2: the answer says where the mistake is, and what is expected there."""
    reply = api.put(f"/v1/users/{name}", ANNA)
    assert (reply.status, reply.bad_fields) == (422, ["id"])
    assert "letters of A to Z" in reply.text
