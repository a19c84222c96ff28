"""What SES does to the HTML of a letter whose configuration set reports openings or clicks: each link goes through a
redirect, a picture that nobody sees is put at the end.

Source: SES developer guide, "Amazon SES email sending metrics FAQs" (250 links, RFC 3986, `ses:no-track` and `ses:tags`
are taken out, HTML alone) and "Configuring custom domains to handle open and click tracking".
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from html import escape, unescape
from urllib.parse import quote, unquote

SHARED = "r.us-east-1.awstrack.me"  # AWS's own, where the set has no domain of its own
MAX_LINKS = 250
_ANCHOR = re.compile(r"<a\b[^>]*>", re.IGNORECASE)
_HREF = re.compile(r"""(\shref\s*=\s*)(["'])(https?://.*?)\2""", re.IGNORECASE | re.DOTALL)
_OWN_ATTRIBUTES = re.compile(r"""\sses:(?:no-track|tags)(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>]+))?""", re.IGNORECASE)
_UNTRACKED = re.compile(r"\sses:no-track\b", re.IGNORECASE)
_RFC_3986 = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_PLACEHOLDER = "{{ses:openTracker}}"
_LOCAL = ("127.0.0.1", "localhost")  # without TLS there


@dataclass(frozen=True)
class Tracking:
    """Of one configuration set. `domain` is its redirect domain, empty for AWS's own."""

    domain: str
    opens: bool
    clicks: bool

    def rewritten(self, html: str, message_id: str) -> str:
        """The HTML that a reader gets."""
        if not html:
            return html
        if self.clicks:
            html = self._with_links(html, message_id)
        return self._with_picture(html, message_id) if self.opens else html

    def _with_links(self, html: str, message_id: str) -> str:
        left = MAX_LINKS

        def anchor(found: re.Match[str]) -> str:
            nonlocal left
            tag = _OWN_ATTRIBUTES.sub("", found[0])
            link = _HREF.search(tag)
            if _UNTRACKED.search(found[0]) or not link or not left or not _RFC_3986.fullmatch(unescape(link[3])):
                return tag
            left -= 1
            through = escape(self._address("CL0" if self.domain else "L0", unescape(link[3]), message_id))
            return f"{tag[: link.start()]}{link[1]}{link[2]}{through}{link[2]}{tag[link.end() :]}"

        return _ANCHOR.sub(anchor, html)

    def _with_picture(self, html: str, message_id: str) -> str:
        address = escape(self._address("CI0" if self.domain else "I0", "", message_id))
        picture = f'<img alt="" src="{address}" style="display: none; width: 1px; height: 1px;">'
        if _PLACEHOLDER in html:
            return html.replace(_PLACEHOLDER, picture, 1)
        end = html.lower().rfind("</body>")
        return html + picture if end < 0 else html[:end] + picture + html[end:]

    def _address(self, kind: str, link: str, message_id: str) -> str:
        scheme = "http" if self.domain.partition(":")[0] in _LOCAL else "https"
        seal = sha256(f"{message_id} {link}".encode()).hexdigest()[:20]
        middle = f"{quote(link, safe='')}/1/" if link else ""
        return f"{scheme}://{self.domain or SHARED}/{kind}/{middle}{message_id}/{seal}"


def untracked(link: str) -> str:
    """The address that a tracked link leads to; any other is its own."""
    found = re.fullmatch(r"https?://[^/]+/C?L0/([^/]+)/1/[^/]+/[^/]+", link)
    return unquote(found[1]) if found else link
