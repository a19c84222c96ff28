"""What a spam filter thinks about a letter. There is one only where a stage names it: on the local cloud and in CI, not
on AWS. It speaks rspamd's HTTP protocol (`POST /checkv2`)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from chalicelib.errors import UnavailableError
from chalicelib.rendering.lint.model import LintedLetter

_TIMEOUT_SECONDS = (1.0, 10.0)  # to connect, between two bytes
_SHOWN_RULES = 20


class SpamRule(NamedTuple):
    """A rule that the letter has met, and what it adds to the score."""

    name: str
    score: float
    description: str


class SpamScore(NamedTuple):
    """From `threshold` on, letters are taken for spam."""

    score: float
    threshold: float
    rules: Sequence[SpamRule]


class SpamFilter:
    """`url` is the filter's, without a path, as whoever deploys the stage has named it; `sender` is the header From."""

    def __init__(self, url: str, *, sender: str) -> None:
        self._url = url
        self._sender = sender

    def score(self, letter: LintedLetter) -> SpamScore | None:
        """None if the filter does not answer: it only advises."""
        import requests

        try:
            answer = requests.post(
                f"{self._url}/checkv2", data=self._message(letter), timeout=_TIMEOUT_SECONDS, allow_redirects=False
            )
            answer.raise_for_status()
            return _read(answer.json())
        except (requests.RequestException, UnavailableError):
            return None

    def _message(self, letter: LintedLetter) -> bytes:
        from email.message import EmailMessage
        from email.utils import formatdate, make_msgid

        message = EmailMessage()
        domain = self._sender.rpartition("@")[2].strip("> ")
        message["From"], message["To"], message["Subject"] = self._sender, f"reader@{domain}", letter.subject
        message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain=domain)
        if letter.unsubscribe:
            message["List-Unsubscribe"] = f"<{letter.unsubscribe}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message.set_content(letter.text)
        message.add_alternative(letter.html, subtype="html")
        return message.as_bytes()


def _read(answer: Any) -> SpamScore:
    try:
        symbols = answer["symbols"].items()
        rules = [SpamRule(name, float(one["score"]), str(one.get("description") or "")) for name, one in symbols]
        score, threshold = float(answer["score"]), float(answer["required_score"])
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise UnavailableError("the spam filter gave no score") from error
    hit = sorted((one for one in rules if one.score), key=lambda one: -abs(one.score))
    return SpamScore(score, threshold, hit[:_SHOWN_RULES])
