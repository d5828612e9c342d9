"""Small Excel workbooks, written as their XML, so that a test decides on every sign in them."""

from __future__ import annotations

import io
import zipfile
from xml.sax.saxutils import escape, quoteattr

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"

#: Formats of the styles that cells can have, by their numbers.
STYLES = [
    "General",
    "yyyy\\-mm\\-dd",
    "yyyy\\-mm\\-dd hh:mm:ss",
    "00000",
    "0%",
    "[h]:mm:ss",
    "hh:mm:ss",
    "General",
]
Cell = str | None


def text(value: str) -> str:
    """A cell of text."""
    return f't="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is>'


def number(value: str, style: int = 0) -> str:
    """A cell of a number as it is stored, shown in a style."""
    return f's="{style}"><v>{value}</v>'


def workbook(
    *rows: list[Cell], name: str = "Sheet1", others: dict[str, list[list[Cell]]] | None = None
) -> bytes:
    """A workbook of a sheet with these rows, and others; a cell is what follows ``<c r="A1" ``, or None."""
    sheets = {name: list(rows)} | (others or {})
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        for path, content in _parts(sheets).items():
            book.writestr(path, _HEAD + content)
    return out.getvalue()


def _parts(sheets: dict[str, list[list[Cell]]]) -> dict[str, str]:
    numbers = range(1, len(sheets) + 1)
    listed = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{at}" r:id="rId{at}"/>'
        for at, name in enumerate(sheets, start=1)
    )
    related = "".join(
        f'<Relationship Id="rId{at}" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet{at}.xml"/>'
        for at in numbers
    )
    formats = "".join(
        f'<numFmt numFmtId="{164 + at}" formatCode={quoteattr(code)}/>' for at, code in enumerate(STYLES)
    )
    used = "".join(f'<xf numFmtId="{164 + at}"/>' for at in range(len(STYLES)))
    types = "".join(
        f'<Override PartName="/xl/worksheets/sheet{at}.xml" ContentType="{_TYPE}.worksheet+xml"/>'
        for at in numbers
    )
    return {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" '
        f'ContentType="application/xml"/>{types}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {_MAIN} xmlns:r="{_RELATIONS}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{related}'
        f'<Relationship Id="rId99" Type="{_RELATIONS}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet {_MAIN}><numFmts count="{len(STYLES)}">{formats}</numFmts><cellXfs '
        f'count="{len(STYLES)}">{used}</cellXfs></styleSheet>',
        **{
            f"xl/worksheets/sheet{at}.xml": f"<worksheet {_MAIN}><sheetData>{_write_rows(rows)}"
            "</sheetData></worksheet>"
            for at, rows in enumerate(sheets.values(), start=1)
        },
    }


def _write_rows(rows: list[list[Cell]]) -> str:
    return "".join(
        f'<row r="{line}">'
        + "".join(
            f'<c r="{chr(65 + at)}{line}" {cell}</c>' for at, cell in enumerate(row) if cell is not None
        )
        + "</row>"
        for line, row in enumerate(rows, start=1)
    )
