"""PDFs whose every heading, paragraph and cell is known, for the quality benchmark: the same ones for the same seed.

Most are born digital, as in an office; one page in twelve or so is a picture of a page, or has a text layer that lies.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pymupdf
from PIL import Image, ImageFilter

from benchmarks.documents import paragraph, short_title
from benchmarks.parse_blocks import Block, Blocks, Case, Cell
from benchmarks.vocabulary import Vocabulary, vocabularies
from samples.flow import HEIGHT, WIDTH, Look, Parts, compose
from samples.lines import SANS, SERIF, break_lines
from samples.markup import Block as Mark
from samples.markup import Directive, Equation, Heading, Items, Note, Paragraph
from samples.table import Cell as TableCell
from samples.table import Row, Table, placed

_CALL = re.compile(r"\^(\w+)\^")
_RANGE_TARGET = re.compile(rb"(<[0-9a-f]{4}> <[0-9a-f]{4}> <)([0-9a-f]{4})(>)")
_LEFT, _TOP = 64.0, 76.0
_ROW = 17.0
_SCAN_DPI = 170
_HEBREW = """דוח רוח שנה עבודה מדידה תחנה ספינה נמל גשר ים חוף עיר בית דרך תחזית מחיר תוצאה מערכת חשמל סוללה כבל מתח זמן יום לילה בוקר
קבוצה צוות מנהל חברה לקוח שירות תיקון בדיקה ציוד מכונה חומר מים אוויר אור קיץ חורף גבוה נמוך חדש ישן טוב גדול קטן ראשון שני אחרון"""
_CODE = """def mean(values):
    total = 0.0
    for value in values:
        total += value
    return total / len(values)

