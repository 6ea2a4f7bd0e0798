"""Reading the files of a golden set: BEIR's JSON lines and tab-separated judgements."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from docpipe.errors import GoldenSetInvalid
from docpipe.golden.target import Target

QUERIES = "queries.jsonl"
QRELS = ("qrels.tsv", "qrels/test.tsv")
"""Where the judgements stand; the second is where BEIR's own sets have them."""
COLUMNS = ("query-id", "corpus-id", "score")

Queries = dict[str, str]
"""Text by query id."""
Judgements = dict[str, dict[Target, int]]
"""Grades by query id and target."""


def read_beir(folder: Path) -> tuple[Queries, Judgements]:
    """Read the judged queries of a folder, each with at least one target of a grade above 0.

    BEIR's own sets keep the queries of all their parts in one file, so beside `qrels/test.tsv` those without a judgement
    are left out. Raises `GoldenSetInvalid` with the file and the line at fault.
    """
    qrels = next((path for name in QRELS if (path := folder / name).exists()), folder / QRELS[0])
    lines = _read_queries(folder / QUERIES)
    judgements = _read_qrels(qrels, lines)
    for query, (line, _) in lines.items():
        if any(judgements.get(query, {}).values()):
            continue
        if qrels == folder / QRELS[0]:
            reason = f"nothing answers the query {query!r}: give it a line with a score above 0 in {qrels.name}, or take it out"
            raise _invalid(folder / QUERIES, line, reason)
        judgements.pop(query, None)
    if not judgements:
        raise GoldenSetInvalid(f"{qrels}: no query has a score above 0")
    return {query: text for query, (_, text) in lines.items() if query in judgements}, judgements


def _read_queries(path: Path) -> dict[str, tuple[int, str]]:
    """Line number and text by query id."""
    queries: dict[str, tuple[int, str]] = {}
    for line, content in _lines(path):
        try:
            fields = json.loads(content)
        except ValueError as error:
            raise _invalid(path, line, f"not JSON ({error})") from None
        if not isinstance(fields, dict) or not isinstance(fields.get("_id"), str | int) or not isinstance(fields.get("text"), str):
            raise _invalid(path, line, 'expected an object like {"_id": "1", "text": "When does it open?"}')
        query, text = str(fields["_id"]), str(fields["text"]).strip()
        if not query or not text:
            raise _invalid(path, line, "an id and a text must not be empty")
        if query in queries:
            raise _invalid(path, line, f"the id {query!r} is that of line {queries[query][0]} too")
        queries[query] = line, text
    if not queries:
        raise GoldenSetInvalid(f"{path}: holds no query")
    return queries


def _read_qrels(path: Path, queries: Mapping[str, object]) -> Judgements:
    rows = _lines(path)
    first, header = next(rows, (1, ""))
    if tuple(header.split("\t")) != COLUMNS:
        raise _invalid(path, first, f"expected the header {', '.join(COLUMNS)}, separated by tabs")
    judgements: Judgements = {}
    for line, content in rows:
        columns = content.split("\t")
        if len(columns) != len(COLUMNS):
            raise _invalid(path, line, f"{len(columns)} columns instead of {len(COLUMNS)} ({', '.join(COLUMNS)}), separated by tabs")
        query, corpus_id, score = (column.strip() for column in columns)
        if query not in queries:
            raise _invalid(path, line, f"no query in {QUERIES} has the id {query!r}")
        if not corpus_id:
            raise _invalid(path, line, "the corpus-id is empty: give an object key, or an object key with #page= and a number")
        if not (score.isascii() and score.isdigit() and len(score) < 4):
            raise _invalid(path, line, f"the score {score[:20]!r} is not a whole number from 0 to 999")
        target, grades = Target.parse(corpus_id), judgements.setdefault(query, {})
        if target in grades:
            raise _invalid(path, line, f"{target} was judged before for the query {query!r}")
        whole = any(other.object_key == target.object_key and (other.page is None) != (target.page is None) for other in grades)
        if whole:
            raise _invalid(path, line, f"the query {query!r} judges {target.object_key} by its pages and as a whole: choose one")
        grades[target] = int(score)
    return judgements


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, numbered from 1."""
    try:
        with path.open(encoding="utf-8-sig", newline=None) as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line.rstrip("\n")
    except UnicodeDecodeError as error:
        raise GoldenSetInvalid(f"{path}: not UTF-8 ({error.reason} at byte {error.start}): save it as UTF-8") from None
    except OSError as error:
        expected = f"a golden set is a folder with {QUERIES} and {' or '.join(QRELS)}"
        raise GoldenSetInvalid(f"{path} cannot be read ({error.strerror}): {expected}") from None


def _invalid(path: Path, line: int, reason: str) -> GoldenSetInvalid:
    return GoldenSetInvalid(f"{path}, line {line}: {reason}")
