"""What callers write comes in many forms; what is stored, compared and sent has one."""

from typing import Any

import pytest

from tests.integration.api.gateway import PROMO, Gateway
from tests.integration.conftest import Letters, Pump

ANNA = {"email": "anna@example.com"}
ENDS = ["\n", "\r\n", "\v", "\x1c", "\x85", "\u2028", "\u2029"]


def sent(api: Gateway, pump: Pump, letters: Letters, recipient: dict[str, Any], **changes: Any) -> dict[str, Any]:
    reply = api.post("/v1/notifications", {**PROMO, "recipients": [recipient], **changes})
    assert reply.status == 202, reply.text
    pump.run()
    return letters()[-1]


@pytest.mark.parametrize("end", ENDS)
def test_a_line_end_in_a_name_or_a_subject_is_a_space(api: Gateway, pump: Pump, letters: Letters, end: str) -> None:
    """Promise E1: white space is folded, and the letter goes."""
    context = {**PROMO["context"], "headline": f"Two{end}{end}months"}

    letter = sent(api, pump, letters, {**ANNA, "locale": "en", "name": f"Anna{end}Bcc: x@example.com"}, context=context)

    assert letter["subject"] == "Two months"
    assert "Hello, Anna Bcc: x@example.com!" in str(letter["body"])


def test_paragraphs_are_paragraphs_whatever_the_line_ends(api: Gateway, pump: Pump, letters: Letters) -> None:
    """Promise E2: a text of a call has the line ends, the Unicode form and the edges that a letter is made for."""
    context = {**PROMO["context"], "text": "\r\n First.\r\n\r\nи\u0306 second. \r\n"}

    letter = sent(api, pump, letters, ANNA, context=context)

    body = str(letter["body"])
    assert ">First.</p>" in body
    assert ">\u0439 second.</p>" in body