for name in sorted(stations):
    print(name, mean(stations[name]))"""


@dataclass(frozen=True, slots=True)
class _Made:
    document: Any
    truth: Blocks


_Make = Callable[[np.random.Generator, Vocabulary], _Made]


def make_cases(folder: Path, quick: bool = False, seed: int = 11) -> list[Case]:
    """Write the documents; `quick` makes the short ones alone."""
    folder.mkdir(parents=True, exist_ok=True)
    topics = vocabularies(seed)
    cases = []
    for number, (name, group, make, long) in enumerate(_plan()):
        if quick and long:
            continue
        random = np.random.default_rng((seed, number))
        made = make(random, topics[number % len(topics)])
        path = folder / f"{number:02d}-{name}.pdf"
        path.write_bytes(made.document.tobytes(garbage=3, deflate=True, no_new_id=True))
        cases.append(Case(name, group, path, made.document.page_count, made.truth))
        made.document.close()
    return cases


def _plan() -> Iterator[tuple[str, str, _Make, bool]]:
    """Name, group, maker, and whether a quick run leaves it out."""
    for number in range(5):
        look = Look(SERIF if number % 2 else SANS, running_head="Quarterly report", justify=number % 2 == 1)
        yield f"prose-{number}", "prose", partial(_report, look=look, sections=18 if number else 4), number > 0
    for number in range(3):
        yield f"paper-{number}", "paper", partial(_paper, sections=9 if number else 4), number > 0
    yield "tables-ruled", "tables", _ruled_tables, False
    yield "tables-open", "tables", _open_tables, False
    yield "table-long", "tables", _long_table, True
    yield "lists-code", "lists and code", _lists_and_code, True
    yield "sidebar", "sidebar", _sidebar, True
    yield "form", "form", _form, False
    yield "hebrew", "right to left", _hebrew, False
    short = partial(_report, look=Look(SERIF), sections=1)
    yield "scan-prose", "scan", partial(_scanned, make=short), True
    yield "scan-rotated", "scan", partial(_scanned, make=short, turn=90), True
    yield "scan-skewed", "scan", partial(_scanned, make=short, skew=3.0, noise=9.0), False
    yield "scan-paper", "scan", partial(_scanned, make=partial(_paper, sections=1)), True
    yield "scan-stamped", "scan", partial(_stamped, make=short), True
    yield "outlined", "outlined text", partial(_outlined, make=short), True
    yield "picture-of-text", "mixed", _picture_of_text, True
    yield "chart", "mixed", _chart, True
    yield "garbage-symbols", "garbage text", partial(_garbled, make=short, shift=0xE000), True
    yield "garbage-letters", "garbage text", partial(_garbled, make=short, shift=5), False


def _report(random: np.random.Generator, words: Vocabulary, look: Look, sections: int) -> _Made:
    marks: list[Mark] = [Heading(1, short_title(random, words))]
    for section in range(1, sections + 1):
        marks.append(Heading(2, f"{section} {short_title(random, words)}"))
        for part in range(int(random.integers(1, 3))):
            marks.append(Heading(3, f"{section}.{part + 1} {short_title(random, words)}"))
            marks += [Paragraph(paragraph(random, words, int(random.integers(50, 130)))) for _ in range(int(random.integers(1, 3)))]
    return _composed(marks, look)


def _paper(random: np.random.Generator, words: Vocabulary, sections: int) -> _Made:
    """Title and abstract over the whole width, then two columns with equations, footnotes and a list."""
    marks: list[Mark] = [Heading(1, short_title(random, words)), Paragraph(paragraph(random, words, 90)), Directive("columns", "2")]
    for section in range(1, sections + 1):
        marks.append(Heading(2, f"{section} {short_title(random, words)}"))
        marks.append(Paragraph(paragraph(random, words, 110)))
        marks.append(Paragraph(f"{paragraph(random, words, 60)[:-1]}^{section}^ {paragraph(random, words, 40)}"))
        if section % 2:
            marks.append(Equation("f(x) = a + b x - c log(x)", f"({section})"))
        else:
            marks.append(Items(ordered=False, texts=tuple(paragraph(random, words, 14) for _ in range(3))))
        marks.append(Paragraph(paragraph(random, words, 90)))
        marks.append(Note(str(section), paragraph(random, words, 16)))
    return _composed(marks, Look(SERIF, size=9.5, leading=12.5, headings=(18.0, 12.0, 10.5), running_head="Proceedings", justify=True))


def _ruled_tables(random: np.random.Generator, words: Vocabulary) -> _Made:
    simple = Table(
        f"Table 1: {short_title(random, words)}",
        (0.34, 0.22, 0.22, 0.22),
        (("Item", "Planned", "Actual", "Share"),),
        _rows(random, words, 6, 3),
    )
    header: tuple[Row, ...] = (
        (TableCell("Station", rows=2), TableCell("First half", columns=2), TableCell("Second half", columns=2)),
        ("Output", "Losses", "Output", "Losses"),
    )
    merged = Table(f"Table 2: {short_title(random, words)}", (0.28, 0.18, 0.18, 0.18, 0.18), header, _rows(random, words, 5, 4))
    marks: list[Mark] = [Heading(1, short_title(random, words)), Paragraph(paragraph(random, words, 70)), Directive("table", "simple")]
    marks += [Paragraph(paragraph(random, words, 80)), Directive("table", "merged"), Paragraph(paragraph(random, words, 60))]
    return _composed(marks, Look(SANS), {"simple": simple, "merged": merged})


def _long_table(random: np.random.Generator, words: Vocabulary) -> _Made:
    """A table over two pages, its header repeated."""
    caption = f"Table 1: {short_title(random, words)}"
    table = Table(caption, (0.3, 0.2, 0.25, 0.25), (("Part", "Stock", "Price", "Value"),), _rows(random, words, 55, 3), long=True)
    marks: list[Mark] = [Heading(1, short_title(random, words)), Paragraph(paragraph(random, words, 60)), Directive("table", "long")]
    return _composed([*marks, Paragraph(paragraph(random, words, 60))], Look(SANS), {"long": table})


def _rows(random: np.random.Generator, words: Vocabulary, rows: int, numbers: int) -> tuple[Row, ...]:
    def label() -> str:
        return " ".join(words.draw(random, 2)).capitalize()

    return tuple((label(), *(f"{value:,.1f}" for value in random.lognormal(5, 1.5, numbers))) for _ in range(rows))


def _open_tables(random: np.random.Generator, words: Vocabulary) -> _Made:
    """A table without ruling, and one with three lines alone, as in books."""
    document = pymupdf.open()
    page = document.new_page(width=WIDTH, height=HEIGHT)
    truth = [_heading(page, _TOP, short_title(random, words), 18.0, 1)]
    y = _TOP + 24
    for lined in (False, True):
        y = _paragraph(page, random, words, y, truth, 70)
        rows = [("Region", "Orders", "Returns", "Balance"), *(tuple(map(str, row)) for row in _rows(random, words, 7, 3))]
        y = _open_table(page, y + 6, rows, lined)
        truth.append(
            Block("table", cells=tuple(Cell(row, column, text) for row, cells in enumerate(rows) for column, text in enumerate(cells)))
        )
        y += 12
    _paragraph(page, random, words, y, truth, 60)
    return _Made(document, tuple(truth))


def _open_table(page: Any, top: float, rows: Sequence[Sequence[str]], lined: bool) -> float:
    places = (_LEFT, 280.0, 380.0, 480.0)
    for number, cells in enumerate(rows):
        for place, text in zip(places, cells, strict=True):
            page.insert_text((place, top + number * _ROW + 12), text, fontname="hebo" if number == 0 else "helv", fontsize=9.5)
    bottom = top + len(rows) * _ROW
    if lined:
        for y in (top - 1, top + _ROW, bottom + 2):
            page.draw_line((_LEFT, y), (WIDTH - _LEFT, y), width=0.7)
    return bottom + 6


def _lists_and_code(random: np.random.Generator, words: Vocabulary) -> _Made:
    def texts(count: int) -> tuple[str, ...]:
        return tuple(paragraph(random, words, int(random.integers(8, 30))) for _ in range(count))

    marks: list[Mark] = [
        Heading(1, short_title(random, words)),
        Paragraph(paragraph(random, words, 60)),
        Items(ordered=False, texts=texts(5)),
    ]
    marks += [Heading(2, short_title(random, words)), Items(ordered=True, texts=texts(6)), Paragraph(paragraph(random, words, 80))]
    made = _composed(marks, Look(SANS))
    page = made.document.new_page(width=WIDTH, height=HEIGHT)
    truth = [*made.truth, _heading(page, _TOP, short_title(random, words), 14.0, 2)]
    y = _paragraph(page, random, words, _TOP + 20, truth, 70)
    page.draw_rect((_LEFT - 6, y, WIDTH - _LEFT, y + 112), color=None, fill=(0.95, 0.95, 0.95))
    page.insert_text((_LEFT, y + 16), _CODE.splitlines(), fontname="cour", fontsize=9.5, lineheight=1.35)
    truth.append(Block("text", _CODE))
    _paragraph(page, random, words, y + 132, truth, 70)
    return _Made(made.document, tuple(truth))


def _sidebar(random: np.random.Generator, words: Vocabulary) -> _Made:
    """A page with a grey box beside the text; its text comes after that of the page."""
    document = pymupdf.open()
    page = document.new_page(width=WIDTH, height=HEIGHT)
    truth = [_heading(page, _TOP, short_title(random, words), 18.0, 1)]
    page.draw_rect((405, 100, 545, 420), color=None, fill=(0.9, 0.93, 0.95))
    y = _TOP + 26
    for _ in range(5):
        y = _paragraph(page, random, words, y, truth, int(random.integers(50, 90)), width=320)
    aside: list[Block] = []
    y = 116.0
    for _ in range(3):
        y = _paragraph(page, random, words, y, aside, 22, left=415, width=120, size=8.5)
    return _Made(document, (*truth, *aside))


def _form(random: np.random.Generator, words: Vocabulary) -> _Made:
    document = pymupdf.open()
    page = document.new_page(width=WIDTH, height=HEIGHT)
    truth = [_heading(page, _TOP, "Application for a connection", 18.0, 1)]
    y = _paragraph(page, random, words, _TOP + 24, truth, 60)
    for label in ("Name", "Street and number", "Town", "Contract number", "Date of birth"):
        value = short_title(random, words)
        page.insert_text((_LEFT, y + 14), label, fontname="helv", fontsize=10)
        widget: Any = pymupdf.Widget()
        widget.field_name, widget.field_type, widget.field_value = label, pymupdf.mupdf.PDF_WIDGET_TYPE_TEXT, value
        widget.rect, widget.text_fontsize, widget.border_width = pymupdf.Rect(220, y, 500, y + 20), 10, 0.7
        page.add_widget(widget)
        truth.append(Block("text", f"{label} {value}"))
        y += 30
    _paragraph(page, random, words, y + 10, truth, 60)
    return _Made(document, tuple(truth))


def _hebrew(random: np.random.Generator, _: Vocabulary) -> _Made:
    """Shaped and laid out by MuPDF's own HTML engine, with the font that comes with it."""
    words = _HEBREW.split()

    def text(count: int) -> str:
        return " ".join(words[place] for place in random.integers(0, len(words), count))

    truth = [Block("heading", text(4), 1), *(Block("text", f"{text(int(random.integers(30, 60)))}.") for _ in range(5))]
    html = f"<h2>{truth[0].text}</h2>" + "".join(f"<p>{block.text}</p>" for block in truth[1:])
    document = pymupdf.open()
    page = document.new_page(width=WIDTH, height=HEIGHT)
    page.insert_htmlbox((_LEFT, _TOP, WIDTH - _LEFT, HEIGHT - 90), f'<div dir="rtl" style="text-align:right">{html}</div>')
    return _Made(document, tuple(truth))


