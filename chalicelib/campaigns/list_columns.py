"""What the columns of a list hold: what their names say in some languages, or else what stands in them."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

from chalicelib.addresses import normal_email
from chalicelib.campaigns.list_report import BadListError, bad_line
from chalicelib.errors import Phrase
from chalicelib.text import Line, one_line

FIELDS = ("email", "user_id", "name", "locale", "timezone")
ATTRIBUTE = "attributes."
MAX_COLUMNS, MAX_ATTRIBUTES = 200, 50
LONGEST = 64  # characters of an attribute's name
_NOT_SAID = re.compile(r"[\W_]+")
# Without case, spaces and signs: `E-mail` is `email`, `Эл. почта` is `элпочта`.
_NAMES: Mapping[str, str] = {
    name: field
    for field, names in {
        "email": "email mail emailaddress emailaddresses primaryemail subscriberemail contactemail emailid email1 "
        "email1value workemail emailадрес адресemail почта электроннаяпочта элпочта эпочта "
        "адресэлектроннойпочты адресэлпочты адреспочты емейл емэйл емайл имейл имэйл мейл мэйл мыло "
        "електроннапошта поштоваскринька correo correoelectronico courriel adressemail adresseemail emailadresse "
        "eposta epostadresi",
        "user_id": "userid useridentifier externalid идпользователя idпользователя идентификаторпользователя "
        "кодпользователя номерпользователя",
        "name": "name fullname firstname givenname displayname contactname subscribername имя фио имяифамилия "
        "фамилияимя полноеимя имяклиента имяполучателя обращение імя піб nombre nom prenom vorname ad",
        "locale": "locale language lang languagecode preferredlanguage язык языкписьма локаль мова idioma "
        "langue sprache",
        "timezone": "timezone tz timezonename часовойпояс таймзона часовийпояс zonahoraria fuseauhoraire zeitzone",
    }.items()
    for name in names.split()
}
_IDS = ("id", "ид", "код")  # a user's, where there is no address beside


def _target(value: str) -> str:
    attribute = one_line(value.removeprefix(ATTRIBUTE)) if value.startswith(ATTRIBUTE) else ""
    if value not in FIELDS and not attribute:
        raise ValueError(Phrase("expected one of {known}, attributes.<name> or null", known=", ".join(FIELDS)))
    return f"{ATTRIBUTE}{attribute}" if attribute else value


Target = Annotated[Line, Field(max_length=len(ATTRIBUTE) + LONGEST), AfterValidator(_target)]


class Column(NamedTuple):
    """A column by its name, which no other one has, and what it becomes: one of FIELDS, `attributes.<name>`, or None:
    it is left out."""

    name: str
    target: str | None


def named(cells: Sequence[str]) -> list[str]:
    """The names of the columns as their first line has them: a repeated one gets a number, and so does an empty one.
    Raises: BadListError (permanent)."""
    if len(cells) > MAX_COLUMNS:
        raise bad_line(1, Phrase("expected at most {most} columns", most=MAX_COLUMNS))
    met: Counter[str] = Counter()
    names: list[str] = []
    for n, cell in enumerate(cells, start=1):
        name = one_line(cell) or f"column {n}"
        met[name.casefold()] += 1
        names.append(name if met[name.casefold()] == 1 else f"{name} {met[name.casefold()]}")
    return names


def is_header(cells: Sequence[str]) -> bool:
    """Whether a line names columns: one with an address is a recipient."""
    return not any(is_address(cell) for cell in cells)


def is_address(cell: str) -> bool:
    """Whether a cell holds an e-mail address."""
    try:
        normal_email(cell.strip())
    except ValueError:
        return False
    return True


def guessed(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Column]:
    """What each column becomes if nobody says otherwise, by its title, which may be empty, and what stands in the first
    rows. Each field is taken once; what no field is becomes an attribute; what has no title is left out. Raises:
    BadListError (permanent)."""
    taken: set[str] = set()
    columns = []
    for name, title, field in zip(named(titles), titles, _fields(titles, rows), strict=True):
        target = field or (f"{ATTRIBUTE}{name.lower()[:LONGEST]}" if title.strip() else None)
        full = field is None and _attributes(taken) == MAX_ATTRIBUTES
        if target is None or target in taken or full:
            columns.append(Column(name, None))
            continue
        taken.add(target)
        columns.append(Column(name, target))
    return columns


def _fields(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str | None]:
    said = [_NAMES.get(_key(title)) for title in titles]
    if not {"email", "user_id"} & set(said):
        at, field = _of_addresses(len(titles), rows), "email"
        if at is None:
            at, field = next((n for n, title in enumerate(titles) if _key(title) in _IDS), None), "user_id"
        if at is not None:
            said[at] = field
    return said


def mapped(columns: Sequence[Column], asked: Mapping[str, str | None]) -> list[Column]:
    """The columns with what was `asked` of some by name. Raises: BadListError (permanent)."""
    known = {column.name.casefold() for column in columns}
    wanted = {one_line(name).casefold(): target for name, target in asked.items()}
    missing = [name for name in asked if one_line(name).casefold() not in known]
    if missing:
        raise BadListError(Phrase("the file has no column {name}", name=missing[0]))
    asked_for = {target for target in wanted.values() if target is not None}
    found = []
    for column in columns:
        key = column.name.casefold()
        # What somebody has asked for is not guessed too.
        target = wanted.get(key, None if column.target in asked_for else column.target)
        found.append(Column(column.name, target))
    return found


def checked(columns: Sequence[Column]) -> Sequence[Column]:
    """The same. Raises: BadListError (permanent): nobody can be written to by them."""
    names: dict[str, str] = {}
    for name, target in columns:
        if target in names:
            raise BadListError(Phrase("{one} and {other} would become the same", one=names[target], other=name))
        names |= {target: name} if target else {}
    if not {"email", "user_id"} & set(names):
        raise bad_line(1, Phrase("no column holds addresses or user ids"))
    if _attributes(set(names)) > MAX_ATTRIBUTES:
        raise BadListError(Phrase("at most {most} columns can be variables: leave some out", most=MAX_ATTRIBUTES))
    return columns


def _attributes(targets: set[str]) -> int:
    return sum(target.startswith(ATTRIBUTE) for target in targets)


def _key(name: str) -> str:
    return _NOT_SAID.sub("", name.casefold().replace("ё", "е"))


def _of_addresses(count: int, rows: Sequence[Sequence[str]]) -> int | None:
    """The column in which at least half of what stands there are addresses."""
    shares = {}
    for n in range(count):
        cells = [row[n] for row in rows if len(row) > n and row[n].strip()]
        shares[n] = sum(map(is_address, cells)) / len(cells) if cells else 0
    best = max(shares, key=shares.__getitem__, default=None)
    return best if best is not None and shares[best] >= 0.5 else None
