"""`/v1/templates`: read, write a new version, preview."""

from typing import Any

import pytest

from chalicelib.api.templates import TemplateBody
from chalicelib.errors import WouldBreakError
from chalicelib.stage.app import Stage
from chalicelib.storage.rows.configuration import TemplateRow
from tests.integration.api.gateway import Gateway, Reply, stored_rows
from tests.integration.conftest import Letters, Pump
from tests.integration.used_up import use_up

ANNA = {"email": "anna@example.com", "locale": "en"}
HELLO: dict[str, Any] = {
    "category": "digest",
    "channels": ["email"],
    "default_locale": "en",
    "variables": {"film": {"type": "string"}},
    "sample": {"context": {"film": "Stalker"}, "user": {"name": "Anna"}},
    "locales": {"en": {"email.subject": "About {{ film }}", "email.html": "<p>Dear {{ user.name }}: {{ film }}</p>"}},
}


def confirmed(api: Gateway, path: str, body: Any) -> Reply:
    return api.call("PUT", path, body, query={"confirm": "true"})


def test_a_shipped_template_is_a_version_with_a_name(api: Gateway) -> None:
    told = api.get("/v1/templates/welcome").body

    assert (told["key"], told["version"][:8], sorted(told["locales"])) == ("welcome", "shipped-", ["en", "ru"])
    preview = api.post("/v1/templates/welcome/preview", {"version": told["version"]})
    assert preview.body == api.post("/v1/templates/welcome/preview", {"version": 0}).body


def test_every_put_is_a_new_version(api: Gateway) -> None:
    assert [api.put("/v1/templates/hello", HELLO).body["version"] for _ in range(2)] == [1, 2]
    assert api.get("/v1/templates/hello").body["locales"] == HELLO["locales"]


def test_a_stored_version_hides_the_shipped_template(api: Gateway) -> None:
    confirmed(api, "/v1/templates/promo", HELLO)

    assert api.get("/v1/templates/promo").body["category"] == "digest"


def test_a_letter_keeps_the_version_that_it_was_accepted_with(api: Gateway, pump: Pump, letters: Letters) -> None:
    api.put("/v1/templates/hello", HELLO)
    api.post("/v1/notifications", {"template": "hello", "recipients": [ANNA], "context": {"film": "Solaris"}})
    locales = {"en": {**HELLO["locales"]["en"], "email.subject": "Another {{ film }}"}}
    api.put("/v1/templates/hello", {**HELLO, "locales": locales})
    pump.run()

    assert [letter["subject"] for letter in letters()] == ["About Solaris"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"category": "spam"}, "category"),
        ({"default_locale": "ru"}, "body"),
        ({"locales": {}}, "locales"),
        ({"locales": {"en": {"email.subject": "{{ film", "email.html": "x"}}}, "locales.en.email"),
        ({"locales": {"en": {"email.subject": "{{ films }}", "email.html": "x"}}}, "locales.en.email"),
        ({"locales": {"en": {"email.subject": "x"}}}, "locales.en.email"),
        ({"sample": {"context": {}}}, "sample.context.film"),
        ({"variables": {"film": {"type": "poem"}}}, "variables.film.type"),
        ({"channels": ["pigeon"]}, "channels"),
        ({"version": 5}, "version"),
    ],
)
def test_a_template_that_fails_its_check_is_not_stored_and_the_place_is_named(
    api: Gateway, changes: dict[str, Any], field: str
) -> None:
    reply = api.put("/v1/templates/hello", {**HELLO, **changes})

    assert reply.status == 422
    assert reply.bad_fields[0].startswith(field), reply.bad_fields
    assert stored_rows() == []


@pytest.mark.parametrize(
    "source", ["{{ film|truncate(2) }}", "{{ 1e999 }}", "{{ film|center(10**9) }}", "{{ film() }}"]
)
def test_a_template_that_raises_is_refused_with_its_part_and_its_line(api: Gateway, source: str) -> None:
    locales = {"en": {**HELLO["locales"]["en"], "email.html": f"<p>Dear\n{source}</p>"}}

    reply = api.put("/v1/templates/hello", {**HELLO, "locales": locales})

    assert (reply.status, reply.bad_fields) == (422, ["locales.en.email.html"])
    assert "line 2: " in reply.body["errors"][0]["message"]
    assert stored_rows() == []