def _scanned(random: np.random.Generator, words: Vocabulary, make: _Make, turn: int = 0, skew: float = 0.0, noise: float = 4.0) -> _Made:
    """A picture of every page: softened, with noise, turned by `turn` degrees and by `skew` more."""
    made = make(random, words)
    document = pymupdf.open()
    for page in made.document:
        pixels = page.get_pixmap(dpi=_SCAN_DPI, colorspace=pymupdf.csGRAY)
        picture = Image.frombytes("L", (pixels.width, pixels.height), pixels.samples)
        picture = picture.rotate(skew, resample=Image.Resampling.BICUBIC, fillcolor=255).filter(ImageFilter.GaussianBlur(0.5))
        ink = np.asarray(picture, dtype=np.float32) * 0.94 + random.normal(0, noise, (picture.height, picture.width))
        picture = Image.fromarray(np.clip(ink, 0, 255).astype(np.uint8)).rotate(turn, expand=True)
        target = io.BytesIO()
        picture.save(target, format="jpeg", quality=75)
        width, height = (WIDTH, HEIGHT) if turn % 180 == 0 else (HEIGHT, WIDTH)
        document.new_page(width=width, height=height).insert_image((0, 0, width, height), stream=target.getvalue())
    made.document.close()
    return _Made(document, made.truth)


