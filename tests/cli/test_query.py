"""What `docpipe query` prints, on an embedded installation."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from docpipe.cli.query import named_pages
from docpipe.pipeline import Pipeline
from docpipe.settings import load_settings
from tests.cli.test_commands import answer, clean, invoke, process
from tests.search.conftest import cross_encoder_master

__all__ = ["cross_encoder_master"]

GATE = "How wide is the gate of the service hall?"


@pytest.fixture(scope="module", autouse=True)
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A home with a text twice in two folders, an old one, and one with headings."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        folder = clean.__wrapped__(tmp_path_factory.mktemp("query"), monkeypatch)  # type: ignore[attr-defined]
        answer("add", str(folder / "gate.txt"), "--prefix", "halls/2024")
        answer("add", str(folder / "gate.txt"), "--prefix", "copies")
        answer("add", str(folder / "bearing.md"), str(folder / "words.txt"))
        old = load_settings().home / "bucket" / "words.txt"
        os.utime(old, (1_500_000_000, 1_500_000_000))
        process()
        yield


def keys(*arguments: str, exits: int = 0) -> set[str]:
    """Documents that are found, whether they say the same or not."""
    return {hit["object_key"] for hit in answer("query", "gate bearing report", "--duplicates", "--limit", "20", *arguments, exits=exits)}


def test_what_says_the_same_is_named_once() -> None:
    first, *others = answer("query", GATE)
    assert {first["object_key"], first["duplicates"][0]["object_key"]} == {"halls/2024/gate.txt", "copies/gate.txt"}
    assert not {hit["object_key"] for hit in others} & {"halls/2024/gate.txt", "copies/gate.txt"}
    assert "the same in" in invoke("query", GATE).stdout
    assert {"halls/2024/gate.txt", "copies/gate.txt"} <= keys()
    assert "the same in" not in invoke("query", GATE, "--duplicates").stdout


def test_restrictions() -> None:
    assert keys("--document", "bearing.md") == {"bearing.md"}
    assert keys("--document", "bearing.md", "--document", "words.txt") == {"bearing.md", "words.txt"}
    assert keys("--tag", "halls") == keys("--tag", "halls/2024/") == {"halls/2024/gate.txt"}
    assert keys("--tag", "halls", "--tag", "copies") == {"halls/2024/gate.txt", "copies/gate.txt"}
    assert keys("--before", "2018-01-01") == {"words.txt"}
    assert "words.txt" not in keys("--since", "2018-01-01T00:00+02:00")
    found = {hit["document_class"] for hit in answer("query", "gate")}
    assert keys("--class", found.pop())
    assert "bearing.md" in keys("--language", "en") == keys("--language", "EN")


@pytest.mark.parametrize(
    ("pages", "named"),
    [((), ""), ((7,), ", page 7"), ((1, 2), ", pages 1, 2"), ((3, 1, 2), ", pages 1-3"), ((1, 2, 3, 5, 8, 9), ", pages 1-3, 5, 8, 9")],
)
def test_pages_that_follow_each_other_are_named_together(pages: tuple[int, ...], named: str) -> None:
    assert named_pages(pages) == named


@pytest.mark.parametrize(
    ("option", "value"),
    [("--class", "no such"), ("--language", "xx"), ("--tag", "no such"), ("--since", "2999-01-01"), ("--before", "1980-01-01")],
)
def test_restrictions_that_nothing_meets(option: str, value: str) -> None:
    assert keys(option, value, exits=1) == set()
    shown = invoke("query", "gate", option, value)
    assert (shown.exit_code, "without the restrictions" in shown.stdout) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--document", "bearing.md", "--document", "no such"), "no document 'no such'"),
        (("--since", "yesterday"), "'yesterday' is no date"),
        (("--before", "2024-13-01"), "2024-05-31"),
        (("--context", "many"), "a number from 0 to 20, or section"),
        (("--context", "21"), "a number from 0 to 20, or section"),
        (("--limit", "0"), "limit"),
    ],
    ids=["unknown document", "no date", "no month", "no number", "too much around", "no passages"],
)
def test_wrong_usage_says_what_is_right(arguments: tuple[str, ...], reason: str) -> None:
    shown = invoke("query", "gate", *arguments)
    assert shown.exit_code == 2
    assert reason in shown.output


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((" ",), "ask a question"),
        (("gate", "--since", "2024-01-01", "--before", "2023-01-01"), "earlier"),
        (("gate", "--rerank"), "DOCPIPE_RERANKER"),
    ],
    ids=["empty", "dates", "no cross-encoder"],
)
def test_what_cannot_be_answered_says_why(arguments: tuple[str, ...], reason: str) -> None:
    raised = invoke("query", *arguments).exception
    assert reason in str(raised)


def test_what_stands_around_a_passage() -> None:
    section = answer("query", "Why was the main bearing replaced?", "--context", "section", "--document", "bearing.md")
    (cause,) = [hit for hit in section if hit["heading_path"][-1] == "Cause"]
    assert cause["context"]["text"] == cause["text"]
    (both,) = [hit for hit in answer("query", "rust", "--context", "1", "--document", "bearing.md") if hit["chunk"] == cause["chunk"]]
    assert "replaced" in both["context"]["text"]
    assert both["context"]["text"][both["context"]["start"] : both["context"]["end"]] == "Rust."
    shown = invoke("query", "rust", "--context", "1", "--document", "bearing.md", "--limit", "1").stdout
    assert "Rust." in shown
    assert "turbine seven" in shown
    assert answer("query", "rust", "--context", "0")[0]["context"] is None


def test_how_a_passage_came_to_its_place() -> None:
    hits = answer("query", GATE)
    assert hits[0]["dense"]["rank"] in {1, 2}
    assert hits[0]["sparse"]["score"] > 0
    shown = invoke("query", GATE, "--explain").stdout
    assert "by meaning" in shown
    assert f"{hits[0]['dense']['score']:.3f}" in shown


def test_a_query_that_was_cut_says_so() -> None:
    shown = invoke("query", "gate " * 1_000).stdout
    assert "only its beginning" in shown


def test_a_cross_encoder_orders_anew(cross_encoder_master: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCPIPE_RERANKER", str(cross_encoder_master))
    scores = [hit["rerank"] for hit in answer("query", GATE)]
    assert scores == sorted(scores, reverse=True)
    assert "reranked" in invoke("query", GATE).stdout
    assert f"{scores[0]:.3f}" in invoke("query", GATE, "--rerank", "--explain").stdout
    assert "reranked" not in invoke("query", GATE, "--no-rerank").stdout


def test_a_partition_key_names_a_document_too() -> None:
    pipeline = Pipeline(load_settings())
    (key,) = (document.key for document in pipeline.ledger.all_documents() if document.object_key == "bearing.md")
    pipeline.ledger.close()
    assert keys("--document", key) == {"bearing.md"}
