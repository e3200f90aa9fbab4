"""Markdown of letters → a small tree of blocks, and the tree → plain text, HTML for e-mail, data for the layout.

Only what a letter needs is understood: headings, paragraphs, lists, tables, emphasis. The rest stays literal.
"""

import html
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

LINE_BREAK = "\u2028"  # stands for a line break inside a value: no Markdown structure can arise from it
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_RULES = ["heading", "list", "table", "emphasis", "escape", "newline"]
_MARKDOWN = MarkdownIt("zero").enable(_RULES)


@dataclass(frozen=True)
class Piece:
    """Running text in one style."""

    text: str
    strong: bool = False
    emphasis: bool = False


Inline = tuple[Piece, ...]


@dataclass(frozen=True)
class Heading:
    """A heading inside the letter; the subject line is level 1, so these begin at 2."""

    level: int
    pieces: Inline
    kind: Literal["heading"] = "heading"


@dataclass(frozen=True)
class Paragraph:
    """A paragraph."""

    pieces: Inline
    kind: Literal["paragraph"] = "paragraph"


@dataclass(frozen=True)
class Listing:
    """A bulleted or numbered list."""

    ordered: bool
    items: tuple[tuple["Block", ...], ...]
    kind: Literal["list"] = "list"


@dataclass(frozen=True)
class Table:
    """A table with one row of column headings."""

    head: tuple[Inline, ...]
    rows: tuple[tuple[Inline, ...], ...]
    kind: Literal["table"] = "table"


Block = Heading | Paragraph | Listing | Table


def escape(value: str) -> str:
    """A value as Markdown that shows exactly its characters; runs of spaces become one, line breaks stay."""
    lines = (" ".join(_without_controls(line).split()) for line in value.splitlines())
    return LINE_BREAK.join(_PUNCTUATION.sub(r"\\\1", line) for line in lines if line)


def _without_controls(line: str) -> str:
    return "".join(" " if unicodedata.category(sign) == "Cc" else sign for sign in line)


def parse(markdown: str) -> tuple[Block, ...]:
    """The blocks of a letter's Markdown."""
    return tuple(_blocks(iter(_MARKDOWN.parse(markdown)), until=None))


def _blocks(tokens: Iterator[Token], until: str | None) -> Iterator[Block]:
    for token in tokens:
        if token.type == until:
            return
        if token.type == "heading_open":
            yield Heading(max(2, int(token.tag[1:])), _inline(next(tokens)))
        elif token.type == "paragraph_open":
            yield Paragraph(_inline(next(tokens)))
        elif token.type in ("bullet_list_open", "ordered_list_open"):
            yield _listing(tokens, ordered=token.type.startswith("ordered"))
        elif token.type == "table_open":
            yield _table(tokens)


def _listing(tokens: Iterator[Token], *, ordered: bool) -> Listing:
    items = []
    for token in tokens:
        if token.type in ("bullet_list_close", "ordered_list_close"):
            break
        items.append(tuple(_blocks(tokens, until="list_item_close")))
    return Listing(ordered, tuple(items))


def _table(tokens: Iterator[Token]) -> Table:
    rows: list[tuple[Inline, ...]] = []
    cells: list[Inline] = []
    for token in tokens:
        if token.type == "table_close":
            break
        if token.type == "inline":
            cells.append(_inline(token))
        elif token.type == "tr_close":
            rows.append(tuple(cells))
            cells = []
    return Table(rows[0], tuple(rows[1:]))


def _inline(token: Token) -> Inline:
    pieces: list[Piece] = []
    strong = emphasis = 0
    for child in token.children or []:
        if child.type in ("strong_open", "strong_close"):
            strong += child.nesting
        elif child.type in ("em_open", "em_close"):
            emphasis += child.nesting
        else:
            text = {"softbreak": " ", "hardbreak": LINE_BREAK}.get(child.type, child.content)
            pieces.append(Piece(text, strong > 0, emphasis > 0))
    return tuple(piece for piece in pieces if piece.text)


