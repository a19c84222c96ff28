"""What the renderer itself writes into the head of a letter: the title."""

from markupsafe import escape

_NO_TITLE = "<title></title>"


def with_title(html: str, subject: str) -> str:
    """Screen readers and browsers call the letter by its subject. Only a title that is left empty is filled."""
    return html.replace(_NO_TITLE, f"<title>{escape(subject)}</title>", 1)
