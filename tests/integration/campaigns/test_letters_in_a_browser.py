"""The letters of a campaign in a browser: each reader's own, out of the run that it was sent by."""

import re

from tests.integration.api.gateway import Gateway
from tests.integration.campaigns.conftest import Desk, PostOffice, Viewers

_PAGE = re.compile(r"https://notify\.cinema\.example(/view/[^\s\"<>]+)")


def test_a_campaigns_letter_is_seen_as_it_was_sent(desk: Desk, viewers: Viewers, office: PostOffice) -> None:
    viewers(2)
    desk.start()
    desk.finish()
    assert len(office.letters) == 2

    for letter in office.letters:
        html = letter.parts["html"]
        found = _PAGE.search(html)
        assert found is not None
        page = Gateway(None).call("GET", found[1])
        assert page.status == 200
        assert re.findall(r"<h1.*?</h1>", page.text, re.DOTALL) == re.findall(r"<h1.*?</h1>", html, re.DOTALL)
        assert "/unsubscribe/" not in page.text
