"""A small typesetter: blocks flow through columns and pages, with footnotes, floats, running heads and a table of contents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pymupdf

from samples.lines import SANS, Face, Line, break_lines, font
from samples.markup import Block, Directive, Equation, Heading, Items, Note, Paragraph
from samples.table import Row, Table, placed

Color = tuple[float, float, float]
BLACK: Color = (0.1, 0.1, 0.12)
GREY: Color = (0.42, 0.45, 0.48)
WIDTH, HEIGHT = 595.0, 842.0
"""A4, in points."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a document is set; lengths in points."""

    face: Face
    heading_face: Face = SANS
    size: float = 10.0
    leading: float = 14.0
    headings: tuple[float, float, float] = (20.0, 14.0, 11.0)
    color: Color = (0.05, 0.27, 0.36)
    margins: tuple[float, float, float, float] = (62.0, 78.0, 62.0, 74.0)
    """Left, top, right, bottom."""
    gutter: float = 20.0
    justify: bool = False
    chapters_on_new_page: bool = False
    running_head: str = ""
    unnumbered: int = 0
    """Pages at the beginning without running head and page number."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing (the bytes of a one-page PDF) or a picture (PNG), and its caption."""

    content: bytes
    caption: str
    aspect: float
    """Width by height."""
    vector: bool = True


@dataclass(frozen=True, slots=True)
class Parts:
    """What directives call by name."""

    tables: Mapping[str, Table] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    drawings: Mapping[str, Callable[[Any], None]] = field(default_factory=dict)
    """Draw on a whole page: a cover, say."""


def compose(blocks: Sequence[Block], look: Look, parts: Parts) -> Any:
    """A PDF document with bookmarks; set twice, so that the table of contents knows the page numbers."""
    first = _Flow(look, parts, [])
    first.set(blocks)
    second = _Flow(look, parts, first.contents)
    second.set(blocks)
    if second.contents:
        second.document.set_toc(list(_bookmarks(second.contents)))
    second.document.subset_fonts()
    return second.document


def _bookmarks(contents: list[tuple[int, str, int]]) -> Iterator[list[int | str]]:
    """PDF allows no bookmark two levels below the one before."""
    above: list[int] = []
    for level, title, page in contents:
        while above and above[-1] >= level:
            above.pop()
        above.append(level)
        yield [len(above), title, page]


