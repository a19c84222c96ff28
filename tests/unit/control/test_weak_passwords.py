"""Which passwords are refused because others would guess them first."""

import pytest

from chalicelib.accounts.passwords import COMMON, LEAKED, weakness

BAD = (
    "password1234",
    "P@ssw0rd1234",
    "passw0rd!passw0rd!",
    "Passwort2024!!",
    "123456789012",
    "987654321098",
    "qwertyuiop123",
    "qwerty123456",
    "asdfghjkl;'zx",
    "йцукенгшщзхъ",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "aaaaaaaaaaaa",
    "abababababab",
    "abcdefghijkl",
    "112233445566",
    "0000000000001",
    "letmein12345",
    "iloveyou2024",
    "!!!welcome!!!",
    "administrator",
    "Admin123Admin123",
    "olgaolgaolga",
    "Olga.Petrova2024",
    "vestnik-cinema-1",
    "вестник2024!!",
    "пароль123456",
    "привет123456",
    "gfhjkmgfhjkm",
    "ｐａｓｓｗｏｒｄ１２３４",
    "monkeydragon1",
    "justinbieber",
    "correcthorsebatterystaple",
    "Mailcreated5240",
)
GOOD = (
    "correct horse battery",
    "another good password",
    "x9$kL2#pQ7!z",
    "839201746529",
    "tram 14 to the lake",
    "umbrella-walnut-oboe",
    "Nine green frogs sing",
    "my cat sleeps at noon",
    "каждый вечер чай с мёдом",
    "на балконе растёт укроп",
    "зелёная лодка плывёт",
    "crème brûlée à minuit",
    "Größere Fische schwimmen",
    "夜の海に浮かぶ白い舟と月の光",
    "🐙🦑🐠🐡🦈🐳🐬🦭🐚🪸🦞🦀",
    "kVfT-9pRw-Zs3m",
    "f7d1c0a9b3e84265",
    "Zx81+Spectrum+Elan",
    "olga keeps bees in May",
    "the vestnik of tin ducks",
    "wet socks, warm stove",
    "seventeen paper lanterns",
    "a b c of gardening tools",
    "lint-free Tuesday soup",
    "O0l1I|5S8B2Z6G",
    "blue fern under glass",
    "rain@harbour, 6 boats",
    "hold the pickle twice",
    "tz4mKq8vNw2x",
    "Мимо окна идёт трамвай",
    "under 12 pines we sang",
)


def weak(password: str) -> str | None:
    return weakness(password, about=("olga.petrova", "Vestnik Cinema"))


@pytest.mark.parametrize("password", BAD)
def test_what_others_would_guess_is_refused(password: str) -> None:
    assert weak(password) is not None


@pytest.mark.parametrize("password", GOOD)
def test_what_nobody_would_guess_is_taken_whatever_its_characters(password: str) -> None:
    assert weak(password) is None


def test_only_the_account_itself_is_kept_from_its_name() -> None:
    assert weakness("bogdan-sokolovsky-7", about=("bogdan.sokolovsky",)) is not None
    assert weakness("bogdan-sokolovsky-7", about=("olga",)) is None


def test_the_lists_are_there_and_small() -> None:
    assert 1_000_000 < LEAKED.stat().st_size < 3_000_000
    assert COMMON.stat().st_size < 100_000
