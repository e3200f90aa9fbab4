"""The running text of a WordprocessingML part by page: runs joined within a paragraph, hidden text kept apart."""

from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from models.anonymity import Part

_OFF = ("0", "false", "off", "none")
_BLANK = {"tab": " ", "ptab": " ", "cr": "\n", "br": "\n", "noBreakHyphen": "-"}


@dataclass
class _Paragraph:
    """A paragraph in the making: as it reads now, as it was before tracked changes, and its hidden text."""

    now: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    changed: bool = False


@dataclass
class Story:
    """What has been read: the lines of each page, and hidden texts with their places."""

    lines: list[list[str]] = field(default_factory=lambda: [[]])
    hidden: list[Part] = field(default_factory=list)

    @property
    def pages(self) -> list[str]:
        """The text of each page."""
        return ["".join(lines) for lines in self.lines]


def local(element: Element) -> str:
    """An element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def read_story(root: Element) -> Story:
    """Read a part from its beginning to its end. Text boxes are paragraphs of the page on which they are anchored."""
    reader = _Reader()
    stack: list[tuple[Element, bool]] = [(root, False)]
    while stack:  # no recursion: a hostile file may nest deeper than Python can
        element, done = stack.pop()
        if done:
            reader.end(local(element))
            continue
        reader.start(element, local(element))
        stack.append((element, True))
        stack.extend((child, False) for child in reversed(element))
    reader.finish()
    return reader.story


class _Reader:
    def __init__(self) -> None:
        self.story = Story()
        self.open: list[_Paragraph] = [_Paragraph()]  # the outermost takes text that stands in no paragraph
        self.deleting = 0
        self.fallback = 0
        self.hidden_run = False
        self.broken = False  # the last break was the author's

    def start(self, element: Element, tag: str) -> None:
        match tag:
            case "p":
                self.open.append(_Paragraph())
            case "del" | "moveFrom":
                self.deleting += 1
            case "Fallback":
                self.fallback += 1
            case "r":
                self.hidden_run = _vanishes(element)
            case "t" | "delText":
                self._say(element.text or "", deleted=tag == "delText")
            case "instrText" | "delInstrText":
                self.open[-1].codes.append(element.text or "")
            case "lastRenderedPageBreak":
                if not (self.broken and self._is_blank()):  # Word marks a break that the author made once more
                    self._turn_page()
                self.broken = False
            case "br" if _value(element, "type") == "page":
                self._turn_page()
                self.broken = True
            case _ if tag in _BLANK:
                self._say(_BLANK[tag])

    def end(self, tag: str) -> None:
        match tag:
            case "p":
                self._close()
            case "del" | "moveFrom":
                self.deleting -= 1
            case "Fallback":
                self.fallback -= 1

    def finish(self) -> None:
        while self.open:
            self._close()

    def _say(self, text: str, *, deleted: bool = False) -> None:
        paragraph = self.open[-1]
        paragraph.before.append(text)
        if deleted or self.deleting:
            paragraph.changed = True
        elif self.hidden_run:
            paragraph.vanished.append(text)
        else:
            paragraph.now.append(text)

    def _close(self) -> None:
        paragraph = self.open.pop()
        text = "".join(paragraph.now)
        if self.fallback:  # the same drawing once more, for old programs
            if text + "\n" not in self.story.lines[-1]:
                self._hide("drawing for old programs", text)
        elif text:
            self.story.lines[-1].append(text + "\n")
        if paragraph.changed:
            self._hide("deleted text and what stands around it", "".join(paragraph.before))
        self._hide("hidden text", "".join(paragraph.vanished))
        self._hide("field code", "".join(paragraph.codes))

    def _hide(self, called: str, text: str) -> None:
        if text.strip():
            self.story.hidden.append(Part(place=f"{called} (page {len(self.story.lines)})", text=text))

    def _is_blank(self) -> bool:
        said = [*self.story.lines[-1], *(text for paragraph in self.open for text in paragraph.now)]
        return not "".join(said).strip()

    def _turn_page(self) -> None:
        """What the paragraph has said so far stands on the page that ends."""
        for paragraph in self.open:
            self.story.lines[-1] += paragraph.now
            paragraph.now = []
        self.story.lines.append([])


def _vanishes(run: Element) -> bool:
    for properties in run:
        if local(properties) == "rPr":
            return any(
                local(mark) in ("vanish", "webHidden", "specVanish") and _value(mark, "val") not in _OFF
                for mark in properties
            )
    return False


def _value(element: Element, name: str) -> str | None:
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), None)
