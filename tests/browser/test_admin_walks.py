"""Managers at work, each walk from its first click to what came of it: at the mailbox, at the API, at a link."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic_ns
from typing import Any

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Dialog, expect

from chalicelib.clock import now
from infra.local.children import STAGE
from tests.browser.desk import Desk, choose_password, sign_in, signed_in, tab_to, written
from tests.e2e.conftest import Vestnik, eventually
from tests.e2e.test_welcome import BROWSER

pytestmark = pytest.mark.e2e
XSS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    "javascript:alert(1)//",
    "{{ 7 * 7 }}{% if x %}",
    "</textarea></title></style><iframe src=javascript:alert(1)>",
)


def test_a_dead_letter_is_put_back_and_arrives(desk: Desk, vestnik: Vestnik) -> None:
    to = "dead-and-back@admin.example"
    with paused(vestnik, "deliver-email"):
        context = {"reset_url": "https://cinema.example/r", "valid_minutes": 30}
        body = {"template": "password-reset", "recipients": [{"email": to}], "context": context}
        assert vestnik.call("POST", "/v1/notifications", body).status_code == 202
        bury(vestnik, "deliver-email")
    page = desk.open("/dead-letters/deliver-email")
    row = page.locator("tr", has_text="password-reset")
    row.get_by_role("checkbox").check()
    desk.ask("Put back", "Yes, put back")
    expect(page.get_by_text("Put back into the queue.")).to_be_visible()
    [letter] = eventually(lambda: vestnik.letters(to))
    assert "aside" not in letter
    assert desk.troubles == []


@contextmanager
def paused(vestnik: Vestnik, queue: str) -> Iterator[None]:
    """A queue whose consumer is paused for a while."""
    assert vestnik.call("POST", f"/v1/control/consumers/{queue}", {"paused": True}).ok
    try:
        yield
    finally:
        assert vestnik.call("POST", f"/v1/control/consumers/{queue}", {"paused": False}).ok


def bury(vestnik: Vestnik, queue: str) -> None:
    """Takes the next message of a queue to its dead letters, as SQS does when its receives are used up."""
    sqs = vestnik.cloud.account.session.client("sqs", endpoint_url=vestnik.cloud.emulator_url)
    source, dead = (sqs.get_queue_url(QueueName=f"vestnik-{STAGE}-{queue}{end}")["QueueUrl"] for end in ("", "-dlq"))
    [message] = eventually(lambda: sqs.receive_message(QueueUrl=source).get("Messages", []))
    sqs.send_message(QueueUrl=dead, MessageBody=message["Body"])
    sqs.delete_message(QueueUrl=source, ReceiptHandle=message["ReceiptHandle"])


def test_the_address_after_confirmation_is_changed_and_a_link_obeys(desk: Desk, vestnik: Vestnik) -> None:
    user = {"id": "walks-in", "email": "walks-in@admin.example", "name": "Walter", "locale": "en"}
    event = {"type": "user.registered", "id": "walks-in-1", "user": user}
    assert vestnik.call("POST", "/v1/events", event).ok
    [letter] = eventually(lambda: vestnik.letters(user["email"]))
    link = next(word.strip("()<>.") for word in letter["text"].split() if f"{vestnik.cloud.api_url}/" in word)
    page = desk.open("/settings")
    card = page.locator("#redirect_url")
    before = card.get_by_label("Value").input_value()
    changed = before.rstrip("/") + "/hello-from-the-managers"
    card.get_by_label("Value").fill(changed)
    card.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    answer = requests.get(link, headers=BROWSER, allow_redirects=False, timeout=30)
    assert (answer.status_code, answer.headers["Location"]) == (302, changed)
    assert vestnik.call("GET", f"/v1/users/{user['id']}").json()["email_confirmed"] is True
    card = page.locator("#redirect_url")
    card.get_by_label("Value").fill("https://evil.example/")
    card.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("allowed hosts")
    card.get_by_label("Value").fill(before)
    card.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()


def test_an_editor_cannot_approve_their_own_campaign(browser: Browser, desk: Desk, vestnik: Vestnik) -> None:
    with approval_asked_for(vestnik):
        page = desk.open("/managers")
        form = page.locator("form", has=page.get_by_role("button", name="Add a manager"))
        name = f"edith-{monotonic_ns()}"  # at a second try the first is there
        form.get_by_label("Name").fill(name)
        form.get_by_label("editor:").check()
        form.get_by_label("approver:").check()
        form.get_by_role("button", name="Add a manager").click()
        password = page.locator(".note code").inner_text()
        editor = Desk(browser.new_context(locale="en-GB"), vestnik)
        sign_in(editor, name=name, password=password)
        choose_password(editor, made=password, own="forty paper boats")
        address = written(editor, "Approved by two")
        editor.ask("Ask for approval", "Yes, ask")
        expect(editor.page.locator(".title .badge").first).to_have_text("awaits approval")
        expect(editor.page.get_by_text("Approve", exact=True)).to_have_count(0)
        token = editor.page.locator('input[name="token"]').first.get_attribute("value")
        tried = editor.page.request.post(f"{editor.address}{address}/approve", form={"token": token or ""})
        assert tried.status in (403, 409)
        desk.open("").get_by_role("link", name="Look and approve").first.click()
        assert desk.page.url == f"{desk.address}{address}/check"
        desk.page.get_by_role("button", name="Approve it").click()
        desk.see_it_completed()
        editor.close()


@contextmanager
def approval_asked_for(vestnik: Vestnik) -> Iterator[None]:
    """The stage's setting that a campaign needs the word of another manager."""
    lambdas, name = vestnik.cloud.account.lambdas, f"vestnik-{STAGE}"
    before = lambdas.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    asked = before | {"VESTNIK_CAMPAIGN_APPROVAL": "true"}
    lambdas.update_function_configuration(FunctionName=name, Environment={"Variables": asked})
    try:
        yield
    finally:
        lambdas.update_function_configuration(FunctionName=name, Environment={"Variables": before})


