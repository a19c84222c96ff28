"""The managers' pages of lists: from a file to people, and back."""

import csv
import io
import re
from html import unescape
from typing import Any

import pytest

from chalicelib.campaigns.list_refused import MAX_KEPT
from chalicelib.campaigns.model import Campaign
from chalicelib.stage.app import Stage
from tests.integration.admin.conftest import Visitor
from tests.integration.admin.test_nothing_typed_is_lost import in_the_form
from tests.integration.admin.test_pages import form_in
from tests.integration.conftest import Pump, bucket_of
from tests.integration.control.requests_made import Requests

FILE = "Эл. почта;Имя;Город;Заметки\r\nanna@viewers.example;Анна;Омск;vip\r\nnobody;Борис;=1+1;-\r\n"


def uploaded(boss: Visitor, content: str | bytes = FILE, *, name: str = "Friends") -> str:
    """The path of a list whose columns wait to be looked at."""
    raw = content if isinstance(content, bytes) else content.encode("cp1251")
    seen = boss.upload("/admin/lists", "file", raw, name=name)
    assert seen.status == 303, seen.text
    return seen.place.removesuffix("/columns")


def chosen(boss: Visitor, path: str, **changes: Any) -> dict[str, Any]:
    """The form of the columns as it is shown, changed."""
    form = in_the_form(boss.get(f"{path}/columns"), f"{path}/columns")
    return {name: values if len(values) > 1 else values[0] for name, values in form.items()} | changes


def loaded(boss: Visitor, pump: Pump, content: str | bytes = FILE, **changes: Any) -> str:
    path = uploaded(boss, content)
    sent = boss.post(f"{path}/columns", **chosen(boss, path, **changes))
    assert (sent.status, sent.said) == (303, "uploaded"), sent.text
    pump.run()
    return path


def test_a_file_is_shown_as_it_is_understood_and_loaded_as_it_is_agreed(boss: Visitor, stage: None, pump: Pump) -> None:
    path = uploaded(boss)
    page = boss.get(f"{path}/columns").text
    assert "2 lines: 1 good, 1 to be left out." in page
    assert "Read as Windows-1251 (Cyrillic), separated by semicolons." in page
    shown = chosen(boss, path)
    assert [shown[f"becomes.{n}"] for n in range(4)] == ["email", "name", "variable", "variable"]
    assert [shown[f"variable.{n}"] for n in range(4)][2:] == ["город", "заметки"]
    assert Stage.own().lists.get(path.rpartition("/")[2]).state == "waiting"

    sent = boss.post(f"{path}/columns", **{**shown, "variable.2": "city", "becomes.3": ""})
    assert (sent.status, sent.said) == (303, "uploaded")
    pump.run()
    seen = boss.get(path).text
    for text in ("ready", "anna@viewers.example", "Анна", "city:", "Омск", "not an e-mail address", "nobody"):
        assert text in seen, text
    assert "vip" not in seen
    form = boss.get(f"/admin/campaigns/new?template=promo&list={path.rpartition('/')[2]}")
    assert form_in(form)["lists"] == [path.rpartition("/")[2]]


def test_a_mistake_in_the_columns_is_told_at_the_form_and_nothing_typed_is_lost(boss: Visitor, stage: None) -> None:
    path = uploaded(boss)
    for changes, told in (
        ({"becomes.0": ""}, "no column holds addresses or user ids"),
        ({"becomes.2": "name"}, "Имя and Город would become the same"),
        ({"variable.2": "заметки"}, "Город and Заметки would become the same"),
        ({"variable.2": "x" * 70}, "expected 1 to 64 characters"),
    ):
        again = boss.post(f"{path}/columns", **chosen(boss, path, **{"variable.3": "заметки", **changes}))
        assert again.status == 422
        assert told in again.text
        assert {name: in_the_form(again, f"{path}/columns")[name] for name in changes} == {
            name: [text] for name, text in changes.items()
        }
    assert Stage.own().lists.get(path.rpartition("/")[2]).state == "waiting"


def test_an_encoding_that_was_guessed_wrongly_is_said(boss: Visitor, stage: None, pump: Pump) -> None:
    path = uploaded(boss, "email|имя\na@viewers.example|Ян\n".encode("cp866"))
    other = boss.get(f"{path}/columns?encoding=utf-16-le&separator=,")
    assert in_the_form(other, f"{path}/columns")["encoding"] == ["utf-16-le"]
    right = in_the_form(boss.get(f"{path}/columns?encoding=cp866&separator=|"), f"{path}/columns")
    boss.post(f"{path}/columns", **{name: value if len(value) > 1 else value[0] for name, value in right.items()})
    pump.run()
    assert "Ян" in boss.get(path).text
    assert boss.get(f"{path}/columns?encoding=klingon").status == 422


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"PK\x03\x04\x14\x00\x06\x00xl/workbook.xml", "this is a workbook, not CSV: save the sheet as CSV"),
        (b"\r\n\r\n", "the file is empty"),
        (b"", "expected a CSV file with a header"),
    ],
)
def test_a_file_that_is_no_list_is_refused_beside_its_field(
    boss: Visitor, stage: None, content: bytes, told: str
) -> None:
    seen = boss.upload("/admin/lists", "file", content, name="Friends")
    assert (seen.status, told in seen.text) == (422, True)
    assert in_the_form(seen, "/admin/lists")["name"] == ["Friends"]
    assert "No list yet" in boss.get("/admin/lists").text


