"""Read a page as a browser does, and keep what the tests ask about."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "img", "br", "hr", "wbr", "input"}
SHAPES = {"path", "use", "circle", "image", "rect"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class Reader(HTMLParser):
    """Elements in order; ``faults`` holds tags that do not close where they should."""

    elements: list[Element] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    stack: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in VOID:
            self.stack.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in SHAPES:
            self.faults.append(f"<{tag}/>")
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self.stack or self.stack[-1].tag != tag:
            self.faults.append(f"</{tag}>")
            return
        self.stack.pop()

    def handle_data(self, data: str) -> None:
        for element in self.stack:
            element.text += data

    def named(self, tag: str) -> list[Element]:
        return [element for element in self.elements if element.tag == tag]


def read_html(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    reader.faults += [f"<{element.tag}> stays open" for element in reader.stack]
    return reader
