"""Reading a page as a browser does: its elements with their attributes and texts, and what it would load."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"meta", "input", "br", "rect", "line", "img", "link", "base"}


@dataclass
class Element:
    """One element: its name, its attributes, and all text in it."""

    name: str
    attributes: dict[str, str | None]
    text: str = ""
    inside: "list[Element]" = field(default_factory=list)

    def all(self, name: str) -> "list[Element]":
        """Every element of a name in it, in the order of the page."""
        return [one for child in self.inside for one in (*([child] if child.name == name else []), *child.all(name))]

    def of_class(self, name: str) -> "list[Element]":
        """Every element of a class in it."""
        return [one for one in self.everything() if name in (one.attributes.get("class") or "").split()]

    def everything(self) -> "list[Element]":
        """Every element in it."""
        return [one for child in self.inside for one in (child, *child.everything())]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("page", {})
        self.path = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self.path[-1].inside.append(element)
        if tag not in _VOID:
            self.path.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.path[-1].inside.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert tag in _VOID or self.path.pop().name == tag, f"</{tag}> closes what it did not open"

    def handle_data(self, data: str) -> None:
        for element in self.path:
            element.text += data


def read_page(page: str) -> Element:
    """The page as elements; every element must be closed by its own end."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert reader.path == [reader.root]
    return reader.root
