"""Whose servers take the letters to an address, as far as its domain says: results are told apart by them."""

from collections.abc import Mapping

OTHER = "other"
# By the number under which they are stored: new ones are added at the end.
PROVIDERS = (
    *(OTHER, "gmail.com", "mail.ru", "yandex.ru", "rambler.ru", "outlook.com", "yahoo.com", "icloud.com", "aol.com"),
    *("proton.me", "gmx.net", "web.de"),
)
_DOMAINS: Mapping[str, str] = {
    **dict.fromkeys(("gmail.com", "googlemail.com"), "gmail.com"),
    **dict.fromkeys(("mail.ru", "inbox.ru", "list.ru", "bk.ru", "internet.ru", "xmail.ru"), "mail.ru"),
    **dict.fromkeys(("ya.ru", "yandex.ru", "yandex.com", "narod.ru", "yandex.ua", "yandex.by"), "yandex.ru"),
    **dict.fromkeys(("rambler.ru", "lenta.ru", "autorambler.ru", "myrambler.ru", "ro.ru"), "rambler.ru"),
    **dict.fromkeys(("msn.com", "passport.com"), "outlook.com"),
    **dict.fromkeys(("ymail.com", "rocketmail.com"), "yahoo.com"),
    **dict.fromkeys(("icloud.com", "me.com", "mac.com"), "icloud.com"),
    **dict.fromkeys(("aol.com", "aim.com"), "aol.com"),
    **dict.fromkeys(("proton.me", "protonmail.com", "pm.me"), "proton.me"),
    "web.de": "web.de",
}
_IN_MANY_COUNTRIES: Mapping[str, str] = {
    **dict.fromkeys(("outlook", "hotmail", "live"), "outlook.com"),
    "yahoo": "yahoo.com",
    "yandex": "yandex.ru",
    "gmx": "gmx.net",
}
_MOST_LABELS = 3  # yahoo.co.uk


def provider_number(address: str) -> int:
    """The place in PROVIDERS of whoever has an e-mail address."""
    domain = address.rpartition("@")[2].lower()
    labels = domain.split(".")
    named = _DOMAINS.get(domain) or (_IN_MANY_COUNTRIES.get(labels[0]) if 1 < len(labels) <= _MOST_LABELS else None)
    return PROVIDERS.index(named or OTHER)
