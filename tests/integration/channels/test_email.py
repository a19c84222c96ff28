"""The e-mail channel against the mailbox, which behaves and misbehaves as SES does."""

from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import parseaddr
from typing import Any

import pytest
import requests
from botocore.exceptions import ConnectionClosedError
from ses_mailbox.client import MailboxClient, simple

from chalicelib.channels.email import BULK_ENTRIES, EmailChannel, EmailSender
from chalicelib.channels.port import Message, Outcome, Verdict
from chalicelib.stage.app import Stage
from tests.integration.channels.conftest import FROM, SETS
from tests.integration.channels.mail import CONFIGURATION_SET, MAILINGS_SET, SENDER, TRACKING_DOMAIN
from tests.processes import new_process


@pytest.fixture
def channel(mailbox: MailboxClient) -> EmailChannel:
    """The channel with the very client that the workers have."""
    return EmailChannel(Stage.own().ses, sender=lambda _: FROM, **SETS)


def message(
    to: str = "anna@example.com",
    n: int = 1,
    *,
    html: str = "<p>Привет, {{ name }}</p>",
    transactional: bool = True,
    **headers: str,
) -> Message:
    return Message(
        delivery_id=f"n-{n}_email",
        address=to,
        parts={"subject": f"Письмо {n} & <b>", "html": html, "text": "Привет"},
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        tags={"delivery": f"n-{n}_email", "template": "promo"},
        transactional=transactional,
    )


def verdicts(outcomes: object) -> list[tuple[Verdict, str | None]]:
    assert isinstance(outcomes, list)
    return [(one.verdict, one.reason) for one in outcomes]


def everyone(count: int) -> list[Message]:
    return [message(f"u{n}@example.com", n) for n in range(count)]


def test_one_letter_arrives_whole_with_its_headers_and_tags(channel: EmailChannel, mailbox: MailboxClient) -> None:
    [outcome] = channel.send([message(List_Unsubscribe="<https://cinema.example/u>")])

    [letter] = mailbox.letters()
    assert outcome == Outcome(Verdict.ACCEPTED, provider_id=letter["id"])
    assert (letter["to"], letter["subject"]) == (["anna@example.com"], "Письмо 1 & <b>")
    assert (letter["html"].strip(), letter["text"].strip()) == ("<p>Привет, {{ name }}</p>", "Привет")
    assert letter["headers"]["List-Unsubscribe"] == "<https://cinema.example/u>"
    assert letter["tags"].items() >= {"delivery": "n-1_email", "template": "promo"}.items()


def test_many_letters_arrive_by_one_call_each_as_its_own(channel: EmailChannel, mailbox: MailboxClient) -> None:
    outcomes = channel.send([message(f"u{n}@example.com", n, X_Number=str(n)) for n in range(BULK_ENTRIES)])

    letters = {letter["to"][0]: letter for letter in mailbox.letters(limit=100)}
    assert [one.verdict for one in outcomes] == [Verdict.ACCEPTED] * BULK_ENTRIES
    assert mailbox.stats()["calls"] == 1
    for n, outcome in enumerate(outcomes):
        letter = letters[f"u{n}@example.com"]
        assert outcome.provider_id == letter["id"]
        assert (letter["subject"], letter["headers"]["X-Number"]) == (f"Письмо {n} & <b>", str(n))
        assert letter["html"].strip() == "<p>Привет, {{ name }}</p>"
        assert letter["tags"]["delivery"] == f"n-{n}_email"


@pytest.mark.parametrize(("transactional", "name"), [(True, CONFIGURATION_SET), (False, MAILINGS_SET)])
@pytest.mark.parametrize("count", [1, 2])
def test_account_letters_and_others_go_through_sets_of_their_own(
    channel: EmailChannel, mailbox: MailboxClient, transactional: bool, name: str, count: int
) -> None:
    channel.send([message(f"u{n}@example.com", n, transactional=transactional) for n in range(count)])

    pages = [mailbox.page(f"/letters/{letter['id']}", view="headers").text for letter in mailbox.letters()]
    assert [f"<dd>{name}</dd>" in page for page in pages] == [True] * count


def test_a_letter_too_large_for_a_bulk_call_goes_by_itself(channel: EmailChannel, mailbox: MailboxClient) -> None:
    large = message("large@example.com", 2, html="<p>" + "я" * 262_144 + "</p>")

    outcomes = channel.send([message(), large])

    assert [one.verdict for one in outcomes] == [Verdict.ACCEPTED] * 2
    assert sorted(letter["to"][0] for letter in mailbox.letters()) == ["anna@example.com", "large@example.com"]


