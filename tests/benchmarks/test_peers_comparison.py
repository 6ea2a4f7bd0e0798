from dataclasses import replace

import pytest

from benchmarks.peers.comparison import Comparison, verdicts
from benchmarks.peers.competitors import COMPETITORS, OURS, Competitor
from benchmarks.peers.process import Measurement
from docpipe.golden import Target

OUR, THEIR, OTHER = Competitor(OURS, "ours"), Competitor("Haystack", "haystack"), Competitor("LangChain", "langchain")
MEASURED = Measurement(
    seconds=10.0, cpu_seconds=20.0, peak_bytes=400_000_000, points=1_000, tokens=150_000, cut=3, files=("a.pdf",), found={}
)


def cost(seconds: float, cpu_seconds: float) -> Measurement:
    return replace(MEASURED, seconds=seconds, cpu_seconds=cpu_seconds)


def test_a_row_holds_rates_and_what_is_stored() -> None:
    (row,) = Comparison("1,000 chunks", [{OUR: MEASURED}]).rows()
    assert row["who"] == OURS
    assert (row["chunks_per_s"], row["tokens_per_s"], row["cpu_ms_a_chunk"]) == (100.0, 15_000, 20.0)
    assert (row["peak_mb"], row["points"], row["cut"]) == (400, 1_000, 3)
    assert (row["times_our_seconds"], row["times_our_cpu"]) == (1.0, 1.0)
    assert "ndcg" not in row


def test_ratios_are_taken_within_a_round_since_the_machine_is_not_the_same_in_the_next() -> None:
    rounds = [{OUR: cost(10, 10), THEIR: cost(60, 50)}, {OUR: cost(30, 11), THEIR: cost(180, 55)}]
    ours, theirs = Comparison("chunks", rounds).rows()
    assert (ours["seconds"], theirs["seconds"]) == (20.0, 120.0)
    assert theirs["times_our_seconds"] == 6.0
    assert theirs["times_our_cpu"] == 5.0


def test_a_competitor_that_failed_is_named_with_its_last_words_and_the_others_stay() -> None:
    comparison = Comparison("chunks", [{OUR: MEASURED}], {THEIR: "No module named 'haystack'"})
    ours, failed = comparison.rows()
    assert ours["who"] == OURS
    assert failed == {"case": "chunks", "who": "Haystack", "failed": "No module named 'haystack'"}


def test_one_that_failed_in_a_later_round_keeps_its_first() -> None:
    rounds = [{OUR: cost(10, 10), THEIR: cost(60, 50)}, {OUR: cost(10, 10)}]
    rows = Comparison("chunks", rounds, {THEIR: "killed"}).rows()
    assert [(row["who"], row["times_our_seconds"]) for row in rows] == [(OURS, 1.0), ("Haystack", 6.0)]


def test_scores_count_all_questions_and_those_on_files_that_everybody_read() -> None:
    judged = {"text": {Target("a.pdf", 1): 1}, "scan": {Target("scan.pdf", 1): 1}}
    ours = replace(MEASURED, files=("a.pdf", "scan.pdf"), found={"text": [("a.pdf", 2)], "scan": [("scan.pdf", 1)]})
    theirs = replace(MEASURED, files=("a.pdf",), found={"text": [("a.pdf", 1)], "scan": [("a.pdf", 1)]})
    first, second = Comparison("files", [{OUR: ours, THEIR: theirs}], judged=judged).rows()
    assert (first["ndcg_all"], first["ndcg"], first["ndcg_pages"]) == (1.0, 1.0, 0.0)
    assert (second["ndcg_all"], second["ndcg"], second["ndcg_pages"]) == (0.5, 1.0, 1.0)


def test_the_verdict_names_the_best_of_the_peers_for_each_way_of_ours() -> None:
    slower = Competitor(f"{OURS}, Dagster", "ours_dagster")
    measured = {OUR: cost(10, 10), slower: cost(20, 12.5), THEIR: cost(80, 50), OTHER: cost(70, 60)}
    rows = Comparison("files", [measured | {Competitor("CocoIndex", "cocoindex"): cost(20, 20)}]).rows()
    assert verdicts(rows, OURS, ("Haystack", "LangChain")) == [
        "files: docpipe is 7.0 times as fast as LangChain by the clock and 5.0 times as fast as Haystack by processor time",
        "files: docpipe, Dagster is 3.5 times as fast as LangChain by the clock and 4.0 times as fast as Haystack by processor time",
    ]


def test_without_peers_there_is_no_verdict() -> None:
    assert verdicts(Comparison("chunks", [{OUR: MEASURED}]).rows(), OURS, ("Haystack",)) == []


@pytest.mark.parametrize("kind", sorted(COMPETITORS))
def test_ours_comes_first_and_everybody_once(kind: str) -> None:
    competitors = COMPETITORS[kind]
    assert competitors[0] == Competitor(OURS, "ours")
    assert len({one.name for one in competitors}) == len(competitors)
