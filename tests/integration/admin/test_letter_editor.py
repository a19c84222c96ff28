"""The block editor without a script: every button brings the page back with the changed form, and what is saved is what
was typed."""

import re
from collections.abc import Mapping
from html import unescape
from typing import Any

import pytest

from chalicelib.accounts.managers import Role
from chalicelib.admin.block_fields import FIELDS
from chalicelib.admin.form_reader import forms_in
from chalicelib.stage.app import Stage
from tests.integration.admin.conftest import Seen, Visitor, signed_in

NEW = "/admin/templates/new"
PAGE = "/admin/templates/spring-sale"
BLOCKS = "doc.en.blocks"


@pytest.fixture
def editor(boss: Visitor) -> Visitor:
    """Who has started a letter in two languages."""
    started = boss.post(NEW, title="Spring sale", base="", category="marketing", locales=["en", "ru"])
    assert (started.place, started.said) == (PAGE, "saved")
    return boss


def form_of(seen: Seen) -> dict[str, Any]:
    [form] = [one for one in forms_in(seen.text) if f"{PAGE}/blocks" in one.targets]
    return form.values()


def kinds_in(form: Mapping[str, Any], listed: str = BLOCKS) -> list[str]:
    prefix = listed.rpartition(".blocks")[0] or "doc.en"
    return [form[f"{prefix}.{number}.kind"][0] for number in form.get(listed, [])]


def do(visitor: Visitor, form: dict[str, Any], operation: str) -> dict[str, Any]:
    seen = visitor.post(f"{PAGE}/blocks", **{**form, "do": operation})
    assert seen.status == 200, seen.text
    return form_of(seen)


def stored(key: str = "spring-sale") -> Any:
    return Stage.own().templates.get(key)


def test_a_letter_starts_with_a_title_in_the_chosen_languages(editor: Visitor) -> None:
    assert (stored().title, sorted(stored().documents), stored().category) == ("Spring sale", ["en", "ru"], "marketing")
    form = form_of(editor.get(PAGE))
    assert (form["doc.en.subject"], kinds_in(form)) == (["Spring sale"], ["heading"])
    assert ">Spring sale</b>" in editor.get("/admin/templates").text
    assert "spring-sale" in editor.get("/admin/templates?q=SPRING").text
    assert ">Spring sale</b>" not in editor.get("/admin/templates?q=autumn").text


@pytest.mark.parametrize(
    ("title", "key"),
    [("Скидки: до −50 %!", "skidki-do-50"), ("New", "new-2"), ("2026", "letter-2026"), ("映画", "letter"),
     ("Crème brûlée", "creme-brulee"), ("Щи да ёж", "shchi-da-ezh"), ("promo", "promo-2")],
)  # fmt: skip
def test_the_key_is_made_of_the_title(boss: Visitor, title: str, key: str) -> None:
    assert boss.post(NEW, title=title, category="marketing", locales=["en"]).place == f"/admin/templates/{key}"
    assert stored(key).title == title


def test_a_copy_keeps_the_blocks_in_the_languages_that_were_chosen(editor: Visitor) -> None:
    form = do(editor, form_of(editor.get(PAGE)), f"add {BLOCKS} 1 divider")
    assert editor.post(PAGE, **form).said == "saved"
    copied = editor.post(NEW, title="Again", base="spring-sale", category="digest", locales=["en", "de"])
    assert copied.place == "/admin/templates/again"
    letter = stored("again")
    assert (letter.category, sorted(letter.documents)) == ("digest", ["de", "en"])
    assert [block["kind"] for block in letter.documents["de"]["blocks"]] == ["heading"]
    assert [block["kind"] for block in letter.documents["en"]["blocks"]] == ["heading", "divider"]


def test_what_is_missing_in_a_new_letter_is_told_and_nothing_typed_is_lost(boss: Visitor) -> None:
    seen = boss.post(NEW, title="", category="digest", locales=["en"])
    assert (seen.status, "expected a title" in seen.text) == (422, True)
    seen = boss.post(NEW, title="Autumn", category="digest")
    assert (seen.status, "expected at least one language" in seen.text) == (422, True)
    assert 'value="Autumn"' in seen.text
    assert '<option value="digest" selected' in seen.text


