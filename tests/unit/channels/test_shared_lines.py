"""What letters share travels once, and every letter comes out as it was."""

from hypothesis import given
from hypothesis import strategies as st
from ses_mailbox.template_text import TemplateText

from chalicelib.channels.shared_lines import share

# Lines that meet by chance, with all that a template could take for its own.
_LINES = st.sampled_from(
    ["", "<p>", "Anna", "{{html0}}", "{{#if x}}", "{", "{{", "}}", "\\", "€ {{{a}}}", "\r", "\u2028"]
)
_TEXTS = st.lists(st.lists(_LINES, max_size=6).map("\n".join), min_size=1, max_size=4)


@given(_TEXTS)
def test_every_text_comes_out_as_it_was(texts: list[str]) -> None:
    template, values = share(texts, name="html")
    filled = TemplateText(template)
    assert [filled.fill(own) for own in values] == texts


def test_what_is_shared_is_in_the_template_and_each_brings_the_rest() -> None:
    letters = [f"<h1>Hello</h1>\n<p>{name}</p>\n<p>{name}!</p>\n<hr>\n<a>{name}</a>" for name in ("Anna", "Boris")]
    template, values = share(letters, name="h")
    assert template == "<h1>Hello</h1>\n{{h0}}\n<hr>\n{{h1}}"
    assert values[1] == {"h0": "<p>Boris</p>\n<p>Boris!</p>", "h1": "<a>Boris</a>"}


def test_texts_of_different_shape_share_nothing() -> None:
    assert share(["a\nb", "a"], name="text") == ("{{text0}}", [{"text0": "a\nb"}, {"text0": "a"}])


def test_a_line_that_looks_like_a_place_is_each_letters_own() -> None:
    assert share(["say {{text0}}", "say {{text0}}"], name="text") == (
        "{{text0}}",
        [{"text0": "say {{text0}}"}, {"text0": "say {{text0}}"}],
    )
