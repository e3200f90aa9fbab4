"""Tables to take away: as a spreadsheet, in which nothing is a formula, and as comma-separated values."""

import csv
import io
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import xlsxwriter
from starlette.responses import Response

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With what a cell begins that a spreadsheet program would calculate or obey."""


class Table(NamedTuple):
    """A table with a title and headings; cells are text, numbers, days or nothing."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def xlsx(self) -> bytes:
        """The table as a workbook of one sheet."""
        made = io.BytesIO()
        options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        with xlsxwriter.Workbook(made, options) as book:
            book.set_properties({"title": self.title})
            sheet, bold = book.add_worksheet(self.title[:31]), book.add_format({"bold": True, "text_wrap": True})
            day = book.add_format({"num_format": "yyyy-mm-dd", "align": "left"})
            sheet.write_row(0, 0, self.headings, bold)
            for number, row in enumerate(self.rows, 1):
                for column, value in enumerate(row):
                    sheet.write(number, column, value, *([day] if isinstance(value, date) else []))
            sheet.freeze_panes(1, 0)
            sheet.autofilter(0, 0, len(self.rows), len(self.headings) - 1)
            sheet.autofit()
        return made.getvalue()

    def csv(self) -> bytes:
        """The table as comma-separated values in UTF-8; what a spreadsheet program could obey is marked as text."""
        made = io.StringIO(newline="")
        writer = csv.writer(made)
        writer.writerows([[_harmless(value) for value in row] for row in [self.headings, *self.rows]])
        return made.getvalue().encode("utf-8-sig")  # with the mark by which spreadsheet programs know UTF-8

    def response(self, form: str, name: str) -> Response:
        """The table as a file to save; `form` is "xlsx" or "csv"."""
        content = self.xlsx() if form == "xlsx" else self.csv()
        saved = {"Content-Disposition": f'attachment; filename="{name}.{form}"'}
        return Response(content, media_type=XLSX if form == "xlsx" else "text/csv; charset=utf-8", headers=saved)


def _harmless(value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) and not isinstance(value, int | float) else text
