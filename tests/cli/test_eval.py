"""`docpipe eval` on a small index: what it prints, and how it exits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from docpipe.cli.main import app, main
from tests.golden.indexed import golden_set, home

__all__ = ["home"]


@pytest.fixture
def golden(home: Path, settings: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two answers that come first, one that does not, and one that cannot."""
    monkeypatch.setenv("DOCPIPE_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    return golden_set(
        tmp_path / "golden",
        dough=("How long should the dough rise?", {"bread.md": 1}),
        valve=("valve K-4711", {"pump.pdf#page=2": 1}),
        late=("How long should the dough rise? bake [bread]", {"pump.pdf#page=2": 1}),
        lost=("How long should the dough rise? bake", {"gone.pdf": 1}),
    ).folder


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["eval", *map(str, arguments)])


def answer(*arguments: object) -> Any:
    result = invoke(*arguments, "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def test_a_table_for_people_names_the_worst_queries_and_what_came_instead(golden: Path) -> None:
    shown = invoke(golden)
    assert shown.exit_code == 0
    for expected in (
        "nDCG@10",
        "MRR@10",
        "recall@1",
        "recall@10",
        "1 judged documents are not indexed",
        "gone.pdf",
        "bake [bread]",
        "bread.md",
    ):
        assert expected in shown.output
    assert "valve K-4711" not in shown.output
    assert "pump.pdf#page=2 (rank " in shown.output
    assert "came instead" not in invoke(golden, "--worst", "0").output


def test_json_has_every_query(golden: Path) -> None:
    found = answer(golden)
    assert found["queries"] == 4
    assert found["unknown"] == ["gone.pdf"]
    assert found["ndcg@10"] == pytest.approx(sum(one["ndcg"] for one in found["per_query"]) / 4)
    assert 0 < found["recall@1"] == 0.5 < found["recall@10"] == 0.75
    dough, valve, late, lost = found["per_query"]
    assert dough["ranked"][0] == {"target": "bread.md", "grade": 1}
    assert (valve["query"], valve["ndcg"], valve["missed"]) == ("valve", 1, [])
    assert 0 < late["ndcg"] < 1
    assert lost["missed"] == ["gone.pdf"]


def test_fewer_ranks_and_other_weights_can_be_asked_for(golden: Path) -> None:
    short = answer(golden, "--k", 1)
    assert short["ndcg@1"] == short["mrr@1"] == short["recall@1"] == 0.5
    by_meaning = answer(golden, "--dense", 1, "--sparse", 0)
    by_terms = answer(golden, "--dense", 0, "--sparse", 1)
    assert [one["ranked"] for one in by_meaning["per_query"]] != [one["ranked"] for one in by_terms["per_query"]]


def test_a_result_below_the_mark_exits_with_one(golden: Path) -> None:
    failed = invoke(golden, "--at-least", 0.99)
    assert failed.exit_code == 1
    assert "below 0.99" in failed.stderr
    assert invoke(golden, "--at-least", 0.1).exit_code == 0


def test_the_settings_golden_set_is_asked_where_none_is_named(golden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert invoke().exit_code == 2
    monkeypatch.setenv("DOCPIPE_GOLDEN_SET", str(golden))
    assert answer()["queries"] == 4


def test_a_broken_set_is_one_line_of_advice(golden: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (golden / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\ndough\tbread.md\tyes\n")
    monkeypatch.setattr("sys.argv", ["docpipe", "eval", str(golden)])
    with pytest.raises(SystemExit) as exited:
        main()
    assert exited.value.code == 2
    assert "qrels.tsv, line 2: the score 'yes' is not a whole number" in capsys.readouterr().err