@pytest.mark.parametrize("kind", FIELDS)
def test_each_kind_of_block_is_added_by_two_buttons(editor: Visitor, kind: str) -> None:
    form = form_of(editor.get(PAGE))
    typed = {**form, "doc.en.subject": ["Half typed"], "title": ["Another title"]}
    chooser = editor.post(f"{PAGE}/blocks", **typed, do=f"choose {BLOCKS} 1")
    assert f'value="add {BLOCKS} 1 {kind}"' in chooser.text
    added = do(editor, form_of(chooser), f"add {BLOCKS} 1 {kind}")
    assert kinds_in(added) == ["heading", kind]
    assert (added["doc.en.subject"], added["title"]) == (["Half typed"], ["Another title"])
    assert added["doc.ru.subject"] == ["Spring sale"]
    assert stored().version == 1  # nothing is saved


def test_the_language_can_be_changed_on_the_page_that_a_button_brought_back(editor: Visitor) -> None:
    seen = editor.post(f"{PAGE}/blocks", **{**form_of(editor.get(PAGE)), "do": f"add {BLOCKS} 1 divider"})
    [link] = [one for one in re.findall(r'href="([^"]+)"', seen.text) if "look?language=ru" in one]
    assert editor.get(unescape(link)).place == PAGE


def test_blocks_are_moved_copied_and_left_out_with_what_is_typed(editor: Visitor) -> None:
    form = do(editor, form_of(editor.get(PAGE)), f"add {BLOCKS} 1 text")
    form["doc.en.2.text"] = ["Come **in**"]
    form = do(editor, form, f"up {BLOCKS} 2")
    assert kinds_in(form) == ["text", "heading"]
    form = do(editor, form, f"copy {BLOCKS} 2")
    assert (kinds_in(form), form["doc.en.3.text"]) == (["text", "text", "heading"], ["Come **in**"])
    form = do(editor, form, f"delete {BLOCKS} 2")
    assert editor.post(PAGE, **form).said == "saved"
    assert [block["text"] for block in stored().documents["en"]["blocks"]] == ["Come **in**", "Spring sale"]
    assert "<strong>in</strong>" in stored().locales["en"]["email.html"]


def test_blocks_stand_in_columns_and_films_in_rows(editor: Visitor) -> None:
    form = do(editor, form_of(editor.get(PAGE)), f"add {BLOCKS} 1 columns")
    for column, text in (("column1", "Left"), ("column2", "Right")):
        form = do(editor, form, f"add doc.en.2.{column} 0 text")
        form[f"doc.en.{form[f'doc.en.2.{column}'][0]}.text"] = [text]
    form = do(editor, form, f"add {BLOCKS} 2 films")
    [films] = [number for number in form[BLOCKS] if form[f"doc.en.{number}.kind"] == ["films"]]
    [row] = form[f"doc.en.{films}.films"]
    form[f"doc.en.{row}.title"] = ["Solaris"]
    assert editor.post(PAGE, **form).said == "saved"
    _, columns, grid = stored().documents["en"]["blocks"]
    assert [[one["text"] for one in column] for column in columns["columns"]] == [["Left"], ["Right"]]
    assert grid["films"] == [{"title": "Solaris"}]
    assert form_of(editor.get(PAGE))[BLOCKS] != []


def test_languages_are_added_copied_and_taken_away(editor: Visitor) -> None:
    form = {**form_of(editor.get(PAGE)), "doc.en.subject": ["Hello"]}
    form = do(editor, {**form, "new_language": ["pt_br"]}, "language-add")
    assert (form["doc.pt-BR.subject"], form["new_language"]) == (["Hello"], [""])
    form = do(editor, {**form, "from.ru": ["en"]}, "language-copy ru")
    assert form["doc.ru.subject"] == ["Hello"]
    form = do(editor, form, "language-delete pt-BR")
    assert "doc.pt-BR.subject" not in form
    assert editor.post(PAGE, **form).said == "saved"
    assert {one: letter["subject"] for one, letter in stored().documents.items()} == {"en": "Hello", "ru": "Hello"}


def test_a_language_of_no_name_is_refused_with_what_was_typed(editor: Visitor) -> None:
    form = {**form_of(editor.get(PAGE)), "new_language": ["klingonisch"], "doc.en.subject": ["Typed"]}
    seen = editor.post(f"{PAGE}/blocks", **form, do="language-add")
    assert (seen.status, "expected a language tag such as ru" in seen.text) == (422, True)
    assert (form_of(seen)["new_language"], form_of(seen)["doc.en.subject"]) == (["klingonisch"], ["Typed"])


