"""Parses one of our pages: its forms with their fields, as a browser would see them, and where they are in its text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import accumulate

Span = tuple[int, int]  # start and end in the page's text
CHECKS = ("checkbox", "radio")
_SAYING = ("label", "legend", "option", "summary", "textarea")


@dataclass
class Option:
    attributes: Mapping[str, str]
    span: Span
    text: str = ""

    @property
    def value(self) -> str:
        """What is sent for it."""
        return self.attributes.get("value", self.text.strip())


@dataclass
class Control:
    """One field. `kind` is an input's type, `textarea` or `select`; `unit` is the name of the fieldset around it, whose
    fields make sense only together: all of their names begin with it and a dot."""

    kind: str
    attributes: Mapping[str, str]
    span: Span
    folds: Sequence[Span]  # the `<details>` around it
    legend: str = ""
    label: str = ""
    text: str = ""  # of a textarea
    inside: Span = (0, 0)
    options: list[Option] = field(default_factory=list)
    unit: str = ""

    @property
    def name(self) -> str:
        """The name under which it is sent."""
        return self.attributes.get("name", "")

    def sent(self) -> list[str]:
        """What a browser would send for it now."""
        if self.kind in CHECKS:
            return [self.attributes.get("value", "on")] if "checked" in self.attributes else []
        if self.kind == "select":
            chosen = next((one for one in self.options if "selected" in one.attributes), None)
            chosen = chosen or next(iter(self.options), None)
            return [chosen.value] if chosen else []
        return (
            [] if self.kind == "file" else [self.text if self.kind == "textarea" else self.attributes.get("value", "")]
        )


@dataclass
class Form:
    """A form that is sent by POST; `targets` are the addresses that it and its buttons go to."""

    span: Span
    attributes: Mapping[str, str]
    targets: set[str]
    controls: list[Control] = field(default_factory=list)

    def values(self) -> dict[str, list[str]]:
        """What a browser would send for it now."""
        sent: dict[str, list[str]] = {}
        for control in self.controls:
            if control.name:
                sent.setdefault(control.name, []).extend(control.sent())
        return sent


def forms_in(page: str) -> list[Form]:
    """The forms of a page that are sent by POST."""
    reader = _Reader(page)
    reader.feed(page)
    reader.close()
    return reader.forms


class _Reader(HTMLParser):
    """Parses our own pages, which close what they open."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._lines = [0, *accumulate(len(line) + 1 for line in page.split("\n"))]
        self._form: Form | None = None
        self._folds: list[Span] = []
        self._legends: list[str] = []
        self._units: list[str] = []
        self._labels: dict[str, str] = {}  # by the id of the control that they are for
        self._texts: list[list[str]] = []  # what is said in each label, legend, option and textarea that is open
        self._label: tuple[str | None, list[Control]] = (None, [])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes, span = {name: value or "" for name, value in attrs}, self._span()
        match tag:
            case "form" if attributes.get("method") == "post":
                self._form = Form(span, attributes, {attributes["action"]})
                self.forms.append(self._form)
            case "details":
                self._folds.append(span)
                self._legends.append("")
            case "fieldset":
                self._legends.append("")
                self._units.append(attributes.get("name", ""))
            case "label":
                self._label = (attributes.get("for"), [])
            case "input" | "textarea" | "select":
                self._control(attributes.get("type", "text") if tag == "input" else tag, attributes, span)
            case "option" if self._open_list() is not None:
                self._last().options.append(Option(attributes, span))
            case "button" if self._form is not None and "formaction" in attributes:
                self._form.targets.add(attributes["formaction"])
        if tag in _SAYING:
            self._texts.append([])

    def handle_endtag(self, tag: str) -> None:
        said = "".join(self._texts.pop()) if tag in _SAYING and self._texts else ""
        match tag:
            case "form":
                self._form = None
            case "details" if self._folds:
                self._folds.pop()
                self._legends.pop()
            case "fieldset" if self._units:
                self._legends.pop()
                self._units.pop()
            case "legend" | "summary" if self._legends:
                self._legends[-1] = " ".join(said.split())
            case "label":
                self._name(" ".join(said.split()))
            case "option" if self._open_list() is not None:
                self._last().options[-1].text = said
            case "textarea" if self._form is not None:
                control = self._last()
                control.text, control.inside = said, (control.span[1], self._span()[0])

    def handle_data(self, data: str) -> None:
        if self._texts:
            self._texts[-1].append(data)

    def _control(self, kind: str, attributes: Mapping[str, str], span: Span) -> None:
        if self._form is None:
            return
        legend = next((one for one in reversed(self._legends) if one), "")
        unit = next((one for one in reversed(self._units) if one), "")
        control = Control(kind, attributes, span, tuple(self._folds), legend=legend, unit=unit)
        control.label = self._labels.get(attributes.get("id", ""), attributes.get("aria-label", ""))
        self._form.controls.append(control)
        self._label[1].append(control)

    def _name(self, said: str) -> None:
        meant, inside = self._label
        for control in inside:
            control.label = said
        if meant:
            self._labels[meant] = said
        self._label = (None, [])

    def _open_list(self) -> Control | None:
        last = self._form.controls[-1] if self._form is not None and self._form.controls else None
        return last if last is not None and last.kind == "select" else None

    def _last(self) -> Control:
        assert self._form is not None  # noqa: S101 - whoever calls has looked
        return self._form.controls[-1]

    def _span(self) -> Span:
        line, column = self.getpos()
        start = self._lines[line - 1] + column
        return start, start + len(self.get_starttag_text() or "")
