"""What the server says. An event goes out as JSON, or as a plain line where the connection uses plain text.
`docs/live.md` lists every event and every warning; a test compares."""

import json
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from chalicelib.errors import VestnikError

MAX_FRAME_BYTES = 32 * 1024  # API Gateway: the largest WebSocket frame
MAX_QUOTED_CHARACTERS = 200  # of the client's own text quoted in a warning
_ENVELOPE_BYTES = 256  # what surrounds the names of a list

JSON, TEXT = "json", "text"


class FrameError(VestnikError):
    """Permanent: this frame cannot be read. `code` names one of `WARNINGS`, `values` fill it in."""

    def __init__(self, code: str, **values: Any) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


class ServerEvent(NamedTuple):
    """One event for a client. `line` is its plain-text form; None: JSON on every connection."""

    name: str
    data: Mapping[str, Any] = {}
    line: str | None = None

    def encode(self, format_: str) -> bytes:
        """The bytes for one connection. Whoever makes an event keeps it under MAX_FRAME_BYTES."""
        if format_ == TEXT and self.line is not None:
            return self.line.encode()
        return json.dumps({"event": self.name, **self.data}, ensure_ascii=False, separators=(",", ":")).encode()


class Words(NamedTuple):
    """One message in both languages; plain-text connections get the Russian one."""

    ru: str
    en: str

    def formatted(self, **values: Any) -> "Words":
        return Words(self.ru.format(**values), self.en.format(**values))

    def both(self) -> dict[str, str]:
        return {"ru": self.ru, "en": self.en}


GUEST_MARK = "(гость)"  # in plain text; the demo page has its own texts
ASK_NAME = Words("Представьтесь!", "Introduce yourself!")

_EXPECTED = Words(
    'Ожидается: «<имя>: <текст>», «?», «block <имя>», «unblock <имя>», «blocked» или JSON {{"action": …}}.',
    'Expected: `<name>: <text>`, `?`, `block <name>`, `unblock <name>`, `blocked`, or JSON {{"action": …}}.',
)

