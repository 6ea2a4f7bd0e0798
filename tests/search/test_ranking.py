from __future__ import annotations

from itertools import permutations

from docpipe.index import Fusion, Match, Part
from docpipe.search.hit import Hit, hit_of
from docpipe.search.ranking import in_order

PAYLOAD = {
    "generation": 1, "chunk": 0, "text": "", "heading_path": [], "pages": [], "boxes": [], "kind": "text", "language": "en",
    "document_class": "", "media_type": "text/plain", "quality": 1.0,
}  # fmt: skip


def hit(key: str, dense: tuple[int, float] | None, sparse: tuple[int, float] | None) -> Hit:
    """One hit with rank and score of each side."""
    sides = [part and Part(*part) for part in (dense, sparse)]
    return hit_of(Match(0.5, PAYLOAD | {"key": key, "object_key": key}, *sides), query_cut=False)


def order(hits: list[Hit], fusion: Fusion) -> list[tuple[str, float]]:
    return [(one.key, round(one.score, 4)) for one in in_order(hits, fusion)]


def test_two_copies_are_ranked_alike_however_the_engine_put_them() -> None:
    one = [hit("a", (1, 0.9), (2, 7.0)), hit("b", (2, 0.9), (1, 7.0)), hit("c", (3, 0.5), (3, 4.0))]
    other = [hit("b", (1, 0.9), (1, 7.0)), hit("a", (2, 0.9), (2, 7.0)), hit("c", (3, 0.5), (3, 4.0))]
    assert order(one, Fusion()) == order(other, Fusion()) == [("a", 0.3485), ("b", 0.3485), ("c", 0.2788)]
    assert [(found.dense, found.sparse) for found in in_order(other, Fusion())[:2]] == [(Part(1, 0.9), Part(1, 7.0))] * 2


def test_of_equals_the_terms_choice_is_first_then_the_meanings_then_the_name() -> None:
    equals = [hit("a", (2, 0.9), None), hit("b", None, (1, 7.0))]
    assert order(equals, Fusion()) == [("b", 0.1667), ("a", 0.1667)]
    alike = [hit("d", (8, 0.1), None), hit("e", (9, 0.1), None), hit("c", (7, 0.2), None)]
    every = {tuple(key for key, _ in order(list(some), Fusion())) for some in permutations(alike)}
    assert every == {("c", "d", "e")}


def test_what_only_a_side_without_weight_found_is_left_out() -> None:
    hits = [hit("a", (1, 0.9), None), hit("b", (2, 0.8), (1, 7.0))]
    assert order(hits, Fusion(dense=0.0)) == [("b", 0.1667)]
    assert order(hits, Fusion(sparse=0.0)) == [("a", 0.1818), ("b", 0.1667)]


def test_what_neither_side_knows_keeps_the_engines_score() -> None:
    assert order([hit("a", None, None), hit("b", (4, 0.9), None)], Fusion()) == [("a", 0.5), ("b", 0.1429)]