def _stamped(random: np.random.Generator, words: Vocabulary, make: _Make) -> _Made:
    """A scan on which an archive has put its mark as text."""
    made = _scanned(random, words, make)
    made.document[0].insert_text((_LEFT, HEIGHT - 30), "Archive 4711, sheet 12", fontname="helv", fontsize=8)
    return _Made(made.document, (*made.truth, Block("text", "Archive 4711, sheet 12")))


def _outlined(random: np.random.Generator, words: Vocabulary, make: _Make) -> _Made:
    """Every letter is a shape: what drawing programs write when fonts are turned into paths."""
    made = make(random, words)
    with pymupdf.open(stream=made.document[0].get_svg_image(text_as_path=True).encode(), filetype="svg") as drawing:
        shapes = drawing.convert_to_pdf()
    made.document.close()
    return _Made(pymupdf.open(stream=shapes, filetype="pdf"), made.truth)


def _picture_of_text(random: np.random.Generator, words: Vocabulary) -> _Made:
    """Paragraphs around a picture in which a paragraph stands, and below them a picture without a word."""
    document = pymupdf.open()
    page = document.new_page(width=WIDTH, height=HEIGHT)
    truth = [_heading(page, _TOP, short_title(random, words), 18.0, 1)]
    y = _paragraph(page, random, words, _TOP + 24, truth, 80)
    with pymupdf.open() as scratch:
        sheet = scratch.new_page(width=WIDTH, height=HEIGHT)
        end = _paragraph(sheet, random, words, 20, truth, 80)
        pixels = sheet.get_pixmap(dpi=_SCAN_DPI, clip=(_LEFT - 10, 10, WIDTH - _LEFT + 10, end))
    page.insert_image((_LEFT - 10, y, WIDTH - _LEFT + 10, y + end - 10), pixmap=pixels)
    y = _paragraph(page, random, words, y + end, truth, 80)
    noise = random.normal(150, 40, (90, 160, 3)) + np.linspace(-80, 80, 160)[None, :, None]
    target = io.BytesIO()
    Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8)).resize((640, 360), Image.Resampling.BICUBIC).save(target, format="jpeg")
    page.insert_image((_LEFT, y, _LEFT + 320, y + 180), stream=target.getvalue())
    _paragraph(page, random, words, y + 196, truth, 60)
    return _Made(document, tuple(truth))


