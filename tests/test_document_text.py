"""The text of documents and what is hidden in them, and what hostile files do. All people and places are invented."""

import zlib
from datetime import date

import pytest
from papers import OFFICE, RELATIONS, docx, paragraph, pdf, raw_pdf, rewritten, word_part, xlsx
from pypdf import PdfWriter
from pypdf.annotations import FreeText, Link
from pypdf.annotations import Text as Note
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

from documents.kinds import DocumentRefused
from documents.text import read
from models.anonymity import DocumentText

DRAWN = "#rect(width: 2cm, height: 2cm, fill: red)"


def hidden(document: DocumentText) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for part in document.hidden:
        found.setdefault(part.place, []).append(part.text)
    return found


# ---------------------------------------------------------------------------------------------------------------- DOCX


def test_a_name_split_over_runs_is_one_word() -> None:
    assert read(docx(paragraph("Ott", "il", "ie Example")), "docx").pages == ("Ottilie Example\n",)


def test_tabs_breaks_and_hyphens() -> None:
    body = "<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t><w:softHyphen/><w:t>d</w:t></w:r></w:p>"
    assert read(docx(body), "docx").pages == ("a b\ncd\n",)


def test_pages_as_the_file_says() -> None:
    rendered = "<w:p><w:r><w:t>one </w:t><w:lastRenderedPageBreak/><w:t>two</w:t></w:r></w:p>"
    made = '<w:p><w:r><w:br w:type="page"/></w:r></w:p>'
    again = "<w:p><w:r><w:lastRenderedPageBreak/><w:t>three</w:t></w:r></w:p>"
    document = read(docx(rendered + made + again), "docx")
    assert document.pages == ("one ", "two\n", "three\n")
    assert document.paged


def test_a_file_without_page_breaks_is_one_text() -> None:
    assert not read(docx(paragraph("one")), "docx").paged


def test_hidden_and_deleted_text() -> None:
    body = (
        '<w:p><w:r><w:t>The child </w:t></w:r><w:ins w:author="A. Writer"><w:r><w:t>A</w:t></w:r></w:ins>'
        '<w:del w:author="B. Editor"><w:r><w:delText>Ottilie</w:delText></w:r></w:del></w:p>'
        "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>Nowhere Lane</w:t></w:r>"
        '<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>shown</w:t></w:r></w:p>'
        "<w:p><w:moveFrom><w:r><w:t>moved</w:t></w:r></w:moveFrom></w:p>"
        "<w:p><w:r><w:instrText>HYPERLINK ottilie</w:instrText></w:r></w:p>"
    )
    document = read(docx(body), "docx")
    found = hidden(document)
    assert document.pages == ("The child A\nshown\n",)
    assert found["deleted text and what stands around it (page 1)"] == ["The child AOttilie", "moved"]
    assert found["hidden text (page 1)"] == ["Nowhere Lane"]
    assert found["field code (page 1)"] == ["HYPERLINK ottilie"]
    assert found["metadata: author of changes or comments"] == ["A. Writer", "B. Editor"]


def test_text_boxes_pictures_and_fallbacks() -> None:
    box = f"<w:txbxContent>{paragraph('in a ', 'box')}</w:txbxContent>"
    other = f"<w:txbxContent>{paragraph('for old programs')}</w:txbxContent>"
    body = (
        '<w:p><w:r><w:t>before</w:t></w:r><w:r><wp:docPr id="1" name="Picture 1" descr="Ottilie at school"/>'
        f"<mc:AlternateContent><mc:Choice>{box}</mc:Choice><mc:Fallback>{box}{other}</mc:Fallback>"
        "</mc:AlternateContent></w:r><w:r><w:t>after</w:t></w:r></w:p>"
    )
    document = read(docx(body), "docx")
    assert document.pages == ("in a box\nbeforeafter\n",)
    assert hidden(document)["drawing for old programs (page 1)"] == ["for old programs"]
    assert "Ottilie at school" in hidden(document)["alternative text or name of a picture"]


