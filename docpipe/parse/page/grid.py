"""The cells of a table: which words stand in which, and which of them are merged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from unicodedata import bidirectional

from docpipe.parse.page.element import clean, join_lines
from docpipe.parse.page.rulings import Ruling, Rulings
from docpipe.parse.page.words import Word, line_text

_MANY_CELLS = 20_000
"""Above this, cells are not merged: the table is a data dump, or an attack."""
_NARROW = 4.0
"""Points between two borders that are one: a double line."""
_NUMBER = re.compile(r"^[^\w]*\d[\d\s.,:/%()+\-\u2013]*[^\w]*$")
_YEAR = re.compile(r"^(?:19|20)\d\d$")
_LEADERS = re.compile(r"(?:\s*[.\u2026\u00b7_]){4,}\s*")
_MAX_HEADER = 5


@dataclass(frozen=True, slots=True)
class Cells:
    """A table as text; the fields mean what they mean in `Element`."""

    rows: tuple[tuple[str, ...], ...]
    spans: tuple[tuple[int, int, int, int], ...]
    header_rows: int
    bold_header: bool


@dataclass(slots=True)
class _Cell:
    row: int
    column: int
    last_row: int
    last_column: int
    words: list[Word] = field(default_factory=list)

    def take(self, other: _Cell) -> None:
        self.row, self.last_row = min(self.row, other.row), max(self.last_row, other.last_row)
        self.column, self.last_column = min(self.column, other.column), max(self.last_column, other.last_column)
        self.words += other.words


def cells(words: Sequence[Word], rows: Sequence[float], columns: Sequence[float], drawn: Rulings) -> Cells | None:
    """The table that these words make; None where they fill fewer than two cells.

    `rows` and `columns` are the borders that the layout model sees, outer ones included, in points. What is drawn comes
    first: where the page has as many lines as the model sees borders, the model is not asked; where it has some, they are
    added. Cells are merged where the line between them is missing, or where one phrase runs over a border.
    """
    if not words:
        return None
    centres_x = [(word.box[0] + word.box[2]) / 2 for word in words]
    centres_y = [(word.box[1] + word.box[3]) / 2 for word in words]
    level = [line for line in drawn.level if min(centres_y) < line.place < max(centres_y) and not _underlines(line, words)]
    upright = [line for line in drawn.upright if min(centres_x) < line.place < max(centres_x)]
    across = _borders(rows, level, centres_y)
    down = _borders(columns, upright, centres_x)
    across = [*_header_border(words, across, down), *across]
    framed = len(drawn.level) > len(level) + 1 and len(drawn.upright) > len(upright) + 1
    boxes = _merged(words, across, down, drawn, sure=0.0 if framed else 0.5)
    return _read(boxes) if len([box for box in boxes if box.words]) > 1 else None


def _underlines(line: Ruling, words: Sequence[Word]) -> bool:
    """Whether it is drawn under words, not between rows."""
    length = sum(end - start for start, end in line.segments)
    under = 0.0
    for word in words:
        left, top, right, bottom = word.box
        if top + 0.6 * (bottom - top) < line.place < bottom + 0.5:
            under += sum(max(0.0, min(right, end) - max(left, start)) for start, end in line.segments)
    return under > 0.5 * length


def _borders(seen: Sequence[float], lines: Sequence[Ruling], centres: Sequence[float]) -> list[float]:
    """Borders inside the table: the drawn ones, and the model's where fewer than three in four are drawn.

    Where far more are drawn than the model sees, they are boxes of a form, and the model's count.
    """
    low, high = min(centres), max(centres)
    inner = [border for border in seen[1:-1] if low < border < high]
    borders = [line.place for line in lines]
    if len(borders) > 2 * len(inner) + 4:
        borders = inner
    elif len(borders) < 0.75 * len(inner):
        # A border of the model's that is drawn nearby is the same one: no words stand between the two.
        borders += [border for border in inner if not any(_same(border, line.place, centres) for line in lines)]
    kept: list[float] = []
    for border in sorted(borders):
        if not kept or border - kept[-1] >= _NARROW:
            kept.append(border)
    return kept


def _header_border(words: Sequence[Word], across: Sequence[float], down: Sequence[float]) -> list[float]:
    """The border below the names of groups of columns, where the model takes them and the names of the columns for one row."""
    first = [word for word in words if not across or (word.box[1] + word.box[3]) / 2 < across[0]]
    for phrase in _phrases(first):
        left, right = min(word.box[0] for word in phrase), max(word.box[2] for word in phrase)
        crossed = [border for border in down if left + 2.0 < border < right - 2.0]
        if not crossed:
            continue
        columns = (
            max((border for border in down if border <= left + 2.0), default=0.0),
            min((b for b in down if b >= right - 2.0), default=1e9),
        )
        bottom = max(word.box[3] for word in phrase)
        below = [word for word in first if word.box[1] >= bottom - 2.0 and columns[0] <= (word.box[0] + word.box[2]) / 2 <= columns[1]]
        # One line on both sides of a border that the upper line runs over: the columns' names below their group's.
        sides = {sum(border <= word.box[0] + 2.0 for border in crossed) for word in below}
        if len(sides) > 1 and not any(word.box[0] + 2.0 < border < word.box[2] - 2.0 for word in below for border in crossed):
            return [(bottom + min(word.box[1] for word in below)) / 2]
    return []


def _same(one: float, other: float, centres: Sequence[float]) -> bool:
    low, high = min(one, other), max(one, other)
    return high - low < _NARROW or not any(low <= centre <= high for centre in centres)


def _merged(words: Sequence[Word], across: Sequence[float], down: Sequence[float], drawn: Rulings, sure: float) -> list[_Cell]:
    """The cells; where more than `sure` of an upright border is drawn, a gap in it merges two of them.

    Rows are merged where half of the border between them is drawn, and the cell has walls on both sides; in the first row also
    without walls, where the one above or the one below is empty.
    """
    height, width = len(across) + 1, len(down) + 1
    grid = {(row, column): _Cell(row, column, row, column) for row in range(height) for column in range(width)}
    if height * width > _MANY_CELLS:
        for word in words:
            grid[_place(word, across, down)].words.append(word)
        return list(grid.values())
    by_place = {line.place: line for line in (*drawn.level, *drawn.upright)}
    left, right = min(word.box[0] for word in words), max(word.box[2] for word in words)
    top, bottom = min(word.box[1] for word in words), max(word.box[3] for word in words)
    tops, lefts = [top, *across, bottom], [left, *down, right]
    joins = _spread(words, grid, across, down, by_place, tops)
    for column, border in enumerate(down):
        line = by_place.get(border)
        if line is None or line.covers(top, bottom) < sure:
            continue
        for row in range(height):
            one, other = grid[row, column], grid[row, column + 1]
            if line.covers(tops[row], tops[row + 1]) < 0.5 and _touch(one.words, other.words):
                joins.append(((row, column), (row, column + 1)))
    for row, border in enumerate(across):
        line = by_place.get(border)
        if line is None:
            joins += [((row, column), (row + 1, column)) for column in range(width) if row == 0 and _lies_on(border, grid, column)]
            continue
        joins += _grouped(grid, row, line, lefts)
        if line.covers(left, right) < 0.5:
            continue
        for column in range(width):
            one, other = grid[row, column], grid[row + 1, column]
            if line.covers(lefts[column], lefts[column + 1]) >= 0.5 or not _follow(one.words, other.words):
                continue
            walls = all(_has_wall(drawn.upright, down, side, (tops[row], tops[row + 2])) for side in (column - 1, column))
            if walls or (row == 0 and not (one.words and other.words)):
                joins.append(((row, column), (row + 1, column)))
    return _joined(grid, joins)


def _grouped(
    grid: dict[tuple[int, int], _Cell], row: int, line: Ruling, lefts: Sequence[float]
) -> Iterable[tuple[tuple[int, int], tuple[int, int]]]:
    """Pairs of cells in a row that one stroke below them holds together, as it does under the name of a group of columns."""
    for start, end in line.segments:
        under = [
            column
            for column in range(len(lefts) - 1)
            if min(end, lefts[column + 1]) - max(start, lefts[column]) > 0.6 * (lefts[column + 1] - lefts[column])
        ]
        if 1 < len(under) < len(lefts) - 1 and sum(bool(grid[row, column].words) for column in under) == 1:
            yield from (((row, column), (row, column + 1)) for column in under[:-1])


def _lies_on(border: float, grid: dict[tuple[int, int], _Cell], column: int) -> bool:
    """Whether all that stands in the first two cells of a column is one line in the middle of both."""
    held = [*grid[0, column].words, *grid[1, column].words]
    return bool(held) and all(
        word.box[1] + 0.15 * (word.box[3] - word.box[1]) < border < word.box[3] - 0.15 * (word.box[3] - word.box[1]) for word in held
    )


def _has_wall(upright: Sequence[Ruling], down: Sequence[float], side: int, reach: tuple[float, float]) -> bool:
    """Whether a border is drawn beside two rows; the sides before the first and after the last border are those of the table."""
    lines: Sequence[Ruling]
    if 0 <= side < len(down):
        lines = [line for line in upright if line.place == down[side]]
    elif side < 0:
        lines = upright[:1] if not down or (upright and upright[0].place < down[0]) else []
    else:
        lines = upright[-1:] if not down or (upright and upright[-1].place > down[-1]) else []
    return any(line.covers(*reach) > 0.8 for line in lines)


def _place(word: Word, across: Sequence[float], down: Sequence[float]) -> tuple[int, int]:
    x, y = (word.box[0] + word.box[2]) / 2, (word.box[1] + word.box[3]) / 2
    return sum(border <= y for border in across), sum(border <= x for border in down)


def _spread(
    words: Sequence[Word],
    grid: dict[tuple[int, int], _Cell],
    across: Sequence[float],
    down: Sequence[float],
    drawn: dict[float, Ruling],
    tops: Sequence[float],
) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Put the words into the cells; return the pairs of cells that one phrase runs over."""
    phrases: dict[int, list[tuple[list[Word], int, int]]] = {}
    for phrase in _phrases(words):
        row = _place(phrase[0], across, down)[0]
        walls = [border for border in down if border in drawn and drawn[border].covers(tops[row], tops[row + 1]) >= 0.5]
        for part in _cut(phrase, walls):
            left, right = min(word.box[0] for word in part), max(word.box[2] for word in part)
            first = sum(border <= left + 2.0 for border in down)
            last = max(first, sum(border < right - 2.0 for border in down))
            phrases.setdefault(row, []).append((part, first, last))
    crossed = [sum(any(first <= column < last for _, first, last in parts) for parts in phrases.values()) for column in range(len(down))]
    joins = []
    for row, parts in phrases.items():
        for part, first, last in parts:
            alone = not any(other is not part and start <= last and first <= end for other, start, end in parts)
            # Where phrases run over a border in many rows, it parts columns that stand close.
            usual = any(crossed[column] > max(2, 0.3 * len(phrases)) for column in range(first, last))
            if first < last and alone and not usual:
                grid[row, first].words += part
                joins += [((row, column), (row, column + 1)) for column in range(first, last)]
            else:
                for word in part:
                    grid[row, _place(word, across, down)[1]].words.append(word)
    return joins