def to_data(blocks: Sequence[Block]) -> list[dict[str, Any]]:
    """The tree as JSON values, for the layout."""
    return [asdict(block) for block in blocks]


def to_text(blocks: Sequence[Block]) -> str:
    """The tree as plain text; a table's rows are written one below the other, each value after its heading."""
    return "\n\n".join(_text(block) for block in blocks)


def _plain(pieces: Inline) -> str:
    return "".join(piece.text for piece in pieces).replace(LINE_BREAK, "\n")


def _text(block: Block) -> str:
    match block:
        case Heading(pieces=pieces):
            return f"{_plain(pieces)}:"
        case Paragraph(pieces=pieces):
            return _plain(pieces)
        case Table(head=head, rows=rows):
            return ("\n" if len(head) == 2 else "\n\n").join(_text_row(head, row) for row in rows)
        case Listing(ordered=ordered, items=items):
            marks = (f"{number}." if ordered else "-" for number in range(1, len(items) + 1))
            return "\n".join(
                f"{mark} " + to_text(item).replace("\n", "\n" + " " * (len(mark) + 1))
                for mark, item in zip(marks, items, strict=True)
            )


def _text_row(head: tuple[Inline, ...], row: tuple[Inline, ...]) -> str:
    if len(row) == 2:
        return f"- {_plain(row[0])}: {_plain(row[1])}"
    named = ((_plain(name), _plain(cell)) for name, cell in zip(head[1:], row[1:], strict=True))
    return "\n".join([f"- {_plain(row[0])}", *(f"  {name}: {cell}" for name, cell in named if cell)])


_STYLES = {
    "p": "margin:0 0 1em",
    "ul": "margin:0 0 1em;padding-left:1.5em",
    "ol": "margin:0 0 1em;padding-left:1.5em",
    "h2": "font-size:1em;margin:1.5em 0 .5em",
    "h3": "font-size:1em;margin:1.5em 0 .5em",
    "table": "border-collapse:collapse;margin:0 0 1em",
    "th": "text-align:left;vertical-align:top;padding:.3em 1em .3em 0;border-bottom:2px solid #505a5f",
    "td": "text-align:left;vertical-align:top;padding:.3em 1em .3em 0;border-bottom:1px solid #b1b4b6",
}


def element(tag: str, inner: str, attributes: str = "") -> str:
    """An HTML element with its inline style, as e-mail programs need it; `inner` is HTML already."""
    style = f' style="{_STYLES[tag]}"' if tag in _STYLES else ""
    return f"<{tag}{attributes}{style}>{inner}</{tag}>"


def words(text: str) -> str:
    """Text as HTML."""
    return html.escape(text).replace(LINE_BREAK, "<br>").replace("\n", "<br>")


def to_html(blocks: Sequence[Block]) -> str:
    """The tree as HTML with inline styles."""
    return "\n".join(_html(block) for block in blocks)


def _html_inline(pieces: Inline) -> str:
    shown = []
    for piece in pieces:
        text = words(piece.text)
        text = element("em", text) if piece.emphasis else text
        shown.append(element("strong", text) if piece.strong else text)
    return "".join(shown)


def _html(block: Block) -> str:
    match block:
        case Heading(level=level, pieces=pieces):
            return element(f"h{level}", _html_inline(pieces))
        case Paragraph(pieces=pieces):
            return element("p", _html_inline(pieces))
        case Listing(ordered=ordered, items=items):
            return element("ol" if ordered else "ul", "".join(element("li", _html_item(item)) for item in items))
        case Table(head=head, rows=rows):
            names = "".join(element("th", _html_inline(name), ' scope="col"') for name in head)
            body = "".join(element("tr", "".join(element("td", _html_inline(cell)) for cell in row)) for row in rows)
            return element("table", element("thead", element("tr", names)) + element("tbody", body))


def _html_item(item: Sequence[Block]) -> str:
    match item:
        case (Paragraph(pieces=pieces),):
            return _html_inline(pieces)
        case _:
            return to_html(item)
