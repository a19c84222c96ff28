"""The headers of an e-mail that SES does not write: how to leave, which list it is of, that no person wrote it."""

from chalicelib.addresses import header_mailbox
from chalicelib.categories import CATEGORIES
from chalicelib.configuration.site_values import SiteValues
from chalicelib.pipeline.jobs import LetterSpec

_LISTS = "vestnik"  # the lists' own part of the sender's domain, so that no other list has their ids


def headers_of(letter: LetterSpec, *, unsubscribe: str | None, site: SiteValues) -> dict[str, str]:
    """`unsubscribe` is the address of the one-click page (RFC 8058), None for a letter without one. It has no `mailto`:
    nothing reads what comes to a sender."""
    headers = {}
    if unsubscribe is not None:
        headers["List-Unsubscribe"] = f"<{unsubscribe}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    if not CATEGORIES[letter.category].transactional:
        headers["List-Id"] = _list_id(letter.category, site)
    if letter.campaign_id is None:
        headers["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers, please
    return headers


def _list_id(category: str, site: SiteValues) -> str:
    """RFC 2919: the same for each letter of the category, whatever its sender is called."""
    name, domain = site.sender_of(category).name, site.sender.address.rpartition("@")[2]
    return header_mailbox(f"{name}: {category}", f"{category}.{_LISTS}.{domain}")