def _phrases(words: Sequence[Word]) -> Iterable[list[Word]]:
    """Words of a line with no more than a blank between them."""
    phrase: list[Word] = []
    for word in words:
        if phrase and not _neighbours(phrase[-1], word):
            yield phrase
            phrase = []
        phrase.append(word)
    if phrase:
        yield phrase


def _neighbours(one: Word, other: Word) -> bool:
    if (one.block, one.line) != (other.block, other.line):
        return False
    gap = max(other.box[0] - one.box[2], one.box[0] - other.box[2])
    return gap <= 0.4 * max(one.size, 1.0)


def _cut(phrase: Sequence[Word], walls: Sequence[float]) -> Iterable[list[Word]]:
    parts: dict[int, list[Word]] = {}
    for word in phrase:
        parts.setdefault(sum(wall <= (word.box[0] + word.box[2]) / 2 for wall in walls), []).append(word)
    return parts.values()


def _touch(one: Sequence[Word], other: Sequence[Word]) -> bool:
    """Whether a line of text goes on from one cell into the other, or one of them is empty."""
    if not one or not other:
        return True
    ends = {(word.block, word.line): word for word in one}
    return any(_neighbours(ends[place], word) for word in other if (place := (word.block, word.line)) in ends)


def _follow(one: Sequence[Word], other: Sequence[Word]) -> bool:
    """Whether the lines of the second cell follow those of the first as those of one paragraph do, or one of them is empty."""
    if not one or not other:
        return True
    last = max(one, key=lambda word: word.box[3])
    return min(word.box[1] for word in other) - last.box[3] < 0.6 * (last.box[3] - last.box[1])


