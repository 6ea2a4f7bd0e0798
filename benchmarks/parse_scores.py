"""How close what a reader found is to what is truly there.

Four numbers from 0 to 1 for a document, and TEDS without the text:

- text: normalised indel similarity of the whole text in reading order;
- order: of all pairs of paragraphs' beginnings and ends, the share found in the right order (Kendall's tau, from 0 to 1;
  a pair of which one cannot be found counts as wrong);
- headings: F1 over heading lines; where the truth has levels, a heading counts when it also stands at the same depth;
- tables: TEDS (tree edit distance similarity; Zhong, ShafieiBavani and Jimeno Yepes, 2020), each true table against the
  table most like it, false and missing ones counting as 0.

Headings and tables are counts to be summed over documents: a document without any has no score of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz
from rapidfuzz.distance import Indel, Levenshtein

from benchmarks.parse_blocks import Block, Blocks, Knowledge, stream
from benchmarks.table_tree import similarity

_SAME_HEADING = 0.8
_ANCHOR = 48
"""Characters at the beginning and at the end of a paragraph by which it is found again."""
_FOUND = 75.0
"""Percent of an anchor's characters that must agree: OCR makes mistakes."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What was right, of how much there was to be right."""

    right: float = 0.0
    total: float = 0.0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.right + other.right, self.total + other.total)

    @property
    def share(self) -> float | None:
        return self.right / self.total if self.total else None


@dataclass(frozen=True, slots=True)
class Score:
    """One reader on one document, or on several together."""

    text: Tally
    order: Tally
    headings: Tally
    tables: Tally
    structure: Tally
    """TEDS of the tables' structure alone."""

    def __add__(self, other: Score) -> Score:
        return Score(
            self.text + other.text,
            self.order + other.order,
            self.headings + other.headings,
            self.tables + other.tables,
            self.structure + other.structure,
        )

    @property
    def quality(self) -> float:
        """Mean of text, order, headings and tables, as far as there are any."""
        shares = [tally.share for tally in (self.text, self.order, self.headings, self.tables)]
        known = [share for share in shares if share is not None]
        return sum(known) / len(known)


def score(truth: Blocks, found: Blocks, knows: Knowledge = Knowledge.ALL) -> Score:
    """Score one document; text and order count once for each document, headings and tables by their number."""
    true_stream, found_stream = stream(truth), stream(found)
    text = Tally(Indel.normalized_similarity(true_stream, found_stream), 1.0)
    order = _order(truth, found_stream)
    if knows is Knowledge.TEXT:
        return Score(text, order, Tally(), Tally(), Tally())
    return Score(text, order, _headings(truth, found, knows is Knowledge.ALL), *_tables(truth, found))


def _order(truth: Blocks, found: str) -> Tally:
    anchors = [anchor for block in truth if block.kind == "text" for anchor in _anchors(block.stream)]
    if len(anchors) < 2:
        return Tally()
    places = [_place(anchor, found) for anchor in anchors]
    right = sum(
        before is not None and after is not None and before < after
        for number, before in enumerate(places)
        for after in places[number + 1 :]
    )
    return Tally(right / (len(places) * (len(places) - 1) / 2), 1.0)


def _anchors(text: str) -> Iterator[str]:
    if len(text) > 2 * _ANCHOR:
        yield text[:_ANCHOR]
        yield text[-_ANCHOR:]
    elif len(text) > _ANCHOR // 2:
        yield text


def _place(anchor: str, text: str) -> int | None:
    exact = text.find(anchor)
    if exact >= 0:
        return exact
    found = fuzz.partial_ratio_alignment(anchor, text, score_cutoff=_FOUND)
    return None if found is None else found.dest_start


def _headings(truth: Blocks, found: Blocks, leveled: bool) -> Tally:
    """Twice the matches, of the true and the found ones together: F1, as a sum over documents."""
    true, mine = _outline(truth), _outline(found)
    free = set(range(len(mine)))
    matches = 0
    for text, depth in true:
        best = max(free, key=lambda index: (Indel.normalized_similarity(text, mine[index][0]), -index), default=None)
        if best is None or Indel.normalized_similarity(text, mine[best][0]) < _SAME_HEADING:
            continue
        free.remove(best)
        matches += not leveled or mine[best][1] == depth
    return Tally(2.0 * matches, float(len(true) + len(mine)))


def _outline(blocks: Blocks) -> list[tuple[str, int]]:
    """Every heading with its depth in the tree that the levels span: readers count levels in different ways."""
    found: list[tuple[str, int]] = []
    above: list[int] = []
    for block in blocks:
        if block.kind == "heading":
            while above and above[-1] >= block.level:
                above.pop()
            found.append((block.stream, len(above)))
            above.append(block.level)
    return found


def _tables(truth: Blocks, found: Blocks) -> tuple[Tally, Tally]:
    true = [block for block in truth if block.kind == "table"]
    mine = [block for block in found if block.kind == "table"]
    total = float(max(len(true), len(mine)))
    pairs = _pairs(true, mine)
    texts = sum(similarity(one.cells, other.cells, _text_distance) for one, other in pairs)
    bare = sum(similarity(one.cells, other.cells, None) for one, other in pairs)
    return Tally(texts, total), Tally(bare, total)


def _text_distance(one: str, other: str) -> float:
    return Levenshtein.normalized_distance(one, other)


def _pairs(true: Sequence[Block], mine: Sequence[Block]) -> list[tuple[Block, Block]]:
    """Each true table with the found one whose text is most like it, the best pairs first."""
    rated = sorted(
        ((Indel.normalized_similarity(one.stream, other.stream), -a, -b) for a, one in enumerate(true) for b, other in enumerate(mine)),
        reverse=True,
    )
    pairs, used_true, used_mine = [], set(), set()
    for rating, a, b in rated:
        if rating > 0 and a not in used_true and b not in used_mine:
            used_true.add(a)
            used_mine.add(b)
            pairs.append((true[-a], mine[-b]))
    return pairs
