"""handbook.docx: a maintenance handbook with headings, lists, tables and a picture."""

from __future__ import annotations

import io
import re
from typing import Any

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.shared import Cm, Pt, RGBColor

from samples import charts
from samples.archive import settled
from samples.markup import Directive, Heading, Items, Paragraph, read
from samples.table import Table, placed

INTERVALS = Table(
    "Table 1: What is done, and how often.",
    (0.5, 0.25, 0.25),
    (("Task", "Interval", "Time, two people"),),
    (
        ("Gearbox: oil sample, teeth, filter", "12 months", "3 h"),
        ("Main bearing: grease 1.6 kg, sample", "6 months", "1 h"),
        ("Yaw drive: grease, brake pads", "12 months", "2 h"),
        ("Pitch batteries: discharge test", "12 months", "2 h"),
        ("Converter: filters, coolant", "24 months", "4 h"),
        ("Descent device and ladder", "12 months", "1 h"),
    ),
)
TORQUES = Table(
    "Table 2: Torques of the flange bolts, dry thread with paste P-40.",
    (0.4, 0.2, 0.2, 0.2),
    (("Flange", "Bolt", "Number", "Torque"),),
    (
        ("Tower, lower", "M48", "132", "5,600 Nm"),
        ("Tower, upper", "M42", "116", "3,900 Nm"),
        ("Blade to pitch bearing", "M36", "3 × 92", "2,450 Nm"),
        ("Hub to main shaft", "M42", "64", "4,150 Nm"),
    ),
)
TABLES = {"intervals": INTERVALS, "torques": TORQUES}
_EMPHASIS = re.compile(r"(\*\*.+?\*\*|\*.+?\*)")


def make() -> bytes:
    document = Document()
    document.styles["Normal"].font.name = "Calibri"
    document.styles["Normal"].font.size = Pt(11)
    for level in (1, 2):
        document.styles[f"Heading {level}"].font.color.rgb = RGBColor(0x0D, 0x4A, 0x5C)
    document.sections[0].header.paragraphs[0].text = "Nordlicht Energie AG · Service onshore · Edition 7"
    first, *blocks = read("handbook.md")
    document.add_heading(getattr(first, "text", ""), 0)
    for block in blocks:
        match block:
            case Heading(level=level, text=text):
                document.add_heading(text, level)
            case Paragraph(text=text):
                _emphasised(document.add_paragraph(), text)
            case Items(ordered=ordered, texts=texts):
                for text in texts:
                    _emphasised(document.add_paragraph(style="List Number" if ordered else "List Bullet"), text)
            case Directive(name="table", argument=argument):
                _table(document, TABLES[argument])
            case Directive(name="figure"):
                document.add_picture(io.BytesIO(charts.components(picture=True)), width=Cm(15))
                document.add_paragraph("Figure 1: Why turbines stood still for long in 2024, in hours.", style="Caption")
    properties = document.core_properties
    properties.title, properties.author, properties.last_modified_by = "Maintenance handbook", "Service onshore", "Service onshore"
    target = io.BytesIO()
    document.save(target)
    return settled(target.getvalue())


def _emphasised(paragraph: Any, text: str) -> None:
    for part in _EMPHASIS.split(text):
        run = paragraph.add_run(part.strip("*"))
        run.bold = part.startswith("**")
        run.italic = part.startswith("*") and not part.startswith("**")


def _table(document: Any, table: Table) -> None:
    document.add_paragraph(table.caption, style="Caption")
    rows = (*table.header, *table.body)
    grid = document.add_table(rows=len(rows), cols=len(table.widths), style="Light Grid Accent 1")
    for one in placed(rows):
        cell = grid.cell(one.row, one.column)
        cell.text = one.cell.text
        if one.column not in table.text_columns:
            cell.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.RIGHT
    document.add_paragraph()