# Code → what happened. `{…}` are values of the warning; what is expected is said in each.
WARNINGS: Mapping[str, Words] = {
    "no_colon": Words("Нет двоеточия. " + _EXPECTED.ru, "There is no colon. " + _EXPECTED.en),
    "empty_addressee": Words(
        "Нет имени перед двоеточием. Ожидается: «<имя>: <текст>».",
        "There is no name before the colon. Expected: `<name>: <text>`.",
    ),
    "empty_text": Words(
        "Нет текста после двоеточия. Ожидается: «<имя>: <текст>».",
        "There is no text after the colon. Expected: `<name>: <text>`.",
    ),
    "long_text": Words(
        "Слишком длинный текст. Ожидается не больше {limit} знаков.",
        "The text is too long. Expected: at most {limit} characters.",
    ),
    "too_large": Words(
        "Слишком большое сообщение. Ожидается не больше {limit} байт.",
        "The message is too large. Expected: at most {limit} bytes.",
    ),
    "not_utf8": Words("Это не UTF-8. Ожидается текст в UTF-8.", "This is not UTF-8. Expected: text in UTF-8."),
    "bad_characters": Words(
        "В тексте есть управляющие знаки. Ожидается обычный текст.",
        "There are control characters in the text. Expected: plain text.",
    ),
    "broken_json": Words(
        'Это не JSON. Ожидается один объект {{"action": …}}.', 'This is not JSON. Expected: one object {{"action": …}}.'
    ),
    "unknown_action": Words(
        "Нет такого действия. Ожидается action: {expected}.", "There is no such action. Expected: action: {expected}."
    ),
    "bad_field": Words("Ожидается поле {field}: {expected}.", "Expected the field {field}: {expected}."),
    "unknown_addressee": Words(
        "Здесь нет никого с именем {name}. «?» покажет, кто здесь.",
        "There is nobody called {name} here. `?` shows who is here.",
    ),
    "name_needed": Words("Сначала представьтесь. Ожидается имя.", "Introduce yourself first. Expected: a name."),
    "empty_name": Words("Имя не может быть пустым. ", "A name cannot be empty. "),
    "long_name": Words("Имя длиннее {limit} знаков. ", "The name is longer than {limit} characters. "),
    "bad_name": Words(
        "Имя — это буквы и цифры, а между ними по одному: пробел, точка, дефис, апостроф, подчёркивание. "
        "Слова block, unblock и blocked — команды. ",
        "A name is letters and digits, with single spaces, dots, hyphens, apostrophes or underscores between them. "
        "The words block, unblock and blocked are commands. ",
    ),
    "mixed_name": Words(
        "В имени смешаны алфавиты. Ожидаются буквы одного алфавита и цифры одного вида. ",
        "The name mixes alphabets. Expected: letters of one alphabet, digits of one kind. ",
    ),
    "reserved_name": Words(
        "Имя {name} может быть только у самой службы. ", "Only the service itself is called {name}. "
    ),
    "taken_name": Words(
        "Имя {name} или похожее на него занято. ", "The name {name}, or one that looks like it, is taken. "
    ),
    "user_needed": Words(
        "Входящие есть только у вошедших. Ожидается соединение с билетом.",
        "Only users have an inbox. Expected: a connection with a ticket.",
    ),
    "too_many_blocked": Words(
        "Заблокировано уже {limit}. Ожидается «unblock <имя>».",
        "{limit} are blocked already. Expected: `unblock <name>`.",
    ),
    "flood": Words(
        "Слишком часто. Дальше будет молчание. Ожидается не больше {per_second} в секунду.",
        "Too many messages. The next step is a mute. Expected: at most {per_second} a second.",
    ),
    "repeated": Words(
        "Одно и то же много раз. Дальше будет молчание. Ожидается другой текст.",
        "The same again and again. The next step is a mute. Expected: another text.",
    ),
    "muted": Words(
        "Вы молчите ещё {seconds} с. Ожидается тишина.", "You are muted for {seconds} s more. Expected: silence."
    ),
    "guests_flood": Words(
        "Гости из вашей сети пишут слишком часто. Ожидается тишина ещё {seconds} с.",
        "Guests on your network write too often. Expected: silence for {seconds} s more.",
    ),
    "not_answered": Words(
        "{name} пока не отвечает, а гости пишут слишком много. Следующее сообщение возможно через {seconds} с. "
        "Ожидается ответ.",
        "{name} has not answered yet, and guests write too much. The next message is possible in {seconds} s. "
        "Expected: an answer.",
    ),
    "unavailable": Words(
        "Служба не ответила. Ожидается повтор позже.", "The service did not answer. Expected: try later."
    ),
}
_FAREWELLS: Mapping[str, Words] = {
    "flood": Words("Соединение закрыто: слишком много сообщений.", "Closed: too many messages."),
    "unknown_connection": Words("Соединение закрыто: подключитесь снова.", "Closed: connect again."),
    "erased": Words("Соединение закрыто: пользователь удалён.", "Closed: the user was removed."),
}
_ASKS_AGAIN = frozenset({"empty_name", "long_name", "bad_name", "mixed_name", "reserved_name", "taken_name"})


def warning(code: str, **values: Any) -> ServerEvent:
    """What is wrong with a frame and what is expected; after a bad name it asks for another."""
    values = {name: _quoted(value) if isinstance(value, str) else value for name, value in values.items()}
    words = WARNINGS[code].formatted(**values)
    if code in _ASKS_AGAIN:
        words = Words(words.ru + ASK_NAME.ru, words.en + ASK_NAME.en)
    return ServerEvent("warning", {"code": code, "message": words.both(), **values}, line=words.ru)