def test_what_stands_beside_the_pages() -> None:
    link = (
        f'<Relationship Id="r9" Type="{OFFICE}/hyperlink" Target="https://nowhere.example/ot" TargetMode="External"/>'
    )
    more: dict[str, str | bytes] = {
        "word/header1.xml": word_part(paragraph("Head", "ed"), "hdr"),
        "word/footer1.xml": word_part(paragraph("Footed"), "ftr"),
        "word/footnotes.xml": word_part(
            f"<w:footnote>{paragraph('first')}</w:footnote><w:footnote>{paragraph('second')}</w:footnote>", "footnotes"
        ),
        "word/comments.xml": word_part(
            f'<w:comment w:author="C. Reader" w:initials="CR">{paragraph("who is ", "this")}</w:comment>', "comments"
        ),
        "word/people.xml": word_part('<w:person w:author="D. Other"/>', "people"),
        "word/_rels/document.xml.rels": f'<Relationships xmlns="{RELATIONS}">{link}</Relationships>',
        "word/settings.xml": word_part('<w:docVar w:name="child" w:val="Ottilie"/>', "settings"),
        "customXml/item1.xml": "<a><b>custom words</b></a>",
        "docProps/core.xml": "<p><creator>E. Author</creator><lastModifiedBy>F. Editor</lastModifiedBy></p>",
        "docProps/app.xml": "<p><Company>Nowhere Trust</Company></p>",
        "docProps/custom.xml": '<p><property name="Case"><lpwstr>Ottilie</lpwstr></property></p>',
        "word/media/image1.png": b"\x89PNG",
        "word/embeddings/sheet.xlsx": b"PK",
        "word/afchunk.htm": b"<p>x",
    }
    document = read(docx(paragraph("x"), more), "docx")
    found = hidden(document)
    expected = {
        "header": ["Headed\n"],
        "footer": ["Footed\n"],
        "footnote 1": ["first\n"],
        "footnote 2": ["second\n"],
        "comment 1": ["who is this\n"],
        "link": ["https://nowhere.example/ot"],
        "custom data": ["custom words"],
        "metadata: author": ["E. Author"],
        "metadata: last modified by": ["F. Editor"],
        "metadata: company": ["Nowhere Trust"],
        "metadata: lpwstr": ["Ottilie"],
        "metadata: property": ["Case"],
        "metadata: author of changes or comments": ["C. Reader", "CR", "D. Other"],
        "data inside the file: doc var": ["child", "Ottilie"],
    }
    assert {place: found.get(place) for place in expected} == expected
    assert [sentence.partition(",")[0] for sentence in document.unread] == [
        "The file holds pictures (1)",
        "The file holds other files inside it (1)",
        "The file holds parts that are not text (1)",
    ]


def test_a_workbook_gives_its_sheets_with_dates() -> None:
    found = hidden(read(xlsx([["Ottilie", date(2024, 3, 9)]], author="G. Clerk"), "xlsx"))
    assert found["sheet 1"] == ["Ottilie\t2024-03-09"]
    assert found["name of sheet 1"] == ["Events"]
    assert found["metadata: author"] == ["G. Clerk"]


BILLION = '<!DOCTYPE z [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><z>&b;</z>'
EXTERNAL = '<!DOCTYPE z [<!ENTITY x SYSTEM "file:///etc/passwd">]><z>&x;</z>'


@pytest.mark.parametrize("name", ["word/document.xml", "word/header1.xml", "_rels/.rels", "docProps/core.xml"])
@pytest.mark.parametrize("source", [BILLION, EXTERNAL, "<!DOCTYPE z><z/>", "<z", "", "no xml"])
def test_hostile_xml_is_refused(name: str, source: str) -> None:
    with pytest.raises(DocumentRefused, match="damaged"):
        read(docx(more={name: source}), "docx")


def test_deep_xml_does_no_harm() -> None:
    body = "<w:x>" * 20_000 + paragraph("deep") + "</w:x>" * 20_000
    assert read(docx(body), "docx").pages == ("deep\n",)


# ---------------------------------------------------------------------------------------------------------------- PDF


def test_the_pages_of_a_pdf() -> None:
    document = read(pdf("Ottilie Example-Marsh, office", "Two", ""), "pdf")
    assert [page.strip() for page in document.pages] == ["Ottilie Example-Marsh, office", "Two", ""]
    assert document.unread == ()


def test_what_is_hidden_in_a_pdf() -> None:
    def change(writer: PdfWriter) -> None:
        writer.add_metadata(infos={"/Author": "A. Writer", "/Company": "Nowhere Trust"})
        writer.add_outline_item(title="About Ottilie", page_number=0)
        writer.add_annotation(page_number=1, annotation=Note(rect=(0, 0, 9, 9), text="Is this Ottilie?"))
        writer.add_annotation(page_number=1, annotation=FreeText(rect=(0, 0, 9, 9), text="In the margin"))
        writer.add_annotation(page_number=0, annotation=Link(rect=(0, 0, 9, 9), url="https://nowhere.example/ot"))
        field = {"/FT": NameObject("/Tx"), "/T": TextStringObject("name"), "/V": TextStringObject("filled in")}
        writer._add_object(DictionaryObject({NameObject(key): value for key, value in field.items()}))

    picture = f'#figure({DRAWN.removeprefix("#")}, alt: "A girl at Nowhere School")'
    found = hidden(read(rewritten(pdf("One " + picture, "Two"), change), "pdf"))
    assert found["metadata: author"] == ["A. Writer"]
    assert found["metadata: company"] == ["Nowhere Trust"]
    assert "About Ottilie" in found["bookmark or title"]
    assert found["note (page 2)"] == ["Is this Ottilie?", "In the margin"]
    assert found["link (page 1)"] == ["https://nowhere.example/ot"]
    assert found["form field"] == ["filled in"]
    assert found["alternative text"] == ["A girl at Nowhere School"]
    assert any("Typst" in text for text in found["metadata: creatortool"]), "XMP"


FONT = b"<</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>"
UNMAPPED = b"<</Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H /DescendantFonts []>>"
IMAGE = (
    b"<</Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 1>>\n"
    b"stream\n0\nendstream"
)