def test_what_others_wrote_never_runs(desk: Desk, vestnik: Vestnik) -> None:
    opened: list[str] = []

    def refuse(dialog: Dialog) -> None:
        opened.append(dialog.message)
        dialog.dismiss()

    desk.page.on("dialog", refuse)
    users: list[dict[str, Any]] = [
        {"id": f"evil-{n}", "email": f"evil-{n}@admin.example", "name": evil, "attributes": {"plan": evil, evil[:9]: n}}
        for n, evil in enumerate(XSS)
    ]
    assert vestnik.call("POST", "/v1/users/batch", {"users": users}).ok
    ids = [sent(vestnik, user["id"], evil) for user, evil in zip(users, XSS, strict=True)]
    campaigns = [drafted(vestnik, evil) for evil in XSS]
    paths = [f"/users/{user['id']}" for user in users] + [f"/notifications/{one}" for one in ids]
    paths += [f"/campaigns/{one}{end}" for one in campaigns for end in ("", "/check", "/edit")]
    paths += ["/campaigns", "/notifications", *(f"/users?id={evil}" for evil in XSS)]
    paths += [f"/audit?by={evil}" for evil in XSS]
    paths += templates_of(vestnik)
    for path in paths:
        answer = desk.page.goto(desk.address + path)
        assert answer is not None
        assert answer.status in (200, 404), path
        assert desk.page.locator("main script, main svg[onload], main img[onerror]").count() == 0, path
    for evil in XSS:  # the preview follows what is typed, in a frame without any right
        desk.page.locator('[name="source.en.email.html"]').fill(f"<p>{evil}</p>")
        with desk.page.expect_response("**/preview"):
            desk.page.get_by_role("button", name="Show the letter").click()
    troubles = [said for said in desk.troubles if "blocked" not in said.lower()]  # the browser tells what it held back
    assert (opened, troubles) == ([], [])


def templates_of(vestnik: Vestnik) -> list[str]:
    """The page of a template whose texts are evil; what the checks refuse is not among them."""
    promo = vestnik.call("GET", "/v1/templates/promo").json()
    locales = {code: {**parts, "sms": f"{XSS[0]} {XSS[-1]}"} for code, parts in promo["locales"].items()}
    body = {name: value for name, value in promo.items() if name not in ("key", "version")} | {"locales": locales}
    answer = vestnik.call("PUT", "/v1/templates/evil", body)
    assert answer.ok, answer.text
    return ["/templates", "/templates/evil?letter=en"]


