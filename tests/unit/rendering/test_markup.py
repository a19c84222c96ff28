"""What HTML and CSS would cost is known before they are parsed."""

import pytest

from chalicelib.errors import RenderError
from tests.unit.rendering.letters import render, template

LIST = ",".join("p" * 500)
MANY = "".join(f"a{n}:b;" for n in range(500))
ELEMENTS = "<p>x</p>" * 50

COSTLY = {
    "rules on tags": "<style>" + "p{color:red}" * 1_500 + "</style>" + "<p>x</p>" * 1_500,
    "declarations on tags": f"<style>p{{{MANY}}}</style>" + "<p>x</p>" * 700,
    "selectors with declarations": f"<style>{LIST}{{{MANY}}}</style>{ELEMENTS}",
    "the same in a medium": f"<style>@media print {{ {LIST}{{{MANY}}} }}</style>{ELEMENTS}",
    "the same behind a comment": f"<style>{LIST}/*}}*/{{{MANY}}}</style>{ELEMENTS}",
    "the same behind a text": f"<style>{LIST}[a='}}']{{{MANY}}}</style>{ELEMENTS}",
    "the same behind an address": f"<style>{LIST}{{a:url(}});{MANY}}}</style>{ELEMENTS}",
    "the same behind brackets": f"<style>{LIST}{{a:(}});{MANY}}}</style>{ELEMENTS}",
    "the same behind an escape": f"<style>{LIST}.a\\}}{{{MANY}}}</style>{ELEMENTS}",
    "the same behind a quote": f'<style>"\n{LIST}{{{MANY}}}</style>{ELEMENTS}',
    "the same behind a comment of HTML": f"<!--><style>{LIST}{{{MANY}}}</style>{ELEMENTS}-->",
    "the same behind an odd comment": f"<!-- --!><style>{LIST}{{{MANY}}}</style>{ELEMENTS}-->",
    "the same behind an odd end": f"<style></style x><style>{LIST}{{{MANY}}}</style>{ELEMENTS}",
    "the same behind an odd attribute": f'<p "><style>{LIST}{{{MANY}}}</style>{ELEMENTS}<p ">',
    "the same behind an odd value": f'<p a=b"><style>{LIST}{{{MANY}}}</style>{ELEMENTS}<p a=">',
    "the same behind an odd name": f'<p ="><style>{LIST}{{{MANY}}}</style>{ELEMENTS}<p a=">',
    "the same behind an instruction": f"<? <!-- ><style>{LIST}{{{MANY}}}</style>{ELEMENTS}-->",
    "the same in another language": f"<svg><style>{LIST}{{{MANY}}}</style></svg>{ELEMENTS}",
    "the same behind a text of no tags": f"<xmp><!--</xmp><style>{LIST}{{{MANY}}}</style>{ELEMENTS}-->",
    "open elements": "<div>" * 300,
    "open formatting": "<p>" + "".join(f"<b id='{n}'>" for n in range(150)) + "</p>" + "<p>x</p>" * 150,
    "open formatting behind a comment": "<p>" + "<b><!--</b>-->" * 150 + "</p>" + "<p>x</p>" * 4_000,
    "tags that are written out": "<plaintext>" + "<a " * 1_000,
}


@pytest.mark.parametrize("shape", COSTLY)
def test_what_would_cost_more_than_it_is_long_is_refused(shape: str) -> None:
    with pytest.raises(RenderError) as caught:
        render(template(html=COSTLY[shape]))

    assert caught.value.reason in ("too_large", "forbidden", "syntax")
    assert caught.value.part == "en/email.html"


@pytest.mark.parametrize(
    "html",
    [
        "<style>" + "".join(f".a{n}, .b{n} > p {{ color: #fff; font: 1px 'A, B' }}\n" for n in range(300)) + "</style>",
        "<style>@media (max-width: 600px) { p { color: red } } p:not(.a) { background: url(a.png) }</style><p>x",
        "<style>/* p { color: red } */ p::before { content: '\\2022 }' }</style>" + "<p>x</p>" * 200,
        "<table><tr><td>" * 60 + "x" + "</table>" * 60,
        "<p>It is <b>bold, <i>both</b>, italic</i><br>a < b<p>c" * 100,
        "<a href=https://cinema.example/a?b=c&d>x</a><img src='a.png' alt=''><br/><!--[if mso]><p><![endif]-->",
    ],
)
def test_what_letters_have_is_not(html: str) -> None:
    assert render(template(html=html)).parts["html"]
