"""The one letter that everybody sends: personal, 15 KB of HTML, eleven variables; and its readers."""

from typing import Any

KEY = "bench-letter"
SIZE_BYTES = 15_000
# Six of the letter, five of its reader.
CONTEXT: dict[str, Any] = {
    "headline": "Five premieres for the weekend",
    "lead": "What everybody will talk about on Monday.",
    "film": "The Quiet Harbour",
    "film_url": "https://cinema.example/films/quiet-harbour",
    "discount": 30,
    "valid_until": "2026-12-31",
}
SUBJECT = "{{ headline }}, {{ user.name }}"
TEXT = "{{ headline }}\n\n{{ lead }}\n{{ film_url }}\n{{ links.unsubscribe }}\n"
_TOP, _END = '<!doctype html><html lang="en"><body>', "</body></html>"
_HEAD = """<h1>{{ headline }}</h1>
<p>Dear {{ user.name }}, {{ lead }} You are with us since {{ user.attributes.since }}, on the plan
{{ user.attributes.plan }}, and have watched {{ user.attributes.watched }} films,
most of them {{ user.attributes.genre }}.</p>
<p><a href="{{ film_url }}">{{ film }}</a> is {{ discount }} % off until {{ valid_until }}.</p>
<p><a href="{{ links.unsubscribe }}">Unsubscribe</a></p>
"""
_PARAGRAPH = """<p style="margin:0 0 16px;color:#2b2730">A story of a lighthouse, two sisters and a letter that came
forty years late; shot on film, with the score played live. Reserve a seat beside the projector.</p>
"""


def page() -> str:
    """The letter's source in Jinja2: a whole document, so that no layout is added to it."""
    paragraphs = (SIZE_BYTES - len(_TOP) - len(_HEAD) - len(_END)) // len(_PARAGRAPH)
    return _TOP + _HEAD + _PARAGRAPH * paragraphs + _END


def template() -> dict[str, Any]:
    """The body of `PUT /v1/templates/{key}`."""
    sources = {"email.subject": SUBJECT, "email.html": page(), "email.text": TEXT}
    sample = {"context": CONTEXT, "user": reader(0)}
    return {"category": "marketing", "channels": ["email"], "default_locale": "en", "locales": {"en": sources},
            "sample": sample}  # fmt: skip


def reader(n: int) -> dict[str, Any]:
    """One user, as `POST /v1/users/batch` takes them."""
    return {
        "id": f"reader-{n}",
        "email": address(n),
        "name": f"Reader {n}",
        "locale": "en",
        "attributes": {"bench": True, "since": 2010 + n % 15, "plan": "gold", "watched": n % 400, "genre": "comedies"},
    }


def address(n: int) -> str:
    """Where reader `n` gets mail."""
    return f"reader-{n}@bench.example"