def sent(vestnik: Vestnik, user_id: str, evil: str) -> str:
    context = {"headline": evil, "text": evil, "url": "https://cinema.example/p"}
    body = {"template": "promo", "recipients": [{"user_id": user_id}], "context": context}
    answer = vestnik.call("POST", "/v1/notifications", body)
    assert answer.ok, answer.text
    return str(answer.json()["notifications"][0]["id"])


def drafted(vestnik: Vestnik, evil: str) -> str:
    text = evil.replace("{{", "{").replace("{%", "{")  # a campaign's texts take no tags
    body: dict[str, Any] = {
        "name": evil,
        "template": "promo",
        "audience": {"rule": {"attribute": "plan", "op": "equals", "value": evil}},
        "context": {"headline": text, "text": text, "url": "https://cinema.example/p"},
    }
    answer = vestnik.call("POST", "/v1/campaigns", body)
    assert answer.ok, answer.text
    return str(answer.json()["id"])


def test_a_campaign_is_written_and_sent_without_a_script(
    browser: Browser, vestnik: Vestnik, readers: None, session: Any
) -> None:
    people = [{"id": f"faroese-{n}", "email": f"faroese-{n}@admin.example", "locale": "fo"} for n in range(2)]
    assert vestnik.call("POST", "/v1/users/batch", {"users": people}).ok
    desk = signed_in(browser, vestnik, session, java_script_enabled=False)
    page = desk.open("/campaigns/new?template=promo")
    page.get_by_label("Whoever fulfils conditions").check()
    condition = page.get_by_role("group", name="Condition 1")
    condition.get_by_label("Attribute").select_option("locale")
    condition.get_by_label("Comparison").select_option("is one of")
    condition.get_by_role("textbox").fill("fo, kl")
    page.get_by_role("button", name="Count them").click()
    expect(page.locator("#count")).to_contain_text("People: 2")
    written(desk, "Without a script")
    desk.ask("Start", "Yes, start")

    def done() -> bool:
        vestnik.tick()
        page.reload()
        return page.locator("#live .badge").first.inner_text() == "completed"

    eventually(done)
    desk.close()


def test_recipients_of_another_campaign_are_left_out_by_keyboard_alone(
    browser: Browser, vestnik: Vestnik, readers: None, session: Any
) -> None:
    desk = signed_in(browser, vestnik, session, java_script_enabled=False)
    first = written(desk, "The first of two").rpartition("/")[2]
    second = written(desk, "The second of two")
    page = desk.open(f"{second}/edit")
    page.locator("summary", has_text="Leave some people out").focus()
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_role("checkbox", name="The first of two"))
    page.keyboard.press("Space")
    page.get_by_role("button", name="Save and check").press("Enter")
    expect(page.get_by_role("heading", name="Who gets it")).to_be_visible()
    chosen = desk.open(f"{second}/edit").get_by_role("checkbox", name="The first of two")
    expect(chosen).to_be_visible()  # what is chosen is not folded away
    expect(chosen).to_be_checked()
    assert vestnik.call("GET", f"/v1{second}").json()["audience"]["exclude_campaigns"] == [first]
    desk.close()


def test_the_open_choice_of_campaigns_is_fit_for_everybody(desk: Desk) -> None:
    written(desk, "One to leave out")
    page = desk.open("/campaigns/new?template=promo")
    page.locator("summary", has_text="Leave some people out").click()
    page.set_viewport_size({"width": 360, "height": 740})
    violations = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [one["id"] for one in violations if one["impact"] in ("serious", "critical")] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_days_on_which_nothing_was_asked_for_are_passed_over(desk: Desk, vestnik: Vestnik) -> None:
    context = {"reset_url": "https://cinema.example/r", "valid_minutes": 30}
    body = {"template": "password-reset", "recipients": [{"email": "quiet@admin.example"}], "context": context}
    [asked] = vestnik.call("POST", "/v1/notifications", body).json()["notifications"]
    since, until = (f"{now() + timedelta(days=n):%Y-%m-%dT%H:%M}" for n in (-2, 3))
    page = desk.open(f"/notifications?since={since}&until={until}")
    expect(page.locator(f"#found a[href$='{asked['id']}']")).to_be_visible()
    assert desk.troubles == []