def test_a_list_without_a_name_or_over_the_limit_is_refused(boss: Visitor, stage: None) -> None:
    assert "expected 1 to 200 characters" in boss.upload("/admin/lists", "file", b"email\n", name="").text
    assert boss.upload("/admin/lists", "file", b"x" * 4_300_000, name="Everybody").status == 413
    page = boss.get("/admin/lists").text
    assert "Up to 1,000,000 recipients, 200 columns and 500 MB" in page
    assert "Without scripts up to 4 MB" in page


def test_a_long_file_goes_straight_to_the_bucket_from_the_pages_that_take_one(
    boss: Visitor, stage: None, pump: Pump
) -> None:
    """The policy lets their script write there, and no other page's."""
    path = boss.upload("/admin/lists", "none", b"", name="Everybody", direct="1").place
    page = boss.get(path)
    address = unescape(re.findall(r'data-put="([^"]+)"', page.text)[0])
    place = address.partition("?")[0].rpartition("/")[0]
    assert bucket_of("lists") in place
    for writing in ("/admin/lists", path):
        assert f"connect-src 'self' {place}/;" in boss.get(writing).headers["content-security-policy"]
    Stage.own().uploads.put(path.rpartition("/")[2], FILE.encode())
    assert boss.post(f"{path}/columns", **chosen(boss, path)).said == "uploaded"
    pump.run()
    ready = boss.get(path)
    assert "anna@viewers.example" in ready.text
    assert "data-put" not in ready.text
    assert "connect-src 'self';" in ready.headers["content-security-policy"]


def test_refused_lines_are_downloaded_with_their_reason_in_the_managers_language(
    boss: Visitor, stage: None, pump: Pump
) -> None:
    path = loaded(boss, pump)
    boss.says["accept-language"] = "ru"
    seen = boss.get(f"{path}?refused=csv")
    assert seen.headers["content-type"].startswith("text/csv")
    assert "attachment" in seen.headers["content-disposition"]
    assert seen.text.startswith("\ufeff")
    table = list(csv.reader(io.StringIO(seen.text.removeprefix("\ufeff")), delimiter=";"))
    assert table == [
        ["Строка", "Почему", "Эл. почта", "Имя", "Город", "Заметки"],
        ["3", "это не адрес почты вида anna@example.com", "nobody", "Борис", "'=1+1", "'-"],
    ]


def test_so_many_refused_lines_are_kept_as_one_answer_carries(boss: Visitor, stage: None, pump: Pump) -> None:
    rows = "".join(f"ни слова {n},{'ж' * 150}\n" for n in range(MAX_KEPT + 50))
    path = loaded(boss, pump, f"email,note\na@viewers.example,\n{rows}".encode())
    answer = boss.get(f"{path}?refused=csv")
    assert 4000 < len(answer.text.splitlines()) <= MAX_KEPT + 1
    assert len(answer.text.encode()) < 5_000_000
    assert f"20 of {MAX_KEPT + 50:,}" in boss.get(path).text.replace("\u202f", ",")


def test_what_stood_in_refused_lines_is_gone_after_a_week_and_the_page_says_so(
    boss: Visitor, stage: None, pump: Pump
) -> None:
    path = loaded(boss, pump)
    Stage.own().uploads._s3.delete_object(
        Bucket=Stage.own().uploads._bucket, Key=f"{path.rpartition('/')[2]}.refused.jsonl"
    )
    page = boss.get(path).text
    assert "What stood in them was kept for 7 days" in page
    assert "not an e-mail address" in page
    assert boss.get(f"{path}?refused=csv").status == 404


