"""What the renderer itself writes into the head of a letter: its title, and the action that mail programs may offer."""

import json
from collections.abc import Mapping
from typing import Any

from markupsafe import escape

from chalicelib.rendering.finishing import value_at
from chalicelib.rendering.model import ActionKind, Template

_NO_TITLE = "<title></title>"
# JSON in which HTML's parser finds no end of the element, and JavaScript's no end of a line.
_ESCAPED = {ord(one): f"\\u{ord(one):04x}" for one in "<>&\u2028\u2029"}


def with_head(html: str, template: Template, names: Mapping[str, Any], *, subject: str) -> str:
    """Screen readers and browsers call the letter by its subject; only a title that is left empty is filled. The action
    is what the template declares, if its address is one."""
    html = html.replace(_NO_TITLE, f"<title>{escape(subject)}</title>", 1)
    action = _action(template, names)
    if action is None or "</head>" not in html:
        return html
    written = json.dumps(action, ensure_ascii=False).translate(_ESCAPED)
    return html.replace("</head>", f'<script type="application/ld+json">\n{written}\n</script>\n</head>', 1)


def _action(template: Template, names: Mapping[str, Any]) -> dict[str, Any] | None:
    """As schema.org and Gmail ("Email markup") have it."""
    action = template.action
    url = value_at(names, action.url) if action else None
    if action is None or not isinstance(url, str) or not url.startswith(("https://", "http://")):
        return None
    offered: dict[str, Any] = {"@type": "ViewAction", "target": url, "url": url}
    if action.kind is ActionKind.CONFIRM:
        get = "http://schema.org/HttpRequestMethod/GET"
        offered = {"@type": "ConfirmAction", "handler": {"@type": "HttpActionHandler", "url": url, "method": get}}
    name = action.text(names["locale"], template.default_locale)
    return {"@context": "http://schema.org", "@type": "EmailMessage", "potentialAction": {**offered, "name": name}}