def _joined(grid: dict[tuple[int, int], _Cell], joins: Iterable[tuple[tuple[int, int], tuple[int, int]]]) -> list[_Cell]:
    for one, other in joins:
        first = grid[one]
        taken, waiting = {id(first)}, [grid[other]]
        # A merged cell is a rectangle: whatever its bounds reach over joins it.
        while waiting:
            cell = waiting.pop()
            if id(cell) in taken:
                continue
            taken.add(id(cell))
            first.take(cell)
            for row in range(first.row, first.last_row + 1):
                for column in range(first.column, first.last_column + 1):
                    waiting.append(grid[row, column])
                    grid[row, column] = first
    return list({id(cell): cell for cell in grid.values()}.values())


def _read(boxes: Sequence[_Cell]) -> Cells:
    """Text, spans and header of the cells, without rows and columns that are empty throughout."""
    filled = [box for box in boxes if box.words]
    used_rows = sorted({row for box in filled for row in range(box.row, box.last_row + 1)})
    used_columns = sorted({column for box in filled for column in range(box.column, box.last_column + 1)})
    row_at = {row: number for number, row in enumerate(used_rows)}
    column_at = {column: number for number, column in enumerate(used_columns)}
    texts = [["" for _ in used_columns] for _ in used_rows]
    bold: dict[int, bool] = {}
    spans = []
    for box in boxes:
        tall = [row_at[row] for row in range(box.row, box.last_row + 1) if row in row_at]
        wide = [column_at[column] for column in range(box.column, box.last_column + 1) if column in column_at]
        if not tall or not wide:
            continue
        texts[tall[0]][wide[0]] = cell_text(box.words)
        if box.words:
            bold[tall[0]] = bold.get(tall[0], True) and all(word.bold for word in box.words)
        if len(tall) > 1 or len(wide) > 1:
            spans.append((tall[0], wide[0], len(tall), len(wide)))
    if _runs_leftwards(word for box in filled for word in box.words):
        texts = [line[::-1] for line in texts]
        spans = [(row, len(used_columns) - column - wide, tall, wide) for row, column, tall, wide in spans]
        # The text of a merged cell stands at its first column, which was its last.
        for start, first, _, width in spans:
            texts[start][first], texts[start][first + width - 1] = texts[start][first + width - 1], texts[start][first]
    rows = tuple(map(tuple, texts))
    header, bold_header = header_rows(rows, spans, bold)
    return Cells(rows, tuple(sorted(spans)), header, bold_header)