def test_a_mistake_is_told_at_its_field_and_in_a_summary_that_leads_there(editor: Visitor) -> None:
    form = do(editor, form_of(editor.get(PAGE)), f"add {BLOCKS} 1 picture")
    form |= {"doc.en.2.url": ["https://cinema.example/p.png"], "doc.en.1.text": ["Hi {{ user.nmae }}"]}
    seen = editor.post(PAGE, **form)
    assert seen.status == 422
    assert re.search(r'<a href="#doc\.en\.2\.alt">English · block 2 · What the picture shows</a>', seen.text)
    assert re.search(r'id="doc\.en\.2\.alt"[^>]* aria-invalid="true" aria-describedby="m-doc\.en\.2\.alt"', seen.text)
    assert '<span class="mistake" id="m-doc.en.2.alt">' in seen.text
    assert form_of(seen)["doc.en.1.text"] == ["Hi {{ user.nmae }}"]
    form["doc.en.2.alt"] = ["A poster"]
    seen = editor.post(PAGE, **form)
    assert (seen.status, "there is no merge tag `user.nmae`" in seen.text) == (422, True)
    assert '<span class="mistake" id="m-doc.en.1.text">' in seen.text
    editor.cookies["__Host-vestnik_language"] = "ru"
    seen = editor.post(PAGE, **form)
    assert "Английский · блок 1 · Текст</a>" in seen.text
    assert stored().version == 1


def test_a_preview_shows_what_can_be_shown_and_says_what_cannot(editor: Visitor) -> None:
    form = do(editor, form_of(editor.get(PAGE)), f"add {BLOCKS} 1 picture")
    form |= {"doc.en.1.text": ['Hello, {{ user.name | "friend" }}'], "letter": ["en"], "look": ["desktop"]}
    seen = editor.post(f"{PAGE}/preview", **form)
    assert (seen.status, "Hello, Anna" in seen.text, "2. Picture: " in seen.text) == (200, True, True)
    assert "doc." not in seen.text
    seen = editor.post(f"{PAGE}/preview", **{**form, "look": ["text"]})
    assert "<pre" in seen.text
    assert "<table" not in seen.text
    assert stored().version == 1


@pytest.mark.parametrize(("look", "scheme"), [("dark", "all"), ("desktop", "not all"), ("phone", "not all")])
def test_a_preview_is_dark_or_light_whatever_the_page_is(editor: Visitor, look: str, scheme: str) -> None:
    form = {**form_of(editor.get(PAGE)), "letter": ["en"], "look": [look]}
    seen = editor.post(f"{PAGE}/preview", **form).text
    assert f"@media {scheme} {{" in re.sub(r"\s+", " ", seen)
    assert "prefers-color-scheme" not in seen
    assert f'content="{"dark" if look == "dark" else "light"}"' in seen


def test_a_preview_names_subject_and_preheader_as_a_list_of_letters_does(editor: Visitor) -> None:
    form = {**form_of(editor.get(PAGE)), "letter": ["en"], "look": ["desktop"]}
    form |= {"doc.en.subject": ["Tonight"], "doc.en.preheader": ['{{ user.name | "You" }}, it\'s free']}
    seen = editor.post(f"{PAGE}/preview", **form).text
    assert "<b>Tonight</b> Anna, it&#39;s free</div>" in seen


def test_only_an_administrator_writes_html(editor: Visitor) -> None:
    form = do(editor, form_of(editor.get(PAGE)), f"add {BLOCKS} 1 html")
    form["doc.en.2.html"] = ["<p>Ours</p>"]
    assert editor.post(PAGE, **form).said == "saved"
    olga = signed_in("olga", Role.EDITOR)
    seen = olga.get(PAGE)
    assert 'value="html"' not in seen.text.partition('id="kinds"')[2]
    form = {**form_of(seen), "doc.en.subject": ["By Olga"]}
    assert olga.post(PAGE, **{**form, "doc.en.2.html": ["<p>Hers</p>"]}).status == 422
    seen = olga.post(PAGE, **{**form, "doc.en.2.html": ["<p>Hers</p>"]})
    assert "only administrators write blocks of HTML" in seen.text
    assert olga.post(PAGE, **form).said == "saved"
    assert stored().documents["en"]["blocks"][1]["html"] == "<p>Ours</p>"


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.EDITOR])
def test_whoever_may_not_write_sees_the_letter_and_no_form(editor: Visitor, role: Role) -> None:
    visitor = signed_in("vera", role)
    page = visitor.get(PAGE)
    assert f'action="{PAGE}/letter"' in page.text
    assert "doc.en.subject" not in page.text
    assert visitor.get(f"{PAGE}/letter?letter=en&look=dark").status == 200
    for path in (PAGE, f"{PAGE}/blocks", f"{PAGE}/preview", NEW):
        assert visitor.post(path, **{"doc.en.subject": "Mine"}).status == 403