@pytest.mark.parametrize("key", ["Hello", "a b", "_layout", "x" * 65])
def test_a_key_that_cannot_be_a_folder_is_refused(api: Gateway, key: str) -> None:
    reply = api.put(f"/v1/templates/{key}", HELLO)

    assert (reply.status, reply.bad_fields) == (422, ["key"])


def test_a_preview_renders_the_sample_and_sends_nothing(api: Gateway, letters: Letters) -> None:
    told = api.post("/v1/templates/welcome/preview", {"locale": "ru"}).body

    assert (told["locale"], sorted(told["parts"])) == ("ru", ["html", "subject", "text"])
    assert (letters(), stored_rows()) == ([], [])


def test_a_preview_can_be_of_ones_own_context_and_user(api: Gateway) -> None:
    api.put("/v1/templates/hello", HELLO)

    told = api.post("/v1/templates/hello/preview", {"context": {"film": "<b>"}, "user": {"name": "Пётр"}}).body

    assert told["parts"]["subject"] == "About <b>"
    assert "Dear Пётр: &lt;b&gt;" in told["parts"]["html"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"channel": "sms"}, "channel"),
        ({"context": {}}, "context.film"),
        ({"version": -1}, "version"),
        ({"user": {"name": {"a": {}}, "x": []}, "colour": "red"}, "colour"),
    ],
)
def test_a_preview_that_cannot_be_made_names_the_field(api: Gateway, body: dict[str, Any], field: str) -> None:
    api.put("/v1/templates/hello", HELLO)

    reply = api.post("/v1/templates/hello/preview", body)

    assert (reply.status, reply.bad_fields) == (422, [field])


def test_a_preview_of_a_tower_is_refused(api: Gateway) -> None:
    tower: Any = 1
    for _ in range(600):
        tower = [tower]

    assert api.post("/v1/templates/welcome/preview", {"user": {"a": tower}}).status == 422


@pytest.mark.parametrize("path", ["/v1/templates/nothing", "/v1/templates/nothing/preview"])
def test_a_template_that_is_not_there_is_answered_404(api: Gateway, path: str) -> None:
    assert api.call("POST" if path.endswith("preview") else "GET", path, {}).status == 404


def test_a_version_that_is_not_there_is_answered_404(api: Gateway) -> None:
    assert api.post("/v1/templates/welcome/preview", {"version": 7}).status == 404


def test_the_version_that_was_stored_is_in_force_at_once(api: Gateway, pump: Pump, letters: Letters) -> None:
    """Promise A2: whoever writes reads what they wrote, in the answer, the preview and the next letter."""
    renamed = {"en": {**HELLO["locales"]["en"], "email.subject": "New: {{ film }}"}}
    api.put("/v1/templates/hello", HELLO)
    api.get("/v1/templates/hello")
    api.post("/v1/templates/hello/preview", {})

    assert api.put("/v1/templates/hello", {**HELLO, "locales": renamed}).status == 200

    assert api.get("/v1/templates/hello").body["locales"] == renamed
    assert api.post("/v1/templates/hello/preview", {}).body["parts"]["subject"] == "New: Stalker"
    api.post("/v1/notifications", {"template": "hello", "recipients": [ANNA], "context": {"film": "Solaris"}})
    pump.run()
    assert [letter["subject"] for letter in letters()] == ["New: Solaris"]


def test_what_another_process_stored_is_in_force_at_once(api: Gateway) -> None:
    """Promise A2: across processes too."""
    api.put("/v1/templates/hello", HELLO)
    api.get("/v1/templates/hello")

    Stage.own().templates.add(Stage.own().templates.get("hello").model_copy(update={"category": "series"}), by="other")

    assert api.get("/v1/templates/hello").body["category"] == "series"


