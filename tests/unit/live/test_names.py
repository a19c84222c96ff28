"""What a name may be, and which two names people would take for one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.live.chat_names import (
    MAX_NAME_CHARACTERS,
    NAMES,
    ReservedNames,
    check_name,
    name_keys,
    same_name,
    script_of,
    skeleton,
)
from chalicelib.live.server_events import FrameError

RESERVED = ReservedNames(["Кинотеатр"])
UNSEEN = [
    *(
        "\xad",
        "\u034f",
        "\u061c",
        "\u115f",
        "\u1160",
        "\u17b4",
        "\u180b",
        "\u180e",
        "\u200b",
        "\u200c",
        "\u200d",
        "\u200e",
    ),
    *("\u200f", "\u2060", "\u2063", "\u2066", "\u2069", "\u3164", "\ufe00", "\ufe0f", "\ufeff", "\uffa0", "\ufff0"),
    *("\U0001bca0", "\U0001d173", "\U000e0001", "\U000e0041", "\U000e0100", "\U000e0fff"),
]


def refusal(text: str) -> str | None:
    """The code of what is wrong with a name; None: nothing is."""
    try:
        name = check_name(text, reserved=RESERVED)
    except FrameError as error:
        return error.code
    assert check_name(name, reserved=RESERVED) == name
    return None


@pytest.mark.parametrize("sign", UNSEEN, ids=lambda sign: f"U+{ord(sign):04X}")
def test_what_nobody_sees_is_no_part_of_a_name(sign: str) -> None:
    """Promise I5."""
    for text in (f"Anna{sign}", f"{sign}Anna", f"An{sign}na", f"An{sign}{sign}na"):
        assert check_name(text) == "Anna"
        assert same_name(text, "anna")
    assert refusal(sign) == "empty_name"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna", "ANNA"), ("Анна", "анна"), ("Anna", "Ａｎｎａ"), ("Anna", "𝐀𝐧𝐧𝐚"), ("Anna", "Ⓐⓝⓝⓐ"),
        ("Anna", "Аnna"), ("Anna", "Αnna"), ("Anna", "Аnnа"), ("Hopa", "Нора"), ("Coca", "Сoсa"), ("Ivan", "lvan"),
        ("Ivan", "1van"), ("І", "l"), ("1", "l"), ("l", "I"), ("Oleg", "0leg"), ("g0", "go"), ("rn", "m"),
        ("modern", "modem"), ("Anna Maria", "Anna-Maria"), ("Anna Maria", "AnnaMaria"), ("Anna", "A n n a"),
        ("Anna", "Anna."), ("O'Neil", "O’Neil"), ("Straße", "strasse"), ("İlya", "Ilya"), ("Å", "A\u030a"),
        ("Anna", "Annа\u200d"), ("Paypal", "Раураl"), ("ヘル", "へル"), ("Anna٥", "Annaо"),
        ("Том", "Tom"), ("Рома", "Poma"), ("Ы", "ЬІ"), ("Bill", "B1ll"),
        ("Will", "VVill"), ("Anna", "Anna\u0332"), ("Anna", "An\u0338na"), ("Анна", "А\u0301нна"),
        ("Anna", "Anna\u0342"), ("שרה", "שָׂרָה"), ("محمد", "مُحَمَّد"), ("ipek", "ıpek"), ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
    ],
)  # fmt: skip
def test_names_that_look_alike_are_the_same(one: str, other: str) -> None:
    """Promise I5."""
    assert same_name(one, other)
    assert same_name(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna", "Hanna"), ("Вика", "Ника"), ("Nika", "Vika"), ("Пётр", "Петр"), ("Mary", "Mare"), ("Юля", "Оля"),
        ("Саша", "Паша"), ("Максим", "Макс"), ("Гость1", "Гость2"), ("g0", "g1"), ("太郎", "次郎"), ("Ян", "Яна"),
        ("Лера", "Лара"), ("Тимур", "Тимофей"), ("José", "Jose"), ("user10", "user12"),
    ],
)  # fmt: skip
def test_names_that_people_tell_apart_are_two(one: str, other: str) -> None:
    """Promise I5."""
    assert not same_name(one, other)


@pytest.mark.parametrize(
    "name",
    [
        "Анна", "Ёлка", "Анна-Мария", "Anna", "O’Neil", "J. R. Smith", "Ю.А. Гагарин", "Nguyễn Thị Ánh",
        "Øystein", "Łukasz",
        "Straße",
        "Əli", "İlya", "Ґанна", "Мар'яна", "Ματθαίος", "Արամ", "ნინო", "שרה", "محمد", "می\u200cخواهم", "नेपाली",
        "क्\u200dष", "สมชาย", "ヤマダ太郎", "ピーター", "김철수 Kim", "李小龙", "Anna 2",
        "น้ำผึ้ง", "ຄຳ", "Kaʻahumanu", "ʿAlī", "ג׳ורג׳", "マイケル・ジョーダン", "الرحمٰن",
        "བསྟན་འཛིན", "Ẹ̀bùn", "Юлія", "Ђорђе", "Әсел", "Қайрат", "Мария2", "Anna‐Maria",
        "user_1", "x" * MAX_NAME_CHARACTERS,
    ],
)  # fmt: skip
def test_names_of_many_languages_are_taken_as_they_are(name: str) -> None:
    """Promise I5."""
    assert check_name(name, reserved=RESERVED) == name


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty_name"), ("   ", "empty_name"), ("\u200b\u3164", "empty_name"), ("x" * 33, "long_name"),
        ("क" + "ा" * 200, "long_name"), ("a:b", "bad_name"), ("?", "bad_name"), ("{x", "bad_name"),
        ("a\x00b", "bad_name"),
        ("a\u202eb", "bad_name"), ("\ufffd", "bad_name"), ("Anna\u2800", "bad_name"), ("\u2800", "bad_name"),
        ("😀", "bad_name"), ("Anna❤\ufe0f", "bad_name"), ("ᴀɴɴᴀ", "bad_name"), ("ǃAnna", "bad_name"),
        ("Ꭺnna", "bad_name"),
        ("\ue000", "bad_name"), ("\u0378", "bad_name"), ("a\u0301\u0302\u0303", "bad_name"),
        ("a\u0323\u0323", "bad_name"),
        ("ʻ", "bad_name"), ("ʻʻa", "bad_name"),
        ("\u0301a", "bad_name"), ("a \u0301", "bad_name"), ("a\u20dd", "bad_name"), ("-Anna", "bad_name"),
        ("___", "bad_name"),
        ("Anna--B", "bad_name"), ("block", "bad_name"), ("Unblock", "bad_name"), ("Anna (гость)", "bad_name"),
        ("Анна (гость)", "bad_name"), ("<b>Anna</b>", "bad_name"), ("bit.ly", "bad_name"),
        ("кино.рф", "bad_name"), ("a@b", "bad_name"), ("http//x", "bad_name"),
        ("Аnna", "mixed_name"), ("Αnna", "mixed_name"), ("Аннa", "mixed_name"), ("Xам", "mixed_name"),
        ("Annа", "mixed_name"),
        ("Anna٥", "mixed_name"), ("١2", "mixed_name"), ("محمدא", "mixed_name"), ("ヤמ", "mixed_name"),
        ("№1 Имя", "mixed_name"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_name_is_refused(text: str, code: str) -> None:
    """Promise I5."""
    assert refusal(text) == code


@pytest.mark.parametrize(
    "name",
    [
        "admin", "Admin", "ADMIN", "admin_1", "1admin", "admin 42", "A d m i n", "a.d.m.i.n", "Adm1n", "ADMlN",
        "adm\u00adin",
        "ádmin", "Anna Admin", "The Admin", "support", "Supp0rt", "support team", "moderator", "m0derator",
        "rnoderator",
        "system", "SYSTEM", "Vestnik", "vestnik support", "vestniksupport", "админ", "Админ 1", "а д м и н",
        "администратор", "Модератор", "поддержка", "Служба поддержка", "Вестник", "кинотеатр", "Кинотеатр 2",
        "ａｄｍｉｎ", "4dmin", "4dm1n1str4t0r", "v35tn1k", "5upport", "admins", "aadminn", "admin-team", "AdminTeam",
        "superadmin", "xXadminXx", "VasyaAdmin", "AdminVasya", "admin1team", "techsupport", "VestnikBot", "Админы",
        "модераторы", "Служба поддержки", "суперадмин", "СлужбаПоддержки", "Адміністратор", "Moder", "Security Team",
        "Команда", "管理员", "А́дмин", "admi\u0332n",
    ],
)  # fmt: skip
def test_names_of_the_service_are_its_own_however_they_are_written(name: str) -> None:
    """Promise I5."""
    assert refusal(name) == "reserved_name"


@pytest.mark.parametrize(
    "name",
    [
        "Adam", "Damin", "Supa", "Modest", "Админа", "Вестников", "Systema", "Kino", "123", "Badminton", "Brad Min",
        "Adminov", "Supporter", "Anna Root", "Боткин", "Служкин", "Roots Manuva", "xX", "Oscar Service", "Иосиф",
    ],
)  # fmt: skip
def test_other_names_are_not_reserved(name: str) -> None:
    assert refusal(name) is None


@given(st.text(max_size=60))
def test_any_text_is_a_name_or_has_a_mistake_and_a_name_is_a_key_of_the_table(text: str) -> None:
    keys = name_keys(text)
    assert all(len(key.encode(errors="replace")) <= 1024 for key in keys)
    if refusal(text) is None:
        assert all(keys)
        assert same_name(text, check_name(text))


def test_the_data_is_whole() -> None:
    content = json.loads(NAMES.read_text(encoding="utf-8"))
    starts = [start for start, _, _ in content["letters"]]
    assert starts == sorted(starts)
    assert (script_of("a"), script_of("я"), script_of("太"), script_of("!")) == ("Latin", "Cyrillic", "Han", None)
    assert skeleton("раураl") == skeleton("paypal")
    assert len(content["looks"]) > 1_500