def ask_name() -> ServerEvent:
    """The greeting."""
    return ServerEvent("chat.name_needed", {"message": ASK_NAME.both()}, line=ASK_NAME.ru)


def named(name: str, *, guest: bool = False) -> ServerEvent:
    """The person has this name now, on all connections."""
    words = Words(f"Здравствуйте, {name}!", f"Hello, {name}!")
    return ServerEvent("chat.named", {"name": name, "guest": guest, "message": words.both()}, line=words.ru)


def present(names: list[str], *, total: int, guests: Collection[str] = ()) -> ServerEvent:
    """Those who are here, and which of them are guests; `total` is larger than the list if that had to be cut to fit
    into a frame."""
    names = _fitting(names, guests)
    more = f" и ещё {total - len(names)}" if total > len(names) else ""
    line = "Здесь: " + ", ".join(names) + more if names else "Здесь никого нет."
    marked = [name for name in names if name in guests]
    return ServerEvent("chat.present", {"names": names, "guests": marked, "total": total}, line=line)


def _fitting(names: list[str], guests: Collection[str]) -> list[str]:
    room = MAX_FRAME_BYTES - _ENVELOPE_BYTES
    for n, name in enumerate(names):
        room -= (len(json.dumps(name, ensure_ascii=False).encode()) + 1) * (2 if name in guests else 1)
        if room < 0:
            return names[:n]
    return names


def _quoted(text: str) -> str:
    return text if len(text) <= MAX_QUOTED_CHARACTERS else text[: MAX_QUOTED_CHARACTERS - 1] + "…"


def chat_message(sender: str, text: str, *, at: str, guest: bool) -> ServerEvent:
    """A message between people. Nobody vouches for a guest: the mark says so, and no name can contain it."""
    mark = f" {GUEST_MARK}" if guest else ""
    data = {"from": sender, "guest": guest, "text": text, "at": at}
    return ServerEvent("chat.message", data, line=f"Сообщение от {sender}{mark}: {text}")


def chat_sent(to: str) -> ServerEvent:
    """The server has accepted a message; only for JSON connections. A blocked sender sees the same."""
    return ServerEvent("chat.sent", {"to": to})


def blocked(names: list[str]) -> ServerEvent:
    """The list after a change, or on request."""
    line = "Заблокированы: " + ", ".join(names) if names else "Никто не заблокирован."
    return ServerEvent("chat.blocked", {"names": names}, line=line)


def bye(reason: str) -> ServerEvent:
    """The last frame before the server closes: API Gateway does not let it choose a close code."""
    words = _FAREWELLS[reason]
    return ServerEvent("bye", {"reason": reason, "message": words.both()}, line=words.ru)


def hello(user_id: str | None, name: str | None, head: Mapping[str, Any] | None) -> ServerEvent:
    """The first frame of a JSON connection: who one is, and the state of the inbox."""
    return ServerEvent("hello", {"user_id": user_id, "name": name, "inbox": head})


def pong() -> ServerEvent:
    """The answer to a heartbeat."""
    return ServerEvent("pong")


def notification(entry: Mapping[str, Any], *, unread: int) -> ServerEvent:
    """A new entry of the inbox."""
    return ServerEvent("notification", {**entry, "unread": unread})


def unread(count: int) -> ServerEvent:
    """The count has changed."""
    return ServerEvent("inbox.unread", {"unread": count})


def inbox_page(entries: list[Mapping[str, Any]], *, cursor: str | None, unread: int) -> ServerEvent:
    """Entries, newest first; `cursor` leads to older ones, null if there are none."""
    return ServerEvent("inbox.list", {"entries": entries, "cursor": cursor, "unread": unread})


def resumed(entries: list[Mapping[str, Any]], *, cursor: str, more: bool, unread: int) -> ServerEvent:
    """What was missed, oldest first; `cursor` is the new last one; `more`: resume from it again."""
    return ServerEvent("resumed", {"entries": entries, "cursor": cursor, "more": more, "unread": unread})
