"""Addresses: what may be written to, when two addresses are the same, and the normal form of hosts and URLs. Whether a
browser may be sent to a URL is decided in `security/redirects.py`."""

import re
import unicodedata

from chalicelib.errors import Phrase, phrase_of
from chalicelib.manifest import CHANNELS
from chalicelib.text import one_line

# What nearly every address looks like; the validator would accept it too. A list of a million is read ten times faster.
# Names such as `local` and labels such as `xn--` are left to the validator.
_PLAIN = re.compile(
    r"[a-z0-9_]+(?:[.+-][a-z0-9_]+)*(?<!.{65})@(?:(?!..--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+"
    r"(?!arpa$|alt$|invalid$|local$|localhost$|onion$)[a-z]{2,24}"
)
_MAX_CHARS = 254
_ENCODED_WORD = 75
# Direction marks and other invisible characters, which phones and mail programs copy along. The joiners,
# which tell two domains apart, are not among them.
_UNSEEN = re.compile("[\xad\u034f\u061c\u180e\u200b\u200e\u200f\u2060\u2066-\u2069\ufe00-\ufe0f\ufeff]")
_INTERNATIONAL = re.compile(r"(?:tel:)?(?:\+|00)[\d\s()./\-\u2010-\u2015\u2212]+", re.IGNORECASE)
_ALPHABETS = {"LATIN", "CYRILLIC", "GREEK"}  # alphabets with letters that look alike

PLAIN_NAME = r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?"
PLAIN_HOST = rf"{PLAIN_NAME}(?::[0-9]{{1,5}})?"
_PARTS = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_DEFAULT_PORT = re.compile(r":(?:443|80)$")
_OF_NAMES = ("L", "M", "Nd")  # Unicode categories: excludes signs that only look like a full stop or a slash

_GMAIL = ("gmail.com", "googlemail.com")  # one service, which ignores dots

_OWNER_MARK = "#"  # no user id begins with it


def owner_of(hashed: str) -> str:
    """The owner of an address that belongs to no known user. It stands where a user id would, so that one index finds
    both."""
    return _OWNER_MARK + hashed


def owner_at(key: str) -> str:
    """The same by the key of the address, `<channel>#<keyed hash>`."""
    return owner_of(key.partition("#")[2])


def hash_of(owner: str | None) -> str | None:
    """The hash of an address by its owner; None for a user."""
    return owner[len(_OWNER_MARK) :] if owner and owner.startswith(_OWNER_MARK) else None


def user_of(owner: str | None) -> str | None:
    """The user's id; None for the owner of an address."""
    return None if owner is None or owner.startswith(_OWNER_MARK) else owner


def header_mailbox(name: str, address: str) -> str:
    """`Name <address>` as a header has it: a name beyond ASCII as encoded words (RFC 2047: at most 75 characters
    each)."""
    from email.header import Header  # here: only whoever sends mail needs them
    from email.utils import formataddr

    if name.isascii():
        return formataddr((name, address))
    words = Header(name, "utf-8", maxlinelen=_ENCODED_WORD).encode().split()
    return f"{' '.join(words)} <{address}>"


def normal_email(text: str) -> str:
    """The form that is stored and sent to: lower case and ASCII (SES has no SMTPUTF8), with an international domain as
    `xn--`. Raises: ValueError (permanent; says what is expected): not an address, a non-ASCII local part, or a domain
    that mixes alphabets to look like another."""
    written = one_line(_folded(text))
    plain = written.lower()
    return plain if len(plain) <= _MAX_CHARS and _PLAIN.fullmatch(plain) else _checked(written)