def _runs_leftwards(words: Iterable[Word]) -> bool:
    """Whether most words are Hebrew or Arabic: then the first column is the one on the right."""
    directions = [bidirectional(word.text[0]) for word in words]
    return 2 * sum(one in ("R", "AL") for one in directions) > len(directions)


def cell_text(words: Sequence[Word]) -> str:
    """The words of a cell, line by line from the top, without the dots that lead the eye to a page number."""
    lines: dict[tuple[int, int], list[Word]] = {}
    for word in words:
        lines.setdefault((word.block, word.line), []).append(word)
    rows: list[list[tuple[int, list[Word]]]] = []
    for number, line in sorted(enumerate(lines.values()), key=lambda numbered: numbered[1][0].box[1]):
        middle = (line[0].box[1] + line[0].box[3]) / 2
        if rows and middle < rows[-1][0][1][0].box[3]:
            rows[-1].append((number, line))
        else:
            rows.append([(number, line)])
    # Lines side by side keep the order of the content: it is right for every direction of writing.
    texts = [line_text([word for _, line in sorted(row, key=lambda numbered: numbered[0]) for word in line]) for row in rows]
    return _LEADERS.sub(" ", clean(join_lines(texts))).strip()


def header_rows(rows: Sequence[Sequence[str]], spans: Iterable[tuple[int, int, int, int]], bold: dict[int, bool]) -> tuple[int, bool]:
    """How many rows at the top name the columns, and whether bold letters say so.

    Bold rows above rows that are not; else as many as the merged cells of the first row reach over; else one, unless a column
    has a number in its first row as it has below.
    """
    if len(rows) < 2:
        return 0, False
    leading = 0
    while leading < min(len(rows), _MAX_HEADER + 1) and bold.get(leading, False):
        leading += 1
    if 0 < leading <= _MAX_HEADER and leading < len(rows):
        return leading, True
    starts = {(row, column): (tall, wide) for row, column, tall, wide in spans}
    depth = 1
    row = 0
    while row < depth:
        reach = [(tall, wide) for (start, _), (tall, wide) in starts.items() if start == row]
        depth = max(depth, row + max((tall for tall, _ in reach), default=1))
        if any(wide > 1 for _, wide in reach):
            depth = max(depth, row + 2)
        row += 1
    if depth > 1:
        return (depth, False) if depth < min(len(rows), _MAX_HEADER + 1) else (1, False)
    for column, first in enumerate(rows[0]):
        below = [line[column] for line in rows[1:] if line[column]]
        if (
            _NUMBER.match(first)
            and not _YEAR.match(first)
            and below
            and sum(bool(_NUMBER.match(text)) for text in below) > 0.8 * len(below)
        ):
            return 0, False
    return 1, False
