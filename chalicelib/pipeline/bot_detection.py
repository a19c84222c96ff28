"""Whether a person or a program opened a letter, clicked in it or followed a short link (ADR 0047).

A program that fetches links and images says so, or says nothing at all. Whatever claims to be a browser counts as one,
except before the letter was delivered: that can only be a scanner on the way (`marks.py`).
"""

import re

# A browser inside an application names it too (Telegram-Android), so a name alone proves nothing; Cubot is a
# telephone.
_PROGRAM = re.compile(
    # how programs introduce themselves: with a page about them, or as compatible with what they are not
    r"https?://|compatible;(?! ?(?:msie|konqueror))|"
    # what they do
    r"(?<!cu)bot|crawl|spider|slurp|scan|preview|proxy|prefetch|monitor|fetch|headless|phantom|puppeteer|playwright|"
    r"lighthouse|existence discovery|"
    # libraries
    r"curl|wget|python|java/|go-http|okhttp|libwww(?!-fm)|httpclient|axios|"
    # Gmail's, before it shows a letter, and its sampling of links: a browser of 2015 that nobody has
    r"edge/12\.246|"
    # previews, gateways and virus scanners
    r"facebookexternalhit|embedly|ggpht|whatsapp|google-safety|barracuda|mimecast|proofpoint|urldefense|safelinks|forcepoint|"
    r"symantec|messagelabs|trendmicro|zscaler|ironport|fireeye|trellix|sophos|avanan|cloudmark|virustotal",
    re.IGNORECASE,
)
# Apple's Mail Privacy Protection loads every image at delivery, and says this and nothing else.
_APPLE = "Mozilla/5.0"
# Mail programs that do not call themselves Mozilla and load images when a person opens the letter. Their visits of
# links are previews: a person's click opens a browser.
_MAIL_PROGRAM = re.compile(r"microsoft outlook|outlook-(?:ios|android)|thunderbird|airmail|the bat", re.IGNORECASE)
# Nearly every browser calls itself Mozilla; these do not.
_BROWSER = re.compile(r"mozilla|^opera/|^(?:lynx|e?links|w3m|netsurf)[/ ]", re.IGNORECASE)
# What browsers and mail programs say where nobody has clicked: `Sec-Purpose`, `Purpose`, `X-Purpose`, `X-Moz`.
_AHEAD = re.compile(r"prefetch|prerender|preview", re.IGNORECASE)


def is_bot(user_agent: str | None, *, image: bool = False, purpose: str = "") -> bool:
    """Whether a visit is more likely a program's than a person's. `image`: it loaded a letter's image and followed no
    link; `purpose`: what its headers give as its purpose."""
    agent = (user_agent or "").strip()
    if not agent or agent == _APPLE or _AHEAD.search(purpose) or _PROGRAM.search(agent):
        return True
    if image and _MAIL_PROGRAM.search(agent):
        return False
    return not _BROWSER.search(agent) or "ms-office" in agent.lower()