def _checked(written: str) -> str:
    # Imported here: workers start without the validator.
    from email_validator import EmailNotValidError, validate_email

    try:
        checked = validate_email(written, check_deliverability=False, test_environment=True, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise ValueError(
            Phrase("expected an email address such as anna@example.com: {why}", why=phrase_of(error))
        ) from error
    for label in checked.domain.split("."):
        if len(_ALPHABETS & {unicodedata.name(one, "").partition(" ")[0] for one in label}) > 1:
            raise ValueError(
                Phrase("expected an email address in letters of one alphabet, got two in {label}", label=label)
            )
    return (checked.ascii_email or checked.normalized).lower()


def normal_phone(text: str) -> str:
    """E.164, however the digits are grouped, with `00` read as the plus. Raises: ValueError (permanent): no country
    code, or a number outside its country's plan, which would still be charged."""
    # Imported here, as above.
    import phonenumbers

    expected = Phrase("expected a number that exists in its country's numbering plan, such as +79261234567")
    if not _INTERNATIONAL.fullmatch(one_line(_folded(text))):
        raise ValueError(expected)
    try:
        number = phonenumbers.parse(same_address_key("sms", text))
    except phonenumbers.NumberParseException as error:
        raise ValueError(expected) from error
    if not phonenumbers.is_valid_number(number):
        raise ValueError(expected)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def same_address_key(channel: str, address: str) -> str:
    """Equal for two addresses of a channel that reach the same person: letter case, Unicode form, spelling of an
    international domain, outer white space and grouping of digits do not matter. Takes any text, never raises, and is
    idempotent. A key is for comparing; `normal_email` is what is written to."""
    spec = CHANNELS.get(channel)
    field = spec.address_field if spec else ""
    if field == "phone":
        # No country's code begins with 0: `00` stands for the plus.
        digits = "".join(str(unicodedata.decimal(one)) for one in address if one.isdecimal()).lstrip("0")
        return f"+{digits}" if digits else one_line(address)
    if field != "email":
        return one_line(address)  # a token or an id, which letter case tells apart
    name, at, domain = one_line(_folded(address)).rpartition("@")
    return f"{_cased(name)}{at}{_ascii_domain(domain)}"


def mailbox_of(channel: str, address: str) -> str:
    """One address for all that reach the same mailbox: without what follows a `+` (RFC 5233), at Gmail without dots.
    Only for counting: where a provider gives such an address to somebody else, two people share a count."""
    key = same_address_key(channel, address)
    name, at, domain = key.rpartition("@")
    if channel != "email" or not at:
        return key
    name = name.partition("+")[0] or name
    return f"{name.replace('.', '')}@{_GMAIL[0]}" if domain in _GMAIL else f"{name}@{domain}"


def normal_host(text: str) -> str:
    """The form in which hosts are stored and compared: lower case, international names as `xn--`, no trailing dot, a
    port unless it is the scheme's default. Raises: ValueError (permanent; says what is expected)."""
    name, colon, port = one_line(_UNSEEN.sub("", text)).partition(":")
    host = _ascii_host(name.removesuffix(".") + colon + port)
    if host is None:
        raise ValueError(
            Phrase("expected a host such as cinema.example or localhost:8080, without https:// and a path")
        )
    return _DEFAULT_PORT.sub("", host)


def normal_url(text: str) -> str:
    """A URL with scheme and host in normal form; text that is no URL with a plain host is returned unchanged."""
    parts = _PARTS.fullmatch(text)
    host = _ascii_host(parts["authority"]) if parts else None
    return f"{parts['scheme'].lower()}://{host}{parts['rest']}" if parts and host else text


def _ascii_domain(domain: str) -> str:
    if domain.isascii():
        return domain.lower()
    import idna  # 15 ms, for the few addresses that need it: what is stored is ASCII

    try:
        return idna.encode(domain, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        return _cased(domain)


def _folded(text: str) -> str:
    """Full-width and other compatible letters as plain ones; invisible characters dropped."""
    return text if text.isascii() else unicodedata.normalize("NFKC", _UNSEEN.sub("", text))


def _cased(text: str) -> str:
    return text.lower() if text.isascii() else _folded(_folded(text).casefold())


def _ascii_host(text: str) -> str | None:
    """None for what is not a plain host."""
    name, colon, port = text.partition(":")
    name = name.lower()
    if not name.isascii():
        import idna  # 15 ms, for the few that need it

        if not all(one.isascii() or unicodedata.category(one).startswith(_OF_NAMES) for one in name):
            return None
        try:
            name = idna.encode(name, uts46=True).decode()
        except (idna.IDNAError, UnicodeError):
            return None
    host = name + colon + port
    return host if re.fullmatch(PLAIN_HOST, host) else None