def test_a_list_is_searched_paged_renamed_and_found_by_its_name(boss: Visitor, stage: None, pump: Pump) -> None:
    rows = "".join(f"u{n}@viewers.example,Viewer {n}\n" for n in range(120))
    path = loaded(boss, pump, f"email,name\n{rows}")
    first = boss.get(path)
    assert "u49@viewers.example" in first.text
    assert "u50@viewers.example" not in first.text
    found = boss.get(f"{path}?q=U119@viewers.example").text
    assert ("Viewer 119" in found, "Viewer 11<" in found) == (True, False)
    assert "Nobody like that" in boss.get(f"{path}?q=nobody@viewers.example").text
    assert "Viewer 77" in boss.get(f"{path}?q=viewer 77").text

    form = in_the_form(first, f"{path}/name")
    assert boss.post(f"{path}/name", name="Зима в кино", seen=form["seen"][0]).said == "saved"
    assert boss.post(f"{path}/name", name="Лето", seen=form["seen"][0]).status == 412
    assert boss.post(f"{path}/name", name=" ").status == 422
    assert "Зима в кино" in boss.get("/admin/lists?q=кино зима").text
    assert "No list has these words" in boss.get("/admin/lists?q=лето").text


def test_a_list_is_renamed_on_a_page_that_was_opened_while_it_was_read(boss: Visitor, stage: None, pump: Pump) -> None:
    path = uploaded(boss)
    boss.post(f"{path}/columns", **chosen(boss, path))
    form = in_the_form(boss.get(path), f"{path}/name")
    pump.run()
    assert boss.post(f"{path}/name", name="Autumn", seen=form["seen"][0]).said == "saved"


def test_a_list_is_deleted_unless_a_campaign_still_needs_it(boss: Visitor, stage: None, pump: Pump) -> None:
    path = loaded(boss, pump)
    list_id = path.rpartition("/")[2]
    context = {"headline": "Half price", "text": "All films.", "url": "https://cinema.example/p"}
    spec = {"name": "Autumn", "template": "promo", "audience": {"list_id": list_id}, "context": context}
    head = Stage.own().campaign_commands.draft(Campaign.model_validate(spec), by="test")

    refused = boss.post(f"{path}/delete")
    assert (refused.status, "the campaign Autumn is for this list" in refused.text) == (409, True)
    Stage.own().campaign_commands.cancel(head.id, by="test")
    assert boss.post(f"{path}/delete").said == "removed"
    assert boss.get(path).status == 404
    assert boss.post(f"{path}/delete").said == "removed"


def test_a_deletion_that_was_interrupted_is_shown_and_completed(boss: Visitor, stage: None, pump: Pump) -> None:
    path = loaded(boss, pump)
    lists = Stage.own().lists
    assert lists.close(lists.get(path.rpartition("/")[2]))
    assert "being deleted" in boss.get("/admin/lists").text
    assert "delete it once more" in boss.get(path).text
    assert boss.post(f"{path}/delete").said == "removed"
    assert "No list yet" in boss.get("/admin/lists").text


def test_a_failed_list_takes_another_file(boss: Visitor, stage: None, pump: Pump) -> None:
    path = uploaded(boss, "email\nanna@viewers.example\n")
    sent = chosen(boss, path)
    rows = "".join(f"u{n}@viewers.example\n" for n in range(5000))
    Stage.own().uploads.put(path.rpartition("/")[2], f'email\n{rows}"anna@viewers.example\nx\n'.encode())
    boss.post(f"{path}/columns", **sent)
    pump.run()
    assert "a quote is not closed" in boss.get(path).text
    assert boss.upload(f"{path}/file", "file", FILE.encode()).place == f"{path}/columns"
    boss.post(f"{path}/columns", **chosen(boss, path))
    pump.run()
    assert "anna@viewers.example" in boss.get(path).text
    assert boss.upload(f"{path}/file", "file", FILE.encode()).status == 409


def test_pages_of_many_lists_take_few_requests(boss: Visitor, stage: None, pump: Pump) -> None:
    """Five hundred lists, one of them found by its name."""
    path = loaded(boss, pump)
    for n in range(500):
        Stage.own().lists.add(f"Audience {n}", by="test")
    for address in ("/admin/lists", "/admin/lists?q=friends", path, f"{path}?q=anna", f"{path}?q=anna@viewers.example"):
        boss.get(address)
        requests = Requests()
        page = boss.get(address)
        assert requests.count() - requests.count("PutItem") <= 8, address
        assert page.status == 200
    assert "Friends" in boss.get("/admin/lists?q=friends").text


def test_an_address_is_looked_for_in_all_lists(boss: Visitor, stage: None, pump: Pump) -> None:
    first, second = (loaded(boss, pump, f"email,name\nanna@viewers.example,Anna {n}\n") for n in range(2))
    loaded(boss, pump, "email\nboris@viewers.example\n")
    requests = Requests()
    page = boss.get("/admin/lists/holding?address=ANNA@viewers.example").text
    assert requests.count() - requests.count("PutItem") <= 5
    assert ("Anna 0" in page, "Anna 1" in page, page.count("<article")) == (True, True, 2)
    assert all(path in page for path in (first, second))
    assert "none of the 100 newest lists" in boss.get("/admin/lists/holding?address=x@viewers.example").text
