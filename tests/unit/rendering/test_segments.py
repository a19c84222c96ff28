import pytest

from chalicelib.rendering.sms_segments import Segments, count_segments

CASES = {
    "nothing": ("", Segments("GSM-7", 0, 1, 160)),
    "all of one segment": ("a" * 160, Segments("GSM-7", 160, 1, 0)),
    "one more makes two shorter ones": ("a" * 161, Segments("GSM-7", 161, 2, 145)),
    "a euro counts twice": ("€" * 80, Segments("GSM-7", 160, 1, 0)),
    "a euro is not cut in two": ("a" * 152 + "€" * 10, Segments("GSM-7", 172, 2, 133)),
    "Russian is UCS-2": ("я" * 70, Segments("UCS-2", 70, 1, 0)),
    "Russian over one segment": ("я" * 71, Segments("UCS-2", 71, 2, 63)),
    "one letter decides for all": ("a" * 69 + "я", Segments("UCS-2", 70, 1, 0)),
    "an emoji is two units": ("🎬" * 35, Segments("UCS-2", 70, 1, 0)),
    "an emoji is not cut in two": ("🎬" * 36, Segments("UCS-2", 72, 2, 61)),
    "spaces around are not sent": ("  hello \n", Segments("GSM-7", 5, 1, 155)),
}


@pytest.mark.parametrize("case", CASES)
def test_segments_are_counted_as_the_networks_do(case: str) -> None:
    text, expected = CASES[case]
    assert count_segments(text) == expected
