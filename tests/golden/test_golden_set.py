from __future__ import annotations

import json
from pathlib import Path

import pytest

from docpipe.attachment_key import SEPARATOR
from docpipe.errors import GoldenSetInvalid
from docpipe.golden import GoldenSet, Target
from tests.golden.indexed import HEADER, lines, written

PROJECT = Path(__file__).parents[2]


def test_queries_and_judgements_are_read(tmp_path: Path) -> None:
    qrels = f"{HEADER}one\ta.pdf#page=3\t2\none\tb.md\t0\ntwo\tb.md\t1\n"
    golden = GoldenSet.load(written(tmp_path, lines(one="When?", two="Où ?"), qrels))
    assert golden.queries == {"one": "When?", "two": "Où ?"}
    assert golden.judgements == {"one": {Target("a.pdf", 3): 2, Target("b.md"): 0}, "two": {Target("b.md"): 1}}
    assert golden.object_keys == {"a.pdf", "b.md"}


def test_other_fields_blank_lines_and_windows_files_are_fine(tmp_path: Path) -> None:
    query = json.dumps({"_id": 7, "text": " When? ", "metadata": {"kind": "table"}})
    golden = GoldenSet.load(written(tmp_path, f"\ufeff{query}\r\n\r\n", f"{HEADER}7\ta.pdf\t1\n\n".replace("\n", "\r\n")))
    assert golden.queries == {"7": "When?"}
    assert golden.judgements == {"7": {Target("a.pdf"): 1}}


def test_beside_beirs_test_split_queries_of_other_splits_are_left_out(tmp_path: Path) -> None:
    qrels = f"{HEADER}two\ta.pdf\t1\nthree\ta.pdf\t0\n"
    golden = GoldenSet.load(written(tmp_path, lines(one="Trained on", two="When?", three="Nothing"), qrels, "qrels/test.tsv"))
    assert golden.queries == {"two": "When?"}
    assert list(golden.judgements) == ["two"]


