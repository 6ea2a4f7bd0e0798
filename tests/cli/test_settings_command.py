"""`docpipe settings`: what is in force, what every setting means, and no secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from docpipe.cli.main import app
from docpipe.cli.settings import settings_described
from docpipe.gpus import DEVICES_VARIABLE
from docpipe.settings import Settings
from tests.environment import forget_variables

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"

SECRETS = {
    "DOCPIPE_LEDGER": "postgresql://docpipe:hush-ledger@db/docpipe",
    "OPENAI_API_KEY": "hush-openai",
    "S3_SECRET_KEY": "hush-s3",
    "DOCPIPE_PASSWORDS": "hush-one,hush-two",
    "DOCPIPE_EMBED_URL": "https://docpipe:hush-url@models.example.com/v1?key=hush-parameter",
    "DOCPIPE_QDRANT_URL": "http://hush-token@qdrant:6333",
    "DOCPIPE_VISION_URL": "https://[hush-broken/v1",
    "DOCPIPE_VISION_MODEL": "eyes",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one to work in, and none of the developer's variables."""
    forget_variables(monkeypatch)
    for name in ("DOCPIPE_MODELS", "OPENAI_API_KEY", "GPU_COUNT", "DEFAULT_TASK_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["settings", *arguments])


def answer(*arguments: str) -> Any:
    result = invoke(*arguments, "--json")
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout)


def by_variable(*arguments: str) -> dict[str, Any]:
    return {one["variable"]: one for one in answer(*arguments)["settings"]}


def test_nothing_differs_at_first() -> None:
    assert answer() == {"settings": [], "unread": []}
    assert invoke().stdout == f"{len(Settings.model_fields)} settings have their defaults; --all shows them\n"


def test_what_differs_is_shown_with_its_default(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCPIPE_CHUNK_TOKENS", "300")
    monkeypatch.setenv("DOCPIPE_KEY_PHRASES", "8")
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    (folder / ".env").write_text("DOCPIPE_OCR=off\n")
    found = by_variable()
    assert {name: (one["value"], one["default"]) for name, one in found.items()} == {
        "DOCPIPE_S3_REGION": ("eu-north-1", "us-east-1"),
        "DOCPIPE_OCR": (False, True),
        "DOCPIPE_CHUNK_TOKENS": (300, 512),
    }
    assert found["DOCPIPE_S3_REGION"]["also"] == ["AWS_REGION"]
    assert "Tokens of a chunk at most" in found["DOCPIPE_CHUNK_TOKENS"]["meaning"]
    shown = [" ".join(line.replace("│", " ").split()) for line in invoke().stdout.splitlines()]
    assert any(line.startswith("DOCPIPE_CHUNK_TOKENS 300 512 Tokens of a chunk at most") for line in shown)
    assert any(line.startswith("DOCPIPE_OCR false true Read pages") for line in shown)
    assert any(line.startswith("or AWS_REGION") for line in shown)
    assert not any("DOCPIPE_KEY_PHRASES" in line for line in shown)


def test_the_home_differs_only_where_it_is_another_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCPIPE_HOME", str(folder / ".docpipe"))
    assert by_variable() == {}
    monkeypatch.setenv("DOCPIPE_HOME", str(folder / "elsewhere"))
    assert by_variable()["DOCPIPE_HOME"]["value"] == str(folder / "elsewhere")


def test_all_are_shown_when_asked_for() -> None:
    assert list(by_variable("--all")) == [one.variable for one in settings_described()]
    assert len(by_variable("--all")) == len(Settings.model_fields)
    shown = invoke("--all").stdout
    assert all(one.variable in shown for one in settings_described())
    assert "have their defaults" not in shown


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    for arguments in ([], ["--all"], ["--json"], ["--all", "--json"], ["--markdown"]):
        result = invoke(*arguments)
        assert result.exit_code == 0, result.exception
        assert "hush" not in result.output
    values = {name: one["value"] for name, one in by_variable().items()}
    assert values == {
        "DOCPIPE_LEDGER": "[hidden]",
        "DOCPIPE_EMBED_KEY": "[hidden]",
        "DOCPIPE_S3_SECRET_KEY": "[hidden]",
        "DOCPIPE_PASSWORDS": "[hidden]",
        "DOCPIPE_EMBED_URL": "https://models.example.com/v1",
        "DOCPIPE_QDRANT_URL": "http://qdrant:6333",
        "DOCPIPE_VISION_URL": "[hidden]",
        "DOCPIPE_VISION_MODEL": "eyes",
    }
    assert invoke().stdout.count("[hidden]") == 5


def test_a_misspelt_variable_is_named_with_what_was_meant(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCPIPE_BUKET", "hush")
    monkeypatch.setenv("DOCPIPE_REDIS_URL", "hush")
    monkeypatch.setenv("docpipe_chunk_tokens", "512")
    monkeypatch.setenv(DEVICES_VARIABLE, "0")
    (folder / ".env").write_text("DOCPIPE_QQQQQQ=hush\nDOCPIPE_LAYOUT=true\nBUKET=other\n")
    assert answer()["unread"] == [
        {"name": "DOCPIPE_BUKET", "place": "the environment", "nearest": "DOCPIPE_BUCKET"},
        {"name": "DOCPIPE_REDIS_URL", "place": "the environment", "nearest": "REDIS_URL"},
        {"name": "DOCPIPE_QQQQQQ", "place": ".env", "nearest": None},
    ]
    shown = invoke().stdout
    assert "DOCPIPE_BUKET in the environment is read by no setting: did you mean DOCPIPE_BUCKET?\n" in shown
    assert "DOCPIPE_QQQQQQ in .env is read by no setting: `docpipe settings --all` lists those that are\n" in shown
    assert "hush" not in shown


def test_every_setting_has_a_section_and_a_meaning_of_its_own() -> None:
    described = settings_described()
    assert [one.name for one in described] == list(Settings.model_fields)
    assert [one.variable for one in described if not one.meaning.endswith(".")] == []
    assert [one.variable for one in described if not one.section] == []
    meanings = [one.meaning for one in described]
    assert [one.variable for one in described if meanings.count(one.meaning) > 1] == []
    assert {"Home", "Chunks", "Index", "Cost"} <= {one.section for one in described}


def test_limits_and_choices_are_told() -> None:
    described = {one.name: one for one in settings_described()}
    assert described["smtp_port"].accepts == "a whole number, at least 1, at most 65535"
    assert described["task_seconds"].accepts == "a number, above 0, at most 86400"
    assert described["log_level"].accepts == "empty, `debug`, `info`, `warning`, `error`"
    assert described["gpu_count"].accepts == "a whole number, at least 0, at most 1024"
    assert described["ocr"].accepts == "`true` or `false`"
    assert (described["ledger"].accepts, described["ledger"].default) == ("a secret", "empty")
    assert (described["workers"].default, described["gpu_count"].default) == ("the cores that may be used", "unset")


def test_the_page_is_what_the_command_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    # Wrong settings and those of a machine are no part of it.
    monkeypatch.setenv("DOCPIPE_CHUNK_TOKENS", "300")
    monkeypatch.setenv("DOCPIPE_WORKERS", "none")
    printed = invoke("--markdown")
    assert printed.exit_code == 0, printed.exception
    assert printed.stdout == PAGE.read_text(encoding="utf-8"), "write it anew: docpipe settings --markdown > docs/settings.md"


@pytest.mark.parametrize("other", ["--json", "--all"])
def test_the_page_has_one_form(other: str) -> None:
    assert invoke("--markdown", other).exit_code == 2