def test_the_answer_says_which_version_is_in_force_and_what_it_hides(api: Gateway) -> None:
    """Promise A3: a stored version does not hide the shipped one without a word, and the way back is told."""
    shipped = api.get("/v1/templates/promo").body
    assert (shipped["in_force"], shipped["shipped"]) == (
        True,
        {"version": shipped["version"], "in_force": True, "changed": False},
    )
    body = {name: shipped[name] for name in {*TemplateBody.model_fields}}

    stored = api.put("/v1/templates/promo", {**body, "category": "series"}).body
    assert (stored["version"], stored["hides"], stored["in_force"]) == (1, shipped["version"], True)
    assert stored["shipped"] == {"version": shipped["version"], "in_force": False, "changed": False}

    row = TemplateRow.get("promo", 1)
    row.body = {**row.body, "hides": "shipped-000000000000"}  # it was stored over an earlier release's
    row.save()
    assert api.get("/v1/templates/promo").body["shipped"]["changed"] is True

    hidden = api.get("/v1/templates/promo", version=shipped["version"]).body
    assert (hidden["in_force"], hidden["locales"]) == (False, shipped["locales"])
    back = api.put("/v1/templates/promo", body).body
    assert (back["version"], back["category"], back["shipped"]["changed"]) == (2, "marketing", False)


@pytest.mark.parametrize(("version", "status"), [("0", 200), ("7", 404), ("shipped-000000000000", 404), ("two", 422)])
def test_a_version_is_asked_for_by_its_number_or_name(api: Gateway, version: str, status: int) -> None:
    assert api.get("/v1/templates/promo", version=version).status == status


def test_a_version_that_would_break_its_users_is_refused_and_they_are_named_unless_it_is_confirmed(
    api: Gateway,
) -> None:
    """Promise A4: campaigns, rules of events and callers who would be refused are told before they are."""
    api.put("/v1/templates/hello", HELLO)
    for film in ("Solaris", "Mirror"):
        api.post("/v1/notifications", {"template": "hello", "recipients": [ANNA], "context": {"film": film}})
    campaign = {"name": "Weekly", "template": "hello", "audience": {"everyone": True}, "context": {"film": "Stalker"}}
    campaign_id = api.post("/v1/campaigns", campaign).body["id"]
    rule = {"film.added": {"steps": [{"template": "welcome"}, {"template": "hello", "delay": "P1D"}]}}
    api.put("/v1/settings/event_rules", {"value": rule})
    variables = {**HELLO["variables"], "device": {"type": "string"}}
    wanting = {**HELLO, "variables": variables, "sample": {"context": {"film": "Stalker", "device": "TV"}}}

    refused = api.put("/v1/templates/hello", wanting)

    assert refused.status == 409
    told = {one["field"]: one["message"] for one in refused.body["errors"]}
    caller = str(api.key).split("_")[1]
    assert told == {
        "confirm": "it accepts less than the version in force: are those who use it ready?",
        "variables.device": "it is new and required",
        f"campaigns.{campaign_id}": "Weekly: context.device: Field required",
        "event_rules.film.added.steps[1]": "this rule sends it",
        f"callers.{caller}": "2 of its last 2 requests would be refused",
    }
    assert api.get("/v1/templates/hello").body["version"] == 1
    with pytest.raises(WouldBreakError):
        Stage.own().template_changes.add("hello", wanting, by="anybody")
    assert confirmed(api, "/v1/templates/hello", wanting).body["version"] == 2


FREE = {**HELLO, "variables": None}  # any context goes
OPTIONAL = {**HELLO, "variables": {**HELLO["variables"], "seat": {"type": "object", "required": False}}}
SEATED = {"context": {"film": "Stalker", "seat": {"row": 7}}}
SILENT_BREAKS: dict[str, tuple[Any, Any, set[str]]] = {
    "a variable that nobody has declared": (
        FREE,
        {
            **FREE,
            "sample": {"context": {"film": "Stalker", "device": "TV"}},
            "locales": {"en": {**HELLO["locales"]["en"], "email.subject": "{{ film }} on {{ device }}"}},
        },
        {"locales.en.email.subject", "callers"},
    ),
    "the same in the HTML, which no call is tried with": (
        FREE,
        {
            **FREE,
            "sample": {"context": {"film": "Stalker", "device": "TV"}},
            "locales": {"en": {**HELLO["locales"]["en"], "email.html": "<p>{{ film }} on {{ device }}</p>"}},
        },
        {"locales.en.email.html"},
    ),
    "a part of a variable that may be left out": (
        {**OPTIONAL, "sample": SEATED},
        {
            **OPTIONAL,
            "sample": SEATED,
            "locales": {"en": {**HELLO["locales"]["en"], "email.subject": "{{ film }}, row {{ seat.row + 1 }}"}},
        },
        {"callers"},
    ),
    "what it has nothing to say without": (
        OPTIONAL,
        {**OPTIONAL, "sample": SEATED, "nothing_without": ["seat.row"]},
        {"nothing_without", "callers"},
    ),
}


