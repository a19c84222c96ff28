"""A letter in a browser: as it was sent, for whoever has its link, and gone with its reader."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest

from chalicelib.clock import now
from chalicelib.pipeline.jobs import DeliverJob, DeliverRecipient, LetterSpec
from chalicelib.pipeline.letter_links import JobLinks, LetterLinks
from chalicelib.security.signing import LetterClaims, Purpose, Tokens
from chalicelib.stage.app import Stage
from chalicelib.storage.rows.ledger import LedgerRow
from tests.integration.api.gateway import Gateway
from tests.integration.conftest import Letters, Pump
from tests.integration.own_say.conftest import Person, Register, send

GUEST = {"email": "guest@viewers.example", "name": "Guest", "locale": "en"}
Sent = Callable[..., tuple[str, str]]


@pytest.fixture
def sent(api: Gateway, pump: Pump, letters: Letters) -> Sent:
    """Sends a letter; its notification's id, and the path of its page (empty: it has none)."""

    def do(template: str = "promo", **fields: object) -> tuple[str, str]:
        id_ = send(api, template, **fields)
        assert pump.run() == []
        found = re.findall(r"https://notify\.cinema\.example(/view/[^\s\"<>)]+)", unescape(letters()[-1]["body"]))
        return id_, found[-1] if found else ""

    return do


def token(id_: str, *, days: int = 0, purpose: Purpose = Purpose.VIEW, user_id: str | None = "anna") -> str:
    then = Tokens(Stage.own().signer, clock=lambda: now() - timedelta(days=days))
    address = Stage.own().address_hashes.owner("email", "anna@viewers.example")
    return then.make(LetterClaims(user_id, address, "email", "marketing", id_), purpose)[0]


def rows() -> list[str]:
    return sorted(str(row.to_simple_dict()) for row in LedgerRow.scan())


def test_a_letter_is_seen_as_it_was_sent_without_its_readers_own_links(
    register: Register, person: Person, sent: Sent
) -> None:
    register(name="Anna")
    _, path = sent()
    page = person.get(path)

    assert page.status == 200
    assert "Half price" in page.text
    assert "Anna" in page.text
    assert "<title>Tonight" in page.text
    assert "/unsubscribe/" not in page.text
    assert "/preferences/" not in page.text
    assert "/view/" not in page.text


def test_a_guests_letter_is_seen_too(person: Person, sent: Sent) -> None:
    _, path = sent(to=GUEST)
    assert "Guest" in person.get(path).text


def test_looking_changes_nothing_and_leaves_nothing(register: Register, person: Person, sent: Sent) -> None:
    """Promise I7: scanners come before readers; nothing is kept, indexed, framed, run or told to others."""
    register()
    _, path = sent()
    before = rows()
    pages = [person.get(path), person.head(path)]

    assert rows() == before
    assert [(page.status, bool(page.text)) for page in pages] == [(200, True), (200, False)]
    for page in pages:
        head = {name.lower(): value for name, value in page.headers.items()}
        assert "set-cookie" not in head
        assert head["x-robots-tag"] == "noindex, nofollow"
        assert (head["cache-control"], head["referrer-policy"]) == ("no-store", "no-referrer")
        policy = {rule.split()[0]: rule.split()[1:] for rule in head["content-security-policy"].split("; ")}
        assert policy["default-src"] == policy["form-action"] == policy["frame-ancestors"] == ["'none'"]
        assert policy["style-src"] == ["'unsafe-inline'"]
        assert policy["img-src"] == ["https:", "data:"]
        assert "allow-scripts" not in policy["sandbox"]
    assert person.post(path).status in (403, 405)


def test_what_a_reader_is_called_is_text_on_the_page_too(register: Register, person: Person, sent: Sent) -> None:
    register(attributes={"bio": "<script>alert(1)</script>"}, name="Anna")
    _, path = sent(context={"headline": "<script>alert(1)</script>", "text": "x", "url": "https://cinema.example/p"})

    assert "<script" not in person.get(path).text
    assert "&lt;script&gt;alert(1)" in person.get(path).text


