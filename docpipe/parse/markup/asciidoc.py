"""AsciiDoc, rewritten where docling's reader loses or garbles it."""

from __future__ import annotations

import re
from collections.abc import Iterator

_DELIMITER = re.compile(r"(-{4,}|\.{4,}|\+{4,}|/{4,}|`{3,})[\w,+#.-]*\s*$")
_TABLE = re.compile(r"[|!]===\s*$")
_ATTRIBUTES = re.compile(r"\[([^\[\]]*)\]\s*$")
_COLUMNS = re.compile(r"""\bcols\s*=\s*(?:"([^"]{1,500})"|'([^']{1,500})'|([^,\s\]]{1,20}))""")
_REPEATED = re.compile(r"(\d{1,3})\*")
_CELL = re.compile(r"(?:(?:(?<=\s)|^)(?:(\d{1,3})(\*)|(\d{1,3})?(?:\.(\d{1,4}))?\+)?(?:[<^>](?:\.[<^>])?|\.[<^>])?[aehlmsvd]?)?(?<!\\)\|")
_ENTRY = re.compile(r":[\w.!-]+:|//")
_LINK = re.compile(r"(?:link:|mailto:|xref:|(?=https?://|ftp://))[^\s\[\]<>]{1,2000}\[([^\]]{0,1000})\]")
_BARE_LINK = re.compile(r"(?:link:|mailto:)?([^\s\[\]<>]{1,2000})\[\]")
_REFERENCE = re.compile(r"<<[^<>,]{1,200},\s*([^<>]{1,500})>>")
_FOOTNOTE = re.compile(r"\s?footnote:[\w-]*\[([^\]]{1,5000})\]")
_PICTURE = re.compile(r"\bimage:(?!:)[^\s\[\]]{1,500}\[([^\],]{0,500})(?:,[^\]]{0,500})?\]")
_FORMULA = re.compile(r"\b(?:stem|latexmath|asciimath):\[([^\]]{1,2000})\]")
_MAX_COLUMNS = 500


def simplified(text: str) -> str:
    """The text with one line for each row of a table, macros within lines as their words, and authors named as such.

    Footnotes stand in brackets where they are referred to; cells that span others leave the others empty.
    """
    return "\n".join(_lines(text.split("\n")))


def _lines(lines: list[str]) -> Iterator[str]:
    number = 0
    columns = 0
    if lines and lines[0].startswith("= "):
        yield lines[0]
        number = 1
        # Author and revision: names with initials would be taken for lists.
        while number < len(lines) and lines[number].strip() and not lines[number].startswith(("=", "[")):
            line = lines[number]
            yield line if _ENTRY.match(line) else f"\nBy: {line}"
            number += 1
        yield ""
    while number < len(lines):
        line = lines[number]
        number += 1
        if attributes := _ATTRIBUTES.match(line):
            columns = _columns(attributes[1])
            yield line
        elif block := _DELIMITER.match(line):
            end = _end(lines, number, block[1])
            yield from _block(lines[number - 1 : end + 1], block[1])
            number = end + 1
        elif _TABLE.match(line):
            end = _end(lines, number, line.strip())
            yield line
            yield from _table([_inline(one) for one in lines[number:end]], columns)
            yield line.strip() if end < len(lines) else ""
            number, columns = end + 1, 0
        else:
            columns = columns if line.startswith(".") else 0
            yield _inline(line)


def _end(lines: list[str], start: int, delimiter: str) -> int:
    """Index of the line that closes a block, or of the end."""
    return next((at for at in range(start, len(lines)) if lines[at].rstrip() == delimiter), len(lines))


def _block(lines: list[str], delimiter: str) -> Iterator[str]:
    """Code and comments as they stand; what passes through unformatted, formulas above all, as a paragraph."""
    if delimiter.startswith("+"):
        yield from ("", " ".join(line.strip() for line in lines[1:] if line.strip() != delimiter), "")
    else:
        yield from lines


def _columns(attributes: str) -> int:
    found = _COLUMNS.search(attributes)
    if not found:
        return 0
    widths = re.split(r"[,;]", found[1] or found[2] or found[3])
    return min(_MAX_COLUMNS, sum(int(times[1]) if (times := _REPEATED.match(width.strip())) else 1 for width in widths))


def _table(lines: list[str], columns: int) -> Iterator[str]:
    """Rows of `columns` cells; of as many as the first line holds where nobody says how many.

    A table with a line for each row and no spans stays as it is, so that a bar too many costs its row alone.
    """
    found = [[cell.group(1, 3, 4) for cell in _CELL.finditer(line)] for line in lines if line.strip()]
    if all(len(cells) > 1 and not any(map(any, cells)) for cells in found):
        yield from lines
        return
    cells: list[tuple[str, int, int]] = []
    for line in lines:
        starts = list(_CELL.finditer(line))
        before = line[: starts[0].start()] if starts else line
        if cells and before.strip():
            text, across, down = cells[-1]
            cells[-1] = (f"{text} {before.strip()}".strip(), across, down)
        for index, start in enumerate(starts):
            after = starts[index + 1].start() if index + 1 < len(starts) else len(line)
            cell = (line[start.end() : after].strip(), min(int(start[3] or 1), _MAX_COLUMNS), int(start[4] or 1))
            cells += [cell] * (min(int(start[1]), _MAX_COLUMNS) if start[2] else 1)
        if cells and not columns:
            columns = min(_MAX_COLUMNS, sum(across for _, across, _ in cells))
    yield from _rows(cells, columns)


def _rows(cells: list[tuple[str, int, int]], columns: int) -> Iterator[str]:
    below = [0] * columns
    row: list[str] = []
    for text, across, down in cells:
        while len(row) < columns and below[len(row)]:
            below[len(row)] -= 1
            row.append("")
        for column in range(len(row), min(columns, len(row) + across)):
            below[column] += down - 1
        row += [text, *[""] * (across - 1)]
        while len(row) < columns and below[len(row)]:
            below[len(row)] -= 1
            row.append("")
        if len(row) >= columns:
            yield " ".join(f"|{one}" for one in row)
            row = []
    if row:
        yield " ".join(f"|{one}" for one in row)


def _inline(line: str) -> str:
    """A line with its macros as the words that a reader sees."""
    if "[" in line:
        line = _FORMULA.sub(r"$\1$", line)
        line = _FOOTNOTE.sub(r" (\1)", line)
        line = _PICTURE.sub(r"\1", line)
        line = _LINK.sub(lambda link: link[1].split(",")[0].rstrip("^") or _BARE_LINK.sub(r"\1", link[0]), line)
    return _REFERENCE.sub(r"\1", line) if "<<" in line else line