@pytest.mark.parametrize("case", SILENT_BREAKS)
def test_a_version_that_needs_more_than_it_declares_is_refused_too(api: Gateway, case: str) -> None:
    """Promise A4: whatever would be refused from then on is told, though the declared variables are the same."""
    before, after, fields = SILENT_BREAKS[case]
    assert confirmed(api, "/v1/templates/hello", before).status == 200
    sent = {"template": "hello", "recipients": [ANNA], "context": {"film": "Solaris"}}
    assert api.post("/v1/notifications", sent).status == 202

    refused = api.put("/v1/templates/hello", after)

    assert refused.status == 409
    assert {one.partition("callers.")[1].rstrip(".") or one for one in refused.bad_fields} == {"confirm", *fields}
    assert confirmed(api, "/v1/templates/hello", after).status == 200
    assert api.put("/v1/templates/hello", after).status == 200  # it breaks nobody who was not refused before


def test_a_version_that_takes_no_less_needs_no_confirmation(api: Gateway) -> None:
    api.put("/v1/templates/hello", HELLO)
    more = {**HELLO, "variables": {**HELLO["variables"], "year": {"type": "integer", "required": False}}}

    assert api.put("/v1/templates/hello", more).body["version"] == 2


def test_what_was_accepted_once_is_accepted_again_though_the_newest_version_would_refuse_it(
    api: Gateway, pump: Pump, letters: Letters
) -> None:
    """Promise A1: a repetition of an accepted call is what the first was."""
    asked = {"template": "hello", "recipients": [ANNA], "context": {"film": "Solaris"}}
    api.put("/v1/templates/hello", HELLO)
    first = api.post("/v1/notifications", asked, idempotency_key="once")
    other = {**HELLO, "variables": {}, "sample": {}, "locales": {"en": {"email.subject": "x", "email.html": "x"}}}
    assert confirmed(api, "/v1/templates/hello", other).status == 200

    again = api.post("/v1/notifications", asked, idempotency_key="once")

    assert (again.status, again.body) == (202, first.body)
    assert api.post("/v1/notifications", asked, idempotency_key="other").status == 422
    pump.run()
    assert [letter["subject"] for letter in letters()] == ["About Solaris"]


def test_what_was_read_may_be_put_back(api: Gateway) -> None:
    read = api.get("/v1/templates/promo").body
    body = {name: value for name, value in read.items() if name not in ("key", "version")}

    assert api.put("/v1/templates/promo", body).status == 200


def id_of(api: Gateway) -> str:
    return str(api.key).split("_")[1]


def test_a_key_that_looks_too_often_is_told_when_to_come_back(api: Gateway) -> None:
    use_up("preview", id_of(api))
    refused = api.post("/v1/templates/welcome/preview", {})
    assert (refused.status, int(refused.headers["retry-after"]) >= 1) == (429, True)
    assert "expected at most 60 previews a minute" in refused.body["detail"]
    assert api.put("/v1/templates/hello", HELLO).status == 200


def test_a_key_that_stores_too_often_is_told_too_and_nothing_is_stored(api: Gateway) -> None:
    use_up("check", id_of(api))
    refused = api.put("/v1/templates/hello", HELLO)
    assert (refused.status, int(refused.headers["retry-after"]) >= 1) == (429, True)
    assert api.get("/v1/templates/hello").status == 404
