"""The letters as WeasyPrint would set them: the product's text and fonts, a print stylesheet for its layout.

Fonts and stylesheet are read once and kept, as ours are. It needs the packages of bench/requirements.txt, and Pango.
"""

from datetime import date
from pathlib import Path
from typing import Any

import weasyprint  # type: ignore[import-not-found,import-untyped,unused-ignore]
from weasyprint.text.fonts import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
    FontConfiguration,
)

from activities import markup
from activities.rendering import FrontMatter, Renderer

FACES = {"Regular": "", "Bold": "font-weight:bold;", "Italic": "font-style:italic;"}
STYLE = """
@page { size: A4; margin: 22mm 22mm 23mm 24.6mm;
  @top-center { content: element(marking) }
  @bottom-left { content: element(reference) }
  @bottom-center { content: element(footer) }
  @bottom-right { content: "Page " counter(page) " of " counter(pages); font: 8.5pt "Letter Sans"; color: #3d3d3d } }
body { font: 11pt/1.35 "Letter Sans"; margin: 0 }
.marking { position: running(marking); font-size: 9pt; font-weight: bold; letter-spacing: .04em }
.reference { position: running(reference); font-size: 8.5pt; color: #3d3d3d }
.footer { position: running(footer); font-size: 8.5pt; color: #3d3d3d; padding-top: 5mm }
.head { position: relative; height: 57mm }
.to { position: absolute; top: 17.5mm; left: 0; width: 95mm; font-size: 10.5pt }
.from { position: absolute; top: 0; right: 0; width: 70mm; font-size: 9pt }
h1 { font-size: 12pt } h2, h3 { font-size: 11pt; break-after: avoid }
.end { break-inside: avoid; break-before: avoid }
table { font-size: 10pt }
"""


class ByWeasyPrint(Renderer):
    """Makes letters as the product does but for the PDF; `variant` is the standard that it keeps to, if any."""

    def __init__(self, template_folders: list[Path], fonts: Path, variant: str | None) -> None:
        super().__init__(template_folders, fonts)
        self._options = {"pdf_variant": variant, "pdf_tags": variant is not None}
        self._loaded = FontConfiguration()
        faces = "".join(_face((fonts / f"LiberationSans-{face}.ttf").as_uri(), how) for face, how in FACES.items())
        self._style = weasyprint.CSS(string=faces + STYLE, font_config=self._loaded)
        self._blocks: tuple[markup.Block, ...] = ()

    def fill(self, *given: Any, **named: Any) -> tuple[FrontMatter, str, tuple[markup.Block, ...]]:
        """As ever; the blocks are kept for the PDF, which the product has from data."""
        front, title, self._blocks = super().fill(*given, **named)
        return front, title, self._blocks

    def _typeset(self, name: str, letter: dict[str, Any], on: date) -> bytes:
        html = weasyprint.HTML(string=_html(letter, self._blocks))
        pdf: bytes = html.write_pdf(stylesheets=[self._style], font_config=self._loaded, **self._options)
        return pdf


def _face(uri: str, how: str) -> str:
    return f'@font-face {{ font-family: "Letter Sans"; {how} src: url({uri}) }}'


def _html(letter: dict[str, Any], blocks: tuple[markup.Block, ...]) -> str:
    def lines(of: list[str]) -> str:
        return "<br>".join(markup.words(line) for line in of)

    title = markup.words(letter["title"])
    first, *others = letter["signature"]
    parts = [
        f'<html lang="en-GB"><head><meta charset="utf-8"><title>{title}</title>',
        f'<meta name="author" content="{markup.words(letter["board"])}"></head><body>',
        f'<p class="marking">{markup.words(letter["marking"])}</p>',
        f'<p class="reference">Our reference: {markup.words(letter["reference"])}</p>',
        f'<p class="footer">{markup.words(letter["footer"])}</p>',
        f'<div class="head"><p class="to">{lines(letter["recipient"])}</p>',
        f'<p class="from"><strong>{markup.words(letter["board"])}</strong><br>{lines(letter["sender"])}</p></div>',
        f"<p>{lines([letter['date'], 'Our reference: ' + letter['reference']])}</p>",
        f"<p>{markup.words(letter['greeting'])}</p><h1>{title}</h1>{markup.to_html(blocks)}",
        f'<div class="end"><p>{markup.words(letter["closing"])}</p>',
        f"<p><strong>{markup.words(first)}</strong>{''.join('<br>' + markup.words(line) for line in others)}</p></div>",
        "</body></html>",
    ]
    return "<!doctype html>" + "\n".join(parts)