class _Flow:
    def __init__(self, look: Look, parts: Parts, known: list[tuple[int, str, int]]) -> None:
        self.look, self.parts, self.known = look, parts, known
        self.document = pymupdf.open()
        self.contents: list[tuple[int, str, int]] = []
        self.notes: dict[str, str] = {}
        self.floats: list[Table | Figure] = []
        self.columns = 1
        self.new_page()

    def set(self, blocks: Sequence[Block]) -> None:
        self.notes = {block.mark: block.text for block in blocks if isinstance(block, Note)}
        for block in blocks:
            self.block(block)
        while self.floats:
            self.advance()
        self.finish_page()

    def block(self, block: Block) -> None:
        look = self.look
        match block:
            case Heading():
                self.heading(block)
            case Paragraph():
                self.lines(break_lines(block.text, look.face, look.size, self.width, look.justify), after=look.leading * 0.5)
            case Items():
                for number, text in enumerate(block.texts, 1):
                    indent = 20.0
                    lines = break_lines(text, look.face, look.size, self.width - indent, look.justify)
                    self.lines(lines, indent=indent, after=2.0, mark=f"{number}." if block.ordered else "•")
                self.y += look.leading * 0.4
            case Equation():
                self.equation(block)
            case Directive():
                self.directive(block.name, block.argument)

    # Pages and columns

    @property
    def width(self) -> float:
        left, _, right, _ = self.look.margins
        return (WIDTH - left - right - self.look.gutter * (self.columns - 1)) / self.columns

    @property
    def left(self) -> float:
        return self.look.margins[0] + self.column * (self.width + self.look.gutter)

    @property
    def room(self) -> float:
        return HEIGHT - self.look.margins[3] - self.notes_height - self.y

    def new_page(self) -> None:
        self.page = self.document.new_page(width=WIDTH, height=HEIGHT)
        self.writers: list[tuple[Color, Any]] = []
        self.called: list[str] = []
        self.notes_height = 0.0
        self.column = 0
        self.top = self.y = self.look.margins[1]

    def finish_page(self) -> None:
        self.footnotes()
        self.running_head()
        for color, writer in self.writers:
            writer.write_text(self.page, color=color)

    def advance(self) -> None:
        """To the next column, or to the next page; what waited for room comes first."""
        if self.column + 1 < self.columns:
            self.column += 1
            self.y = self.top
        else:
            self.finish_page()
            self.new_page()
        waiting, self.floats = self.floats, []
        for one in waiting:
            self.place(one)

    def need(self, height: float) -> None:
        if self.room < height:
            self.advance()

    def directive(self, name: str, argument: str) -> None:
        match name:
            case "page":
                while self.floats:
                    self.advance()
                self.column = self.columns
                self.advance()
            case "columns":
                self.columns, self.column, self.top = int(argument), 0, self.y
            case "contents":
                self.table_of_contents()
            case "table":
                self.place(self.parts.tables[argument])
            case "figure":
                self.place(self.parts.figures[argument])
            case "draw":
                self.parts.drawings[argument](self.page)
            case "space":
                self.y += float(argument)
            case _:
                raise ValueError(f"no such directive: {name}")

    # Text

    def text(self, x: float, baseline: float, text: str, name: str, size: float, color: Color = BLACK) -> None:
        """A new writer whenever the colour changes, so that the file holds the text in reading order."""
        if not self.writers or self.writers[-1][0] != color:
            self.writers.append((color, pymupdf.TextWriter(self.page.rect)))
        self.writers[-1][1].append((x, baseline), text, font=font(name), fontsize=size)

    def line(self, line: Line, x: float, baseline: float, width: float, size: float, color: Color = BLACK, justify: bool = False) -> None:
        natural = font(self.look.face.regular).text_length(" ", fontsize=size)
        gap = natural
        if justify and not line.last and len(line.words) > 1:
            gap = min((width - line.width) / (len(line.words) - 1), natural * 2.6)
        for position, word in enumerate(line.words):
            for place, run in enumerate(word):
                closing = place == len(word) - 1 and position < len(line.words) - 1
                self.text(x, baseline - run.rise, run.text + (" " if closing else ""), run.font, run.size, color)
                x += run.width
            x += gap

    def lines(self, lines: Sequence[Line], indent: float = 0.0, after: float = 0.0, mark: str = "") -> None:
        look = self.look
        self.need(look.leading * min(2, len(lines)))
        for number, line in enumerate(lines):
            self.reserve(line.marks)
            baseline = self.y + look.size
            if mark and number == 0:
                self.text(self.left + 2, baseline, mark, look.face.regular, look.size)
            self.line(line, self.left + indent, baseline, self.width - indent, look.size, justify=look.justify)
            self.y += look.leading
        self.y += after

    def heading(self, heading: Heading) -> None:
        look = self.look
        if heading.level == 1 and look.chapters_on_new_page and self.y > self.top:
            self.directive("page", "")
        size = look.headings[heading.level - 1]
        before = 0.0 if self.y == self.top else size * 0.7
        lines = break_lines(heading.text, Face(look.heading_face.bold, look.heading_face.bold, look.heading_face.italic), size, self.width)
        self.need(before + len(lines) * size * 1.25 + look.leading * 4)
        self.y += before if self.y > self.top else 0.0
        for line in lines:
            self.line(line, self.left, self.y + size, self.width, size, look.color)
            self.y += size * 1.25
        self.y += size * 0.35
        self.contents.append((heading.level, heading.text, self.document.page_count))

    def equation(self, equation: Equation) -> None:
        look = self.look
        self.need(look.leading * 2)
        width = font(look.face.italic).text_length(equation.text, fontsize=look.size)
        baseline = self.y + look.size + 3
        self.text(self.left + (self.width - 18 - width) / 2, baseline, equation.text, look.face.italic, look.size)
        self.text(self.left + self.width - 16, baseline, equation.number, look.face.regular, look.size)
        self.y += look.leading + 9

    # Footnotes, running heads, contents

    def reserve(self, marks: Sequence[str]) -> None:
        """Make room for the line and its footnotes on the same page."""
        heights = sum(len(self.note_lines(mark)) * 10.5 for mark in marks) + (8.0 if marks and not self.called else 0.0)
        self.need(self.look.leading + heights)
        self.called += marks
        self.notes_height += heights

    def note_lines(self, mark: str) -> list[Line]:
        return break_lines(f"^{mark}^ {self.notes[mark]}", self.look.face, 8.0, WIDTH - self.look.margins[0] - self.look.margins[2])

    def footnotes(self) -> None:
        if not self.called:
            return
        left, y = self.look.margins[0], HEIGHT - self.look.margins[3] - self.notes_height + 6
        self.page.draw_line((left, y), (left + 140, y), color=GREY, width=0.5)
        for mark in self.called:
            for line in self.note_lines(mark):
                y += 10.5
                self.line(line, left, y, self.width, 8.0)

    def running_head(self) -> None:
        look, number = self.look, self.document.page_count
        if number <= look.unnumbered or not look.running_head:
            return
        left, right = look.margins[0], WIDTH - look.margins[2]
        chapter = next((title for level, title, page in reversed(self.contents) if level == 1), "")
        self.text(left, 46, look.running_head, look.heading_face.regular, 8.0, GREY)
        self.text(
            right - font(look.heading_face.italic).text_length(chapter, fontsize=8.0), 46, chapter, look.heading_face.italic, 8.0, GREY
        )
        self.page.draw_line((left, 52), (right, 52), color=GREY, width=0.4)
        label = f"Page {number}"
        self.text(
            (WIDTH - font(look.heading_face.regular).text_length(label, fontsize=8.0)) / 2,
            HEIGHT - 40,
            label,
            look.heading_face.regular,
            8.0,
            GREY,
        )

    def table_of_contents(self) -> None:
        look, size = self.look, self.look.size
        right = self.left + self.width
        self.text(self.left, self.y + look.headings[0], "Contents", look.heading_face.bold, look.headings[0], look.color)
        self.y += look.headings[0] * 1.8
        for level, title, page in self.known:
            if page <= look.unnumbered or level > 2:
                continue
            self.y += 7.0 if level == 1 else 0.0
            name = look.heading_face.bold if level == 1 else look.heading_face.regular
            baseline, x = self.y + size, self.left + 18.0 * (level - 1)
            self.text(x, baseline, title, name, size)
            end = x + font(name).text_length(title, fontsize=size) + 6
            number = str(page)
            start = right - font(name).text_length(number, fontsize=size)
            dots = " ." * int((start - end - 4) / font(name).text_length(" .", fontsize=size))
            self.text(end, baseline, dots, look.heading_face.regular, size, GREY)
            self.text(start, baseline, number, name, size)
            self.y += look.leading * 1.12

    # Tables and figures

    def place(self, one: Table | Figure) -> None:
        """Put it here, or at the top of the next column or page while the text goes on."""
        if isinstance(one, Table) and one.long:
            self.need(120)
            self.table(one)
            return
        height = self.figure_height(one) if isinstance(one, Figure) else self.table_height(one)
        if self.floats or (self.room < height and self.y > self.top):
            self.floats.append(one)
        elif isinstance(one, Figure):
            self.figure(one)
        else:
            self.table(one)

    def figure_height(self, figure: Figure) -> float:
        caption = break_lines(figure.caption, self.look.face, self.look.size - 1.2, self.width)
        return self.width / figure.aspect + len(caption) * (self.look.leading - 1.5) + 22

    def figure(self, figure: Figure) -> None:
        box = pymupdf.Rect(self.left, self.y + 4, self.left + self.width, self.y + 4 + self.width / figure.aspect)
        if figure.vector:
            with pymupdf.open("pdf", figure.content) as drawing:
                self.page.show_pdf_page(box, drawing)
        else:
            self.page.insert_image(box, stream=figure.content)
        self.y = box.y1 + 6
        self.caption(figure.caption)
        self.y += 12

    def caption(self, caption: str) -> None:
        size, leading = self.look.size - 1.2, self.look.leading - 1.5
        for line in break_lines(caption, self.look.face, size, self.width):
            self.line(line, self.left, self.y + size, self.width, size)
            self.y += leading

    def table_height(self, table: Table) -> float:
        caption = len(break_lines(table.caption, self.look.face, self.look.size - 1.2, self.width)) * (self.look.leading - 1.5)
        return caption + sum(self.row_heights(table, table.header, head=True)) + sum(self.row_heights(table, table.body)) + 22

    def row_heights(self, table: Table, rows: tuple[Row, ...], head: bool = False) -> list[float]:
        heights = [0.0] * len(rows)
        for one in placed(rows):
            if one.cell.rows == 1:
                heights[one.row] = max(
                    heights[one.row], len(self.cell_lines(table, one.column, one.cell.columns, one.cell.text, head)) * 11.0 + 5
                )
        return heights

    def cell_lines(self, table: Table, column: int, span: int, text: str, head: bool) -> list[Line]:
        face = self.look.heading_face
        face = Face(face.bold, face.bold, face.italic) if head else face
        return break_lines(text, face, self.look.size - 1.5, sum(table.widths[column : column + span]) * self.width - 8)

    def table(self, table: Table) -> None:
        self.caption(table.caption)
        self.y += 2
        self.rows(table, table.header, head=True)
        if not table.long:
            self.rows(table, table.body)
        else:
            for number, row in enumerate(table.body):
                if self.room < self.row_heights(table, (row,))[0]:
                    self.advance()
                    self.caption(f"{table.caption.partition(':')[0]} (continued)")
                    self.y += 2
                    self.rows(table, table.header, head=True)
                self.rows(table, (row,), shaded=bool(number % 2))
        self.y += 14

    def rows(self, table: Table, rows: tuple[Row, ...], head: bool = False, shaded: bool = False) -> None:
        heights = self.row_heights(table, rows, head)
        size = self.look.size - 1.5
        for one in placed(rows):
            last = table.total and not head and one.row == len(rows) - 1
            x0 = self.left + sum(table.widths[: one.column]) * self.width
            width = sum(table.widths[one.column : one.column + one.cell.columns]) * self.width
            y0 = self.y + sum(heights[: one.row])
            height = sum(heights[one.row : one.row + one.cell.rows])
            fill = self.look.color if head else (0.9, 0.93, 0.94) if last else (0.955, 0.965, 0.97) if shaded or one.row % 2 else None
            self.page.draw_rect((x0, y0, x0 + width, y0 + height), color=(0.75, 0.78, 0.8), fill=fill, width=0.4)
            lines = self.cell_lines(table, one.column, one.cell.columns, one.cell.text, head or last)
            y = y0 + (height - len(lines) * 11.0) / 2 + size
            for line in lines:
                spaces = font(self.look.heading_face.regular).text_length(" ", fontsize=size) * (len(line.words) - 1)
                free = width - line.width - spaces
                x = x0 + 4 if one.column in table.text_columns else x0 + free / 2 if one.cell.columns > 1 else x0 + free - 4
                self.line(line, x, y, width, size, (1.0, 1.0, 1.0) if head else BLACK)
                y += 11.0
        self.y += sum(heights)
