"""From the passages of a search to a ranking of what was judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from docpipe.golden.target import Target


def rank_targets(passages: Iterable[tuple[str, tuple[int, ...]]], grades: Mapping[Target, int]) -> list[Target]:
    """Rank documents and pages by their best passage; each stands once.

    `passages` are object key and pages, best first. Where a document is judged by its pages, a passage counts as its pages:
    one that runs over several takes a single rank, unless more than one of them is judged. Otherwise it counts as its document.
    """
    by_page = {target.object_key for target in grades if target.page is not None}
    ranked: dict[Target, None] = {}
    passed: set[Target] = set()
    for object_key, pages in passages:
        found = [Target(object_key, page) for page in pages] if object_key in by_page else []
        new = [target for target in found or [Target(object_key)] if target not in ranked and target not in passed]
        relevant = sorted((target for target in new if grades.get(target)), key=lambda target: -grades[target])
        ranked |= dict.fromkeys(relevant or new[:1])
        passed |= set(new)
    return list(ranked)
