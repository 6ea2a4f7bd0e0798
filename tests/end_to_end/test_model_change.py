"""The model is changed while people search: built beside, compared, searched, taken back, released; by the command line and the sensor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from typer.testing import CliRunner

from docpipe.cli.main import app
from docpipe.index import searched_collection
from docpipe.settings import load_settings
from resources.pipeline import _pipeline
from tests.end_to_end.home import TEXTS
from tests.end_to_end.tiny_model import DIMENSION, build_tiny_model
from tests.installation import Installation

NAMES = ("bearing.md", "gate.txt", "seal.html", "words.txt")
# Without the words of the answers, so that only a model that understands finds them.
QUESTIONS = {
    "bearing.md": "When did they exchange a part of the wind power plant?",
    "gate.txt": "How large is the entrance of the workshop?",
    "words.txt": "Did anything happen?",
}


@pytest.fixture
def golden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installation: Installation) -> None:
    folder = tmp_path / "golden"
    folder.mkdir()
    (folder / "queries.jsonl").write_text("".join(json.dumps({"_id": name, "text": text}) + "\n" for name, text in QUESTIONS.items()))
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(f"{name}\t{name}\t1\n" for name in QUESTIONS))
    monkeypatch.setenv("DOCPIPE_GOLDEN_SET", str(folder))
    # Meaning alone: by their words, passages are found with any model.
    monkeypatch.setenv("DOCPIPE_SEARCH_SPARSE_WEIGHT", "0")
    monkeypatch.setenv("DOCPIPE_OCR", "false")
    monkeypatch.setenv("DOCPIPE_WORKERS", "1")


@pytest.fixture
def indexed(installation: Installation, golden: None) -> Installation:
    """Four documents, indexed with the default model."""
    installation.put(**{name: TEXTS[name] for name in NAMES})
    assert all(result.success for result in installation.process_all())
    return installation


def restart(monkeypatch: pytest.MonkeyPatch, **variables: str | None) -> None:
    """What starting the product again with other settings does; None takes a variable away."""
    for name, value in variables.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    _pipeline().ledger.close()
    _pipeline.cache_clear()


def answer(*arguments: str, exits: int = 0) -> Any:
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == exits, (result.output, result.exception)
    return json.loads(result.stdout)


def searched() -> str:
    return searched_collection(load_settings()).name


def best() -> str:
    return str(answer("query", QUESTIONS["gate.txt"])[0]["object_key"])


def found() -> set[str]:
    return {hit["object_key"] for hit in answer("query", "anything", "--limit", "50")}


def switch_run(installation: Installation) -> dg.ExecuteInProcessResult:
    (request,) = installation.tick().requests
    assert request.job_name == "switch_collection"
    return installation.run(request)


def test_a_model_is_replaced_and_taken_back(indexed: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = searched()
    restart(monkeypatch, DOCPIPE_EMBEDDER=str(build_tiny_model(tmp_path / "blind", blind=True)))
    planned = answer("reprocess", "--yes")
    assert (planned["documents"], planned["collection"]["searched"], planned["collection"]["dimension"]) == (4, old, DIMENSION)
    new = planned["collection"]["collection"]
    (batch,) = indexed.tick().requests

    # While the new one is built, a document goes and another one comes.
    assert indexed.run(batch).success
    assert (searched(), best()) == (old, "gate.txt")
    indexed.pipeline.bucket.delete("seal.html")
    indexed.put(**{"prices.csv": TEXTS["prices.csv"]})
    # Nothing is switched before they are through.
    requests = indexed.tick().requests
    assert {request.job_name for request in requests} == {"index_documents", "remove_documents"}
    assert all(indexed.run(request).success for request in requests)
    checked = answer("check")
    assert (checked["agrees"], checked["newer"]) == (True, {new: 1})
    # What is gone is gone from what is searched, and what came waits there.
    assert found() == {*NAMES} - {"seal.html"}

    # It finds less, and is refused; once, and not at every tick.
    result = switch_run(indexed)
    (failure,) = (event.step_failure_data for event in result.all_events if event.is_step_failure)
    assert failure.user_failure_data
    rows = [record.data for record in failure.user_failure_data.metadata["compared"].records]  # type: ignore[attr-defined]
    assert [(row["role"], row["collection"]) for row in rows] == [("searched", old), ("candidate", new)]
    assert rows[1]["nDCG@10"] < rows[0]["nDCG@10"] == 1.0
    assert (searched(), indexed.tick().requests) == (old, [])
    assert answer("index", "activate", new, exits=1)["verdict"] == "refused"

    # Whoever can live with that says so, and it is tried again.
    restart(monkeypatch, DOCPIPE_GOLDEN_TOLERANCE="1")
    result = switch_run(indexed)
    assert (result.output_for_node("switch_searches"), searched()) == ("switched", new)
    assert found() == {*NAMES, "prices.csv"} - {"seal.html"}
    listed = {row["collection"]: row for row in answer("index")["collections"]}
    assert (listed[new]["searched"], listed[new]["written"], listed[old]["searched"]) == (True, True, False)
    assert listed[new]["ndcg"] < listed[old]["ndcg"] == 1.0
    assert indexed.tick().requests == []

    back = answer("index", "rollback")
    assert (back["verdict"], back["collection"], back["settings"]) == ("switched", old, {"DOCPIPE_EMBEDDER": ""})
    assert (searched(), best()) == (old, "gate.txt")
    assert indexed.tick().requests == []
    # With the setting put back, nothing is embedded but what came since.
    restart(monkeypatch, DOCPIPE_EMBEDDER=None)
    plan = answer("reprocess", "--yes")
    assert {(row["stale"], row["found"]) for name, row in plan["stages"].items() if name != "parsed_pages"} == {(4, 3)}
    assert all(result.success for result in indexed.process_all())
    assert answer("check")["agrees"]
    assert found() == {*NAMES, "prices.csv"} - {"seal.html"}
    assert answer("index", "release", new, "--yes")["released"] == new
    assert [row["collection"] for row in answer("index")["collections"]] == [old]
    assert answer("check")["agrees"]