def test_who_saves_later_sees_both_letters_and_takes_one_whole(editor: Visitor) -> None:
    mine = {**form_of(editor.get(PAGE)), "doc.en.1.text": ["Mine"]}
    mine = do(editor, mine, f"add {BLOCKS} 1 text")
    mine["doc.en.2.text"] = ["My words"]
    theirs = {**form_of(editor.get(PAGE)), "doc.en.1.text": ["Theirs"], "doc.ru.subject": ["Их"]}
    assert editor.post(PAGE, **theirs).said == "saved"
    seen = editor.post(PAGE, **mine)
    assert seen.status == 412
    for text in ("My words", "Theirs", 'name="pick doc.en.*"', 'name="pick doc.ru.*"'):
        assert text in seen.text
    conflict = next(one for one in forms_in(seen.text) if PAGE in one.targets).values()
    assert conflict["pick doc.ru.*"] == ["theirs"] or "theirs" in conflict["pick doc.ru.*"]
    chosen: dict[str, Any] = {**conflict, "pick doc.en.*": ["theirs"], "pick doc.ru.*": ["theirs"]}
    assert editor.post(PAGE, **chosen).said == "saved"
    assert [block["text"] for block in stored().documents["en"]["blocks"]] == ["Theirs"]
    assert stored().documents["ru"]["subject"] == "Их"


def test_who_saves_later_may_keep_their_own(editor: Visitor) -> None:
    mine = do(editor, form_of(editor.get(PAGE)), f"add {BLOCKS} 1 text")
    mine["doc.en.2.text"] = ["My words"]
    theirs = {**form_of(editor.get(PAGE)), "doc.en.1.text": ["Theirs"], "doc.ru.subject": ["Их"]}
    assert editor.post(PAGE, **theirs).said == "saved"
    conflict = next(one for one in forms_in(editor.post(PAGE, **mine).text) if PAGE in one.targets).values()
    chosen: dict[str, Any] = {**conflict, "pick doc.en.*": ["mine"], "pick doc.ru.*": ["theirs"]}
    assert editor.post(PAGE, **chosen).said == "saved"
    assert [block["text"] for block in stored().documents["en"]["blocks"]] == ["Spring sale", "My words"]
    assert stored().documents["ru"]["subject"] == "Их"


def test_an_earlier_version_is_looked_at_and_brought_back(editor: Visitor) -> None:
    form = {**form_of(editor.get(PAGE)), "doc.en.subject": ["Second"]}
    assert editor.post(PAGE, **form).said == "saved"
    page = editor.get(f"{PAGE}?version=1")
    assert "doc.en.subject" not in page.text
    seen = re.search(r'name="seen" value="([^"]+)"', page.text)
    assert seen is not None
    assert editor.post(f"{PAGE}/restore", version="1", seen=seen[1]).said == "saved"
    assert stored().documents["en"]["subject"] == "Spring sale"


def test_the_letter_is_used_in_a_mailing(editor: Visitor) -> None:
    assert 'href="/admin/campaigns/new?template=spring-sale"' in editor.get(PAGE).text
    assert editor.get("/admin/campaigns/new?template=spring-sale").status == 200


def test_a_letter_of_many_blocks_is_saved_whole(editor: Visitor) -> None:
    form = form_of(editor.get(PAGE))
    for locale in ("en", "ru"):
        numbers = [str(n) for n in range(1, 101)]
        form[f"doc.{locale}.blocks"] = numbers
        for n in numbers:
            form |= {f"doc.{locale}.{n}.kind": ["text"], f"doc.{locale}.{n}.text": [f"Абзац {n}"]}
            form |= {f"doc.{locale}.{n}.style": ["normal"], f"doc.{locale}.{n}.show_if": [""]}
    assert editor.post(PAGE, **form).said == "saved"
    assert [len(stored().documents[one]["blocks"]) for one in ("en", "ru")] == [100, 100]
