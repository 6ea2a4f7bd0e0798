"""`docpipe audit` and `docpipe quarantine`: what they print for programs, and how they exit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from docpipe.cli.main import app, main
from docpipe.models import DocumentStatus
from docpipe.pipeline import Pipeline
from docpipe.settings import load_settings
from tests.environment import forget_variables
from tests.quarantine.site import Site


def invoke(*arguments: str, **more: Any) -> Result:
    return CliRunner().invoke(app, arguments, **more)


def answer(*arguments: str, exits: int = 0) -> Any:
    """What a command prints with --json."""
    result = invoke(*arguments, "--json")
    assert result.exit_code == exits, (result.output, result.exception)
    return json.loads(result.stdout)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Three documents in quarantine."""
    forget_variables(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCPIPE_HOME", str(tmp_path / "home"))
    opened = Site(Pipeline(load_settings(_env_file=None)))
    stages = opened.stages
    monkeypatch.setattr(Pipeline, "stage", lambda self, name, run_id="": stages[name])
    for name in ("bad", "worse"):
        opened.fail(name)
    opened.put("empty", b"")
    opened.look()
    assert len(opened.sweep()) == 3
    yield opened
    opened.pipeline.ledger.close()


def exits(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Any:
    monkeypatch.setattr("sys.argv", ["docpipe", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    return left.value.code


def test_the_trail_of_a_document(site: Site) -> None:
    trail = answer("audit", "bad")
    assert [entry["event"] for entry in trail] == ["registered", "started", "completed", "started", "failed", "quarantined"]
    assert (trail[4]["stage"], trail[4]["run_id"], trail[4]["error_kind"], trail[4]["attempt"]) == ("chunks", "run", "ParseFailed", 1)
    printed = invoke("audit", "bad").output
    assert "ParseFailed: bad makes no sense" in printed
    assert printed.index("registered") < printed.index("failed")


def test_the_trail_of_a_deleted_document_is_still_there(site: Site) -> None:
    site.put("gone")
    site.look()
    site.pipeline.bucket.delete("gone")
    site.look()
    site.pipeline.remove(["gone"])
    assert [entry["event"] for entry in answer("audit", "gone")] == ["registered", "deleting", "deleted"]


@pytest.mark.parametrize("command", [["audit"], ["quarantine", "show"], ["quarantine", "release"], ["quarantine", "drop", "--yes"]])
def test_a_document_that_nobody_knows(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert exits(monkeypatch, *command, "nobody") == 2
    assert "DocumentUnknown: no document 'nobody'" in capsys.readouterr().err


def test_who_did_it_stands_in_the_trail(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "anna")
    assert exits(monkeypatch, "quarantine", "release", "bad") == 0
    last = site.pipeline.ledger.audit_trail("bad")[-1]
    assert (last.event, last.actor) == ("released", "cli:anna")


def test_the_list_and_what_it_shows(site: Site) -> None:
    assert {(one["object_key"], one["error_kind"], one["held_as"]) for one in answer("quarantine", "list")} == {
        ("bad", "ParseFailed", "_quarantine/bad"),
        ("worse", "ParseFailed", "_quarantine/worse"),
        ("empty", "DocumentRefused", "_quarantine/empty"),
    }
    assert [one["object_key"] for one in answer("quarantine", "list", "--kind", "DocumentRefused")] == ["empty"]
    assert "3 documents in quarantine" in invoke("quarantine", "list").output
    told = answer("quarantine", "show", "bad")
    assert told["quarantined"]["error"] == "bad makes no sense"
    assert [file.rpartition("/")[2] for file in told["files"]] == ["artifact", "error.json", "traceback.txt"]
    printed = invoke("quarantine", "show", "bad").output
    assert "_quarantine/bad in the bucket" in printed
    assert "Traceback" not in invoke("quarantine", "show", "empty").output


def test_status_counts_and_shows_them(site: Site) -> None:
    assert answer("status")["documents"] == {"quarantined": 3}
    assert answer("status", "bad", exits=1)["document"]["status"] == "quarantined"
    assert len(answer("status", "--only", "quarantined")) == 3


def test_released_twice_the_second_says_so(site: Site) -> None:
    assert answer("quarantine", "release", "bad") == [{"document": "bad", "object": "bad", "done": True, "why": ""}]
    before = site.document()
    (refused,) = answer("quarantine", "release", "bad", exits=1)
    assert (refused["done"], refused["why"]) == (False, "bad was released already, and is pending in generation 2 now: nothing to do")
    assert site.document() == before


def test_one_that_is_refused_keeps_no_other(site: Site) -> None:
    site.put("good")
    site.look()
    outcomes = answer("quarantine", "release", "good", "worse", exits=1)
    assert [(one["object"], one["done"]) for one in outcomes] == [("good", False), ("worse", True)]
    assert site.document("worse").status is DocumentStatus.PENDING


def test_all_of_one_kind_or_all(site: Site) -> None:
    assert len(answer("quarantine", "release", "--kind", "ParseFailed")) == 2
    assert [one["object"] for one in answer("quarantine", "drop", "--all", "--yes")] == ["empty"]
    assert site.document("empty").status is DocumentStatus.DELETING
    assert answer("quarantine", "drop", "--all", "--yes") == []


def test_what_is_meant_has_to_be_said(site: Site) -> None:
    for arguments in ([], ["bad", "--all"], ["bad", "--kind", "ParseFailed"]):
        assert invoke("quarantine", "release", *arguments).exit_code == 2
    assert invoke("quarantine", "drop", "--all", "--json").exit_code == 2
    assert invoke("quarantine", "drop", "--all", input="n\n").exit_code == 1
    assert set(site.pipeline.ledger.summary().documents) == {DocumentStatus.QUARANTINED}