def _chart(random: np.random.Generator, words: Vocabulary) -> _Made:
    """A drawing of bars between two paragraphs, with a caption."""
    document = pymupdf.open()
    page = document.new_page(width=WIDTH, height=HEIGHT)
    truth = [_heading(page, _TOP, short_title(random, words), 18.0, 1)]
    y = _paragraph(page, random, words, _TOP + 24, truth, 90)
    for number, value in enumerate(random.uniform(30, 170, 12)):
        left = _LEFT + 36 * number
        page.draw_rect((left, y + 180 - value, left + 26, y + 180), color=None, fill=(0.2, 0.4, 0.6))
    page.draw_line((_LEFT, y + 180), (WIDTH - _LEFT, y + 180), width=0.7)
    caption = f"Figure 1: {short_title(random, words)}"
    page.insert_text((_LEFT, y + 198), caption, fontname="heit", fontsize=9)
    truth.append(Block("text", caption))
    _paragraph(page, random, words, y + 212, truth, 90)
    return _Made(document, tuple(truth))


def _garbled(random: np.random.Generator, words: Vocabulary, make: _Make, shift: int) -> _Made:
    """The page looks as before; its fonts name the letters `shift` code points off, as broken writers do."""

    def moved(found: re.Match[bytes]) -> bytes:
        target = int(found[2], 16)
        # The space stays: it is what a broken subset most often keeps.
        return found[1] + (b"%04x" % (target + shift if target > 0x20 else target)) + found[3]

    made = make(random, words)
    document = made.document
    seen: set[int] = set()
    for page in document:
        for font in document.get_page_fonts(page.number):
            kind, value = document.xref_get_key(font[0], "ToUnicode")
            if kind == "xref" and (number := int(value.split()[0])) not in seen:
                seen.add(number)
                document.update_stream(number, _RANGE_TARGET.sub(moved, document.xref_stream(number)))
    return made


def _composed(marks: Sequence[Mark], look: Look, tables: dict[str, Table] | None = None) -> _Made:
    tables = tables or {}
    # Long tables stay where they are called; others may float behind a later paragraph, and the truth would not know.
    parts = Parts(tables={name: replace(table, long=True) for name, table in tables.items()})
    return _Made(compose(marks, look, parts), tuple(_truth(marks, tables)))


def _truth(marks: Sequence[Mark], tables: dict[str, Table]) -> Iterator[Block]:
    for mark in marks:
        match mark:
            case Heading():
                yield Block("heading", mark.text, mark.level)
            case Paragraph():
                yield Block("text", _CALL.sub(r"\1", mark.text))
            case Items():
                yield from (Block("text", text) for text in mark.texts)
            case Note():
                yield Block("footnote", f"{mark.mark} {mark.text}")
            case Equation():
                yield Block("text", f"{mark.text} {mark.number}")
            case Directive("table", name):
                table = tables[name]
                yield Block("text", table.caption)
                rows = (*table.header, *table.body)
                yield Block(
                    "table", cells=tuple(Cell(one.row, one.column, one.cell.text, one.cell.rows, one.cell.columns) for one in placed(rows))
                )


def _heading(page: Any, y: float, text: str, size: float, level: int) -> Block:
    page.insert_text((_LEFT, y), text, fontname="hebo", fontsize=size)
    return Block("heading", text, level)


def _paragraph(
    page: Any,
    random: np.random.Generator,
    words: Vocabulary,
    y: float,
    truth: list[Block],
    count: int,
    left: float = _LEFT,
    width: float = WIDTH - 2 * _LEFT,
    size: float = 10.0,
) -> float:
    """Set a paragraph from `y` down, add it to the truth; the y where the next one begins comes back."""
    text = paragraph(random, words, count)
    lines = [" ".join("".join(run.text for run in word) for word in line.words) for line in break_lines(text, SANS, size, width)]
    page.insert_text((left, y + size), lines, fontname="helv", fontsize=size, lineheight=1.35)
    truth.append(Block("text", text))
    return y + len(lines) * size * 1.35 + 9