def page_of(drawing: bytes, font: bytes = FONT, more: bytes = b"") -> bytes:
    return raw_pdf(
        b"<</Type /Catalog /Pages 2 0 R>>",
        b"<</Type /Pages /Kids [3 0 R] /Count 1>>",
        b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] /Contents 4 0 R /Resources "
        b"<</Font <</F 5 0 R>> /XObject <</I 6 0 R>> >> >>",
        b"<</Length %d>>\nstream\n%s\nendstream" % (len(drawing), drawing),
        font,
        more or b"<<>>",
    )


@pytest.mark.parametrize(
    ("content", "unread"),
    [
        (page_of(b"/I Do", more=IMAGE), "Page 1 is a picture: read it by eye."),
        (page_of(b"0 0 9 9 re f"), "Page 1 has no text that a machine can read: read it by eye."),
        (
            page_of(b"BT /F 9 Tf (words) Tj ET /I Do", more=IMAGE),
            "Page 1 holds a picture, whose text is not searched: look at it.",
        ),
        (
            page_of(b"BT /F 9 Tf <00410042> Tj ET", UNMAPPED),
            "Page 1 has letters that a machine cannot read: read it by eye.",
        ),
        (
            page_of(b"BT /F 9 Tf (words) Tj ET") + b"%%EOF",
            "The file holds earlier versions of itself, which are not searched: print it anew as a PDF.",
        ),
    ],
)
def test_what_could_not_be_searched_is_said(content: bytes, unread: str) -> None:
    assert unread in read(content, "pdf").unread


def test_a_stamp_needs_an_eye() -> None:
    def change(writer: PdfWriter) -> None:
        stamp = FreeText(rect=(0, 0, 9, 9), text="")
        stamp[NameObject("/Subtype")] = NameObject("/Stamp")
        writer.add_annotation(page_number=1, annotation=stamp)

    document = read(rewritten(pdf("One", "Two"), change), "pdf")
    assert document.unread == ("Page 2 has a stamp or a drawing by hand: look at it.",)


def test_a_damaged_pdf_that_can_be_read_says_so_and_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    whole = page_of(b"BT /F 9 Tf (words) Tj ET")
    document = read(whole.replace(b"startxref\n", b"startxref\n9"), "pdf")
    assert document.pages == ("words",)
    assert document.unread == (
        "The file is damaged, and not all of it may have been searched: print it anew as a PDF.",
    )
    assert caplog.records == []


def test_a_page_that_can_be_read_only_in_part_says_so() -> None:
    form = b"<</Subtype /Form /Resources 9 /Length 3>>\nstream\n/I Do (\nendstream"
    document = read(page_of(b"BT /F 9 Tf (words) Tj ET /I Do", more=form), "pdf")
    assert document.unread == ("Page 1 could not be read without trouble: read it by eye.",)


def test_an_empty_page_needs_no_eye() -> None:
    assert read(page_of(b""), "pdf").unread == ()


def test_replacement_text_in_a_page() -> None:
    drawing = b"/Span <</ActualText (Ottilie)>> BDC BT /F 9 Tf (x) Tj ET EMC"
    assert hidden(read(page_of(drawing), "pdf"))["replacement text (page 1)"] == ["Ottilie"]


def test_what_acts_is_found_in_compressed_objects() -> None:
    inner = b"8 0 <</S /JavaScript /JS (x)>>"
    packed = zlib.compress(inner)
    script = b"<</Type /ObjStm /N 1 /First 4 /Filter /FlateDecode /Length %d>>\nstream\n%s\nendstream" % (
        len(packed), packed,
    )  # fmt: skip
    objects = [b"<</Type /Catalog /Pages 2 0 R /OpenAction 8 0 R>>", b"<</Type /Pages /Kids [] /Count 0>>", script]
    content, places = b"%PDF-1.7\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"\x01%s\x00" % place.to_bytes(2, "big") for place in (*places, len(content)))
    content, start = (
        content + b"4 0 obj\n<</Type /XRef /Size 9 /W [1 2 1] /Index [1 4 8 1] /Root 1 0 R /Length 20>>\nstream\n"
        b"%s\x02\x00\x03\x00\nendstream\nendobj\n" % table,
        len(content),
    )  # fmt: skip
    assert b"JavaScript" not in content
    with pytest.raises(DocumentRefused, match="plain PDF"):
        read(content + b"startxref\n%d\n%%%%EOF\n" % start, "pdf")


# -------------------------------------------------------------------------------------------------------- plain text


def test_plain_text_breaks_at_form_feeds() -> None:
    assert read(b"one\x0ctwo", "text") == DocumentText(pages=("one", "two"), paged=True)
    assert not read(b"one", "text").paged


def test_marks_that_programs_draw_by_lot_are_not_searched() -> None:
    places = {part.place for part in read(pdf("A page."), "pdf").hidden}
    assert "metadata: createdate" in places
    assert not places & {"metadata: instanceid", "metadata: documentid"}