FAULTS: dict[str, tuple[Verdict, str]] = {
    "throttle": (Verdict.NOT_ACCEPTED, "throttled"),
    "daily_quota": (Verdict.NOT_ACCEPTED, "daily_quota"),
    "refuse": (Verdict.REFUSED, "rejected"),
    "server_error": (Verdict.UNKNOWN, "provider_error"),
    "drop_reply": (Verdict.UNKNOWN, "reply_lost"),
    "reset": (Verdict.UNKNOWN, "reply_lost"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_of_the_provider_has_its_verdict_for_one_letter(
    channel: EmailChannel, mailbox: MailboxClient, kind: str
) -> None:
    mailbox.fault(kind=kind, times=1)

    assert verdicts(channel.send([message()])) == [FAULTS[kind]]
    assert len(mailbox.letters()) == (kind == "drop_reply")


@pytest.mark.parametrize("kind", [kind for kind in FAULTS if kind != "refuse"])
def test_a_fault_of_a_bulk_call_is_that_of_every_letter(
    channel: EmailChannel, mailbox: MailboxClient, kind: str
) -> None:
    mailbox.fault(kind=kind, times=1)

    assert verdicts(channel.send(everyone(3))) == [FAULTS[kind]] * 3
    assert len(mailbox.letters()) == (3 if kind == "drop_reply" else 0)


def test_a_bulk_call_that_is_refused_whole_is_tried_letter_by_letter(
    channel: EmailChannel, mailbox: MailboxClient
) -> None:
    mailbox.fault(kind="refuse", to="u1@", entries=False)

    outcomes = channel.send(everyone(3))

    assert [one.verdict for one in outcomes] == [Verdict.ACCEPTED, Verdict.REFUSED, Verdict.ACCEPTED]
    assert [letter["to"] for letter in mailbox.letters()] == [["u0@example.com"], ["u2@example.com"]]


@pytest.mark.parametrize("spoilt", [message("u1@example.com", html="\ud800"), message("u1@example.com", X="\ud800")])
def test_a_letter_that_no_call_can_hold_is_refused_alone(
    channel: EmailChannel, mailbox: MailboxClient, spoilt: Message
) -> None:
    """Promise I1: whatever is raised while it is put into a call, in bulk or by itself."""
    good = [message("u0@example.com", 0), message("u2@example.com", 2)]

    outcomes = channel.send([good[0], spoilt, good[1]])

    assert [one.verdict for one in outcomes] == [Verdict.ACCEPTED, Verdict.REFUSED, Verdict.ACCEPTED]
    assert [letter["to"] for letter in mailbox.letters()] == [["u0@example.com"], ["u2@example.com"]]


ENTRY_FAULTS = {"throttle": FAULTS["throttle"], "daily_quota": FAULTS["daily_quota"], "refuse": FAULTS["refuse"]}


@pytest.mark.parametrize("kind", ENTRY_FAULTS)
def test_a_fault_of_one_entry_is_that_of_its_letter_alone(
    channel: EmailChannel, mailbox: MailboxClient, kind: str
) -> None:
    mailbox.fault(kind=kind, to="u1@")

    outcomes = channel.send(everyone(3))

    assert verdicts(outcomes)[1] == ENTRY_FAULTS[kind]
    assert [one.verdict for one in outcomes] == [Verdict.ACCEPTED, ENTRY_FAULTS[kind][0], Verdict.ACCEPTED]


def test_an_address_that_ses_cannot_read_costs_the_others_nothing(
    channel: EmailChannel, mailbox: MailboxClient
) -> None:
    outcomes = channel.send([message(), message("Анна", 2), message("petr@example.com", 3)])

    assert [one.verdict for one in outcomes] == [Verdict.ACCEPTED, Verdict.REFUSED, Verdict.ACCEPTED]
    assert len(mailbox.letters()) == 2


def test_letters_of_a_sender_who_is_not_verified_wait_for_a_person(mailbox: MailboxClient) -> None:
    channel = EmailChannel(Stage.own().ses, sender=lambda _: EmailSender("A", "a@other.example"), **SETS)

    assert verdicts(channel.send([message()])) == [(Verdict.NOT_ACCEPTED, "provider_not_verified")]


@pytest.mark.parametrize(
    ("modes", "reason"),
    [
        ({"unverified": ["cinema.example"]}, "provider_not_verified"),
        ({"paused": True}, "provider_sending_paused"),
        ({"suspended": True}, "provider_account_suspended"),
        ({"paused_sets": [CONFIGURATION_SET]}, "provider_sending_paused"),
        ({"denied": ["SendEmail"]}, "provider_no_right"),
        ({"sandbox": True}, "provider_sandbox"),
    ],
)
def test_trouble_of_the_account_as_ses_tells_it_is_taken_for_it(
    channel: EmailChannel, mailbox: MailboxClient, modes: dict[str, Any], reason: str
) -> None:
    """Promises D3, D8."""
    mailbox.account(**modes)

    assert verdicts(channel.send([message()])) == [(Verdict.NOT_ACCEPTED, reason)]
    assert mailbox.letters() == []


def test_a_provider_that_is_not_there_has_certainly_taken_nothing(
    mailbox: MailboxClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SESV2", "http://127.0.0.1:1")
    new_process()
    channel = EmailChannel(Stage.own().ses, sender=lambda _: FROM, **SETS)

    assert verdicts(channel.send(everyone(2))) == [(Verdict.NOT_ACCEPTED, "no_connection")] * 2


def test_the_workers_client_has_a_dropped_reply_accepted_exactly_once(mailbox: MailboxClient) -> None:
    mailbox.fault(kind="drop_reply")

    with pytest.raises(ConnectionClosedError):
        Stage.own().ses.send_email(
            FromEmailAddress=SENDER,
            Destination={"ToAddresses": ["anna@example.com"]},
            Content=simple(),  # type: ignore[arg-type]
        )

    assert len(mailbox.letters()) == 1
    assert requests.get(f"{mailbox.url}/api/faults", timeout=10).json()[0]["fired"] == 1


def test_every_encoded_word_of_a_senders_name_is_as_short_as_receivers_want() -> None:
    """RFC 2047: at most 75 characters each, and none of them cuts a letter in two."""
    name = "Онлайн-кинотеатр «Вестник»: новости, премьеры и персональные рекомендации 🎬"
    header = EmailSender(name, "news@cinema.example").header

    words, _, address = header.rpartition(" ")
    assert address == "<news@cinema.example>"
    assert max(map(len, words.split())) <= 75
    assert str(make_header(decode_header(words))) == name


OWN = "https://notify.cinema.example"


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("transactional", [True, False])
def test_no_link_to_a_page_of_ours_goes_through_a_redirect_of_ses(
    mailbox: MailboxClient, transactional: bool, count: int
) -> None:
    """Promise D8: whoever clicks to confirm or to unsubscribe meets nobody else's server on the way."""
    channel = EmailChannel(Stage.own().ses, sender=lambda _: FROM, untracked=OWN, **SETS)
    mine = [
        f'<a class="x" href="{OWN}/{path}">x</a>' for path in ("s/abc", "unsubscribe/k?a=1&amp;b=2", "preferences/k")
    ]
    html = "<p>" + "".join(mine) + '<a href="https://cinema.example/film">film</a><a href="mailto:a@b.c">m</a></p>'
    letters = [message(f"u{n}@example.com", n, html=html, transactional=transactional) for n in range(count)]
    assert {one.verdict for one in channel.send(letters)} == {Verdict.ACCEPTED}

    for letter in mailbox.letters():
        assert all(link in letter["html"] for link in mine)
        assert "ses:no-track" not in letter["html"]
        assert "awstrack.me" not in letter["html"]
        assert ('href="https://cinema.example/film"' in letter["html"]) is transactional
        assert (f"https://{TRACKING_DOMAIN}/CL0/" in letter["html"]) is not transactional
        assert ("<img" in letter["html"]) is not transactional


def test_no_letter_needs_no_call(channel: EmailChannel, mailbox: MailboxClient) -> None:
    assert list(channel.send([])) == []
    assert mailbox.letters() == []


@pytest.mark.parametrize("letters", [1, 2])
def test_each_category_has_the_sender_and_the_feedback_id_of_its_own(mailbox: MailboxClient, letters: int) -> None:
    """By one call for many: a job's letters share their category."""
    senders = {"account": EmailSender("Account", "account@cinema.example"), "marketing": FROM}
    channel = EmailChannel(Stage.own().ses, sender=senders.__getitem__, **SETS)
    for category in senders:
        plain = (message(f"u{n}@example.com", n, transactional=category == "account") for n in range(letters))
        channel.send([one._replace(category=category) for one in plain])

    heads = [mailbox.page(f"/api/messages/{letter['id']}/source").text for letter in mailbox.letters()]
    read = [message_from_bytes(head.encode(), policy=policy.compat32) for head in heads]
    assert [parseaddr(one["From"])[1] for one in read] == ["account@cinema.example"] * letters + [
        FROM.address
    ] * letters
    assert [one["Feedback-ID"].partition(":1.")[0] for one in read] == [":"] * letters + ["promo:marketing"] * letters


@pytest.mark.parametrize("letters", [1, 2])
def test_the_sender_is_asked_for_every_send_and_may_have_a_name_in_any_script(
    mailbox: MailboxClient, letters: int
) -> None:
    senders = iter([EmailSender("Кинотеатр «Вестник», новости", "news@cinema.example", "help@cinema.example"), FROM])
    channel = EmailChannel(Stage.own().ses, sender=lambda _: next(senders), **SETS)

    for _ in range(2):
        assert {one.verdict for one in channel.send(everyone(letters))} == {Verdict.ACCEPTED}

    read = [
        message_from_bytes(mailbox.page(f"/api/messages/{letter['id']}/source").content, policy=policy.compat32)
        for letter in mailbox.letters()
    ]
    names = ["Кинотеатр «Вестник», новости"] * letters + ["Vestnik"] * letters
    assert [str(make_header(decode_header(parseaddr(one.get_all("From", [])[0])[0]))) for one in read] == names
    assert [one["Reply-To"] for one in read] == ["help@cinema.example"] * letters + [None] * letters