def test_a_letter_about_the_account_is_seen_nowhere(register: Register, person: Person, sent: Sent) -> None:
    """Promise I7: what is in it opens the account."""
    register()
    reset = {"reset_url": "https://cinema.example/reset/secret", "valid_minutes": 30}
    id_, path = sent("password-reset", context=reset)

    assert path == ""
    assert "secret" not in person.get(f"/view/{token(id_)}").text


def test_no_other_token_opens_it_and_it_opens_nothing_else(register: Register, person: Person, sent: Sent) -> None:
    register()
    id_, path = sent()
    mine = path.rpartition("/")[2]

    assert person.get(f"/view/{token(id_, purpose=Purpose.UNSUBSCRIBE)}").status == 404
    assert person.get(f"/unsubscribe/{mine}").status == 404
    assert person.get(f"/preferences/{mine}").status == 404
    for wrong in (mine[:-1] + ("a" if mine[-1] != "a" else "b"), "x", "x.y", mine.partition(".")[0]):
        assert person.get(f"/view/{wrong}").status == 404


def test_an_old_link_is_one_that_never_was_and_nobody_is_sent_a_new_one(
    register: Register, person: Person, sent: Sent, letters: Letters
) -> None:
    register()
    id_, path = sent()
    old = token(id_, days=400)

    assert person.get(path).status == 200
    assert person.get(f"/view/{token(id_)}").status == 200
    assert person.get(f"/view/{old}").status == 404
    assert person.post(f"/new-link/view/{old}").status == 404
    assert len(letters()) == 1


def test_it_is_gone_with_the_ledgers_row_though_dynamodb_has_not_deleted_it_yet(
    register: Register, person: Person, sent: Sent
) -> None:
    register()
    id_, path = sent()
    row = next(row for row in LedgerRow.query(id_) if row.part == "notification")
    row.update(actions=[LedgerRow.expires_at_epoch.set(int(now().timestamp()) - 1)])

    assert person.get(path).status == 404


def test_it_is_gone_with_its_reader(api: Gateway, register: Register, person: Person, sent: Sent) -> None:
    """Promise I7."""
    register()
    _, path = sent()
    assert api.delete("/v1/users/anna").status == 204
    assert person.get(path).status == 404

    _, path = sent(to=GUEST)
    assert api.post("/v1/addresses/erase", {"email": GUEST["email"]}).status in (200, 204)
    assert person.get(path).status == 404


def test_whoever_has_the_old_mailbox_of_a_reader_learns_nothing_of_the_new_profile(
    register: Register, person: Person, sent: Sent
) -> None:
    register()
    _, path = sent()
    register(email="other@viewers.example", name="Secret")

    assert person.get(path).status == 404


def test_a_letter_with_variables_of_its_own_has_no_page(register: Register) -> None:
    """They are kept nowhere, so that it could not be made again."""
    register()
    letter = LetterSpec(
        template="promo",
        template_version=0,
        category="marketing",
        lane="bulk",
        context={},
        request_id="r",
        accepted_at="2026-11-30T10:00:00Z",
    )
    alike = {"address": "anna@viewers.example", "locale": "en", "user": {}, "user_id": "anna"}
    plain = DeliverRecipient(notification_id="n-1", **alike)
    own = DeliverRecipient(notification_id="n-2", context={"films": []}, **alike)

    def page(recipient: DeliverRecipient, channel: str = "email", category: str = "marketing") -> str | None:
        said = letter.model_copy(update={"category": category})
        job = DeliverJob(letter=said, channel=channel, recipients=(recipient,))
        return LetterLinks(
            JobLinks.of(Stage.own().link_maker, job, Stage.own().templates.get("promo")), recipient
        ).pages["view"]

    assert page(plain) is not None
    assert page(own) is None
    assert page(plain, channel="sms") is None
    assert page(plain, category="account") is None
