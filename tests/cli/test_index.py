"""The collections on the command line: shown, exchanged, taken back, released."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from docpipe.cli.main import app, main
from docpipe.errors import ConfigurationError
from docpipe.index import own_collection
from docpipe.settings import load_settings
from tests.cli.test_commands import answer, clean, invoke, process

__all__ = ["clean"]


@pytest.fixture
def two(clean: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A document in two collections, of which the first is searched and the second is written."""
    answer("add", str(clean / "words.txt"))
    process()
    first = own_collection(load_settings()).name
    monkeypatch.setenv("DOCPIPE_INDEX_QUANTIZATION", "int8")
    second = own_collection(load_settings()).name
    assert "docpipe reprocess" in invoke("index").stdout
    plan = invoke("reprocess", "--plan").stdout
    assert second in plan
    assert f"searches stay with {first}" in plan
    assert answer("reprocess", "--yes")["collection"]["collection"] == second
    process()
    return first, second


def test_an_empty_index(clean: Path) -> None:
    assert answer("index")["collections"] == []
    assert "no collection yet" in invoke("index").stdout
    assert isinstance(invoke("index", "rollback").exception, ConfigurationError)


def test_collections_are_shown_exchanged_and_released(two: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = two
    rows = {row["collection"]: row for row in answer("index")["collections"]}
    assert [(rows[name]["searched"], rows[name]["written"], rows[name]["points"], rows[name]["documents"]) for name in two] == [
        (True, False, 1, 0),
        (False, True, 1, 1),
    ]
    assert rows[second]["quantization"] == "int8"
    shown = invoke("index").stdout
    assert "all-MiniLM-L6-v2, int8" in shown
    assert answer("status")["collections"] == {second: 1}
    # The one that is searched, or written, is not let go.
    assert isinstance(invoke("index", "release", first, "--yes").exception, ConfigurationError)
    assert isinstance(invoke("index", "release", second, "--yes").exception, ConfigurationError)

    said = invoke("index", "activate", second)
    assert said.exit_code == 0, said.output
    assert f"searches go to {second}, no longer to {first}" in said.stdout
    assert "set " not in said.stdout
    row = next(row for row in answer("index")["collections"] if row["searched"])
    assert (row["collection"], row["since"] is not None, row["decision"]["accepted"]) == (second, True, True)
    back = invoke("index", "rollback").stdout
    assert f"searches go to {first}" in back
    assert "no DOCPIPE_INDEX_QUANTIZATION" in back
    assert "docpipe reprocess" in back

    monkeypatch.delenv("DOCPIPE_INDEX_QUANTIZATION")
    asked = CliRunner().invoke(app, ["index", "release", second], input="n\n")
    assert asked.exit_code == 1
    assert invoke("index", "release", second, "--json").exit_code == 2
    assert answer("index", "release", second, "--yes") == {"released": second, "points": 1, "receipts": 1}
    assert [row["collection"] for row in answer("index")["collections"]] == [first]


def test_exit_codes(clean: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: str) -> int | str | None:
        monkeypatch.setattr(sys, "argv", ["docpipe", *arguments])
        with pytest.raises(SystemExit) as raised:
            main()
        return raised.value.code

    assert run("index") == 0
    assert run("index", "activate", "documents-00000000") == 2
    assert run("index", "release", "documents-00000000", "--yes") == 2
    assert run("index", "rollback") == 2
    assert run("index", "nonsense") == 2
    capsys.readouterr()
    monkeypatch.setenv("DOCPIPE_QDRANT_URL", "http://hush@127.0.0.1:9")
    assert run("index") == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert "hush" not in said.err