@pytest.mark.parametrize(
    ("queries", "qrels", "message"),
    [
        ("{", HEADER, r"queries.jsonl, line 1: not JSON"),
        ("[]", HEADER, r"queries.jsonl, line 1: expected an object like"),
        ('{"_id": "1"}', HEADER, r"queries.jsonl, line 1: expected an object like"),
        ('{"_id": ["1"], "text": "x"}', HEADER, r"queries.jsonl, line 1: expected an object like"),
        ('{"_id": "1", "text": " "}', HEADER, r"queries.jsonl, line 1: an id and a text must not be empty"),
        (lines(a="x") + "\n" + lines(a="y"), HEADER, r"queries.jsonl, line 3: the id 'a' is that of line 1 too"),
        ("\n", HEADER, r"queries.jsonl: holds no query"),
        (lines(a="x"), "", r"qrels.tsv, line 1: expected the header query-id, corpus-id, score"),
        (lines(a="x"), "a\td\t1\n", r"qrels.tsv, line 1: expected the header"),
        (lines(a="x"), HEADER + "a\td\n", r"qrels.tsv, line 2: 2 columns instead of 3"),
        (lines(a="x"), HEADER + "a d 1\n", r"qrels.tsv, line 2: 1 columns instead of 3"),
        (lines(a="x"), HEADER + "b\td\t1\n", r"qrels.tsv, line 2: no query in queries.jsonl has the id 'b'"),
        (lines(a="x"), HEADER + "a\t \t1\n", r"qrels.tsv, line 2: the corpus-id is empty"),
        (lines(a="x"), HEADER + "a\td\t-1\n", r"qrels.tsv, line 2: the score '-1' is not a whole number"),
        (lines(a="x"), HEADER + "a\td\t1.5\n", r"qrels.tsv, line 2: the score '1.5' is not a whole number"),
        (lines(a="x"), HEADER + "a\td\t²\n", r"qrels.tsv, line 2: the score '²' is not a whole number"),
        (lines(a="x"), HEADER + "a\td\t1\na\td\t2\n", r"qrels.tsv, line 3: d was judged before for the query 'a'"),
        (lines(a="x"), HEADER + "a\td\t1\na\td#page=2\t2\n", r"qrels.tsv, line 3: the query 'a' judges d by its pages and as a whole"),
        (lines(a="x", b="y"), HEADER + "a\td\t1\n", r"queries.jsonl, line 2: nothing answers the query 'b'"),
        (lines(a="x"), HEADER + "a\td\t0\n", r"queries.jsonl, line 1: nothing answers the query 'a'"),
    ],
    ids=[
        "no json",
        "a list",
        "no text",
        "a list as id",
        "an empty text",
        "two of one id",
        "no query",
        "no header",
        "a row for the header",
        "too few columns",
        "spaces for tabs",
        "an unknown query",
        "an empty target",
        "a negative score",
        "a fraction",
        "a superscript",
        "judged twice",
        "by page and as a whole",
        "an unjudged query",
        "a query without an answer",
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(tmp_path: Path, queries: str, qrels: str, message: str) -> None:
    with pytest.raises(GoldenSetInvalid, match=message):
        GoldenSet.load(written(tmp_path, queries, qrels))


def test_a_split_that_judges_nothing_says_so(tmp_path: Path) -> None:
    with pytest.raises(GoldenSetInvalid, match=r"test.tsv: no query has a score above 0"):
        GoldenSet.load(written(tmp_path, lines(a="x"), HEADER, "qrels/test.tsv"))


def test_a_folder_that_is_none_says_what_belongs_there(tmp_path: Path) -> None:
    with pytest.raises(
        GoldenSetInvalid, match=r"queries.jsonl cannot be read .* a golden set is a folder with queries.jsonl and qrels.tsv"
    ):
        GoldenSet.load(tmp_path / "nowhere")
    (tmp_path / "queries.jsonl").write_bytes(b'{"_id": "a", "text": "caf\xe9"}')
    with pytest.raises(GoldenSetInvalid, match=r"queries.jsonl: not UTF-8"):
        GoldenSet.load(tmp_path)


def test_the_hash_is_of_the_content_and_not_of_its_order(tmp_path: Path) -> None:
    rows = ["a\td\t1\n", "b\te\t2\n", "b\tf\t1\n"]
    one = GoldenSet.load(written(tmp_path / "1", lines(a="x", b="y"), HEADER + "".join(rows)))
    same = GoldenSet.load(written(tmp_path / "2", lines(b="y", a="x"), HEADER + "".join(reversed(rows))))
    other = GoldenSet.load(written(tmp_path / "3", lines(a="x", b="y"), HEADER + "".join(rows).replace("2", "3")))
    assert one.sha256 == same.sha256 != other.sha256


@pytest.mark.parametrize(("folder", "least"), [("samples/golden", 80), ("benchmarks/golden_corpus", 40)])
def test_the_projects_own_sets_can_be_read(folder: str, least: int) -> None:
    golden = GoldenSet.load(PROJECT / folder)
    assert len(golden.queries) >= least
    kinds = {json.loads(line)["metadata"]["kind"] for line in (golden.folder / "queries.jsonl").read_text().splitlines()}
    assert {"text", "table", "scan", "exact", "paraphrase", "translated"} <= kinds


def test_every_judged_sample_is_among_the_samples() -> None:
    samples = PROJECT / "samples" / "documents"
    for object_key in GoldenSet.load(PROJECT / "samples" / "golden").object_keys:
        assert (samples / object_key.partition("!//")[0]).is_file(), object_key


def test_the_samples_set_asks_for_samples_only() -> None:
    asked = GoldenSet.load(PROJECT / "samples/golden").object_keys
    assert [key for key in asked if not (PROJECT / "samples/documents" / key.split(SEPARATOR)[0]).is_file()] == []
