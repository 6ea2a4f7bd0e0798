from pathlib import Path

import pymupdf
import pytest

from benchmarks.parse_blocks import Block, Case, stream
from benchmarks.parse_documents import make_cases
from benchmarks.parse_scores import score


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    return {case.name: case for case in make_cases(tmp_path_factory.mktemp("cases"), quick=True)}


def text_of(case: Case) -> str:
    with pymupdf.open(case.path) as document:
        return " ".join("".join(page.get_text() for page in document).split())


@pytest.mark.parametrize("name", ["prose-0", "tables-ruled", "tables-open", "hebrew"])
def test_the_truth_is_what_the_file_holds(cases: dict[str, Case], name: str) -> None:
    truth = stream(cases[name].truth)
    assert len(truth) > 300
    # Nothing but running heads and page numbers stands in the file beside the truth.
    found = score(cases[name].truth, (Block("text", text_of(cases[name])),))
    assert (found.text.share or 0) > 0.97


def test_every_kind_of_structure_is_there(cases: dict[str, Case]) -> None:
    kinds = {block.kind for case in cases.values() for block in case.truth}
    assert kinds == {"heading", "text", "footnote", "table"}
    assert {block.level for block in cases["prose-0"].truth if block.kind == "heading"} == {1, 2, 3}
    merged = [cell for block in cases["tables-ruled"].truth for cell in block.cells if cell.rows > 1 or cell.columns > 1]
    assert [(cell.rows, cell.columns) for cell in merged] == [(2, 1), (1, 2), (1, 2)]


def test_scans_have_no_text_and_garbled_pages_have_another(cases: dict[str, Case]) -> None:
    assert text_of(cases["scan-skewed"]) == ""
    garbled = text_of(cases["garbage-letters"])
    assert len(garbled) > 200
    assert (score(cases["garbage-letters"].truth, (Block("text", garbled),)).text.share or 0) < 0.5


def test_the_same_seed_makes_the_same_files(cases: dict[str, Case], tmp_path: Path) -> None:
    again = {case.name: case for case in make_cases(tmp_path, quick=True)}
    assert {name: case.truth for name, case in again.items()} == {name: case.truth for name, case in cases.items()}
    assert text_of(again["paper-0"]) == text_of(cases["paper-0"])
