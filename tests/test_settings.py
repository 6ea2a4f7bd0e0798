"""Settings: every name that is accepted, and no secret where it could be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from docpipe.errors import ConfigurationError
from docpipe.settings import Settings, load_settings

SECRETS = {
    "DOCPIPE_LEDGER": "postgresql://user:hush-ledger@host/db",
    "S3_ACCESS_KEY": "hush-access",
    "S3_SECRET_KEY": "hush-key",
    "DOCPIPE_PASSWORDS": "hush-one,hush-two",
    "DOCPIPE_QDRANT_API_KEY": "hush-qdrant",
}


def test_defaults_live_in_the_home(settings: Callable[..., Settings], tmp_path: Path) -> None:
    made = settings(home=tmp_path / "a" / ".." / "h")
    assert made.home == tmp_path / "h"
    assert made.bucket_url == f"file://{tmp_path}/h/bucket"
    assert made.artifacts_url == f"file://{tmp_path}/h/artifacts"
    assert made.ledger_url == f"sqlite:///{tmp_path}/h/ledger.sqlite"


def test_the_names_of_the_earlier_systems_are_accepted(settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    settings()
    for name, value in {"S3_BUCKET": "b", "S3_ENDPOINT": "http://e", "S3_ACCESS_KEY": "k", "S3_SECRET_KEY": "s"}.items():
        monkeypatch.setenv(name, value)
    made = load_settings(_env_file=None)
    assert (made.bucket_url, made.s3_endpoint) == ("s3://b", "http://e")
    assert (made.s3_access_key.get_secret_value(), made.s3_secret_key.get_secret_value()) == ("k", "s")
    # A bucket that is named in full goes before.
    monkeypatch.setenv("DOCPIPE_BUCKET", "s3://other/prefix")
    assert load_settings(_env_file=None).bucket_url == "s3://other/prefix"


def test_no_secret_is_printed(settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    settings()
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    made = load_settings(_env_file=None)
    for text in (repr(made), str(made), str(made.model_dump()), made.model_dump_json()):
        assert "hush" not in text
    assert made.password_list == ("hush-one", "hush-two")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DOCPIPE_CHUNK_TOKENS", "hush"),
        ("DOCPIPE_WORKERS", "0"),
        ("DOCPIPE_BATCH_DOCUMENTS", "-1"),
        ("DOCPIPE_OCR", "hush"),
        ("DOCPIPE_DOCUMENT_SECONDS", "hush"),
        ("DOCPIPE_DOCUMENT_SECONDS", "0"),
        ("DOCPIPE_TASK_SECONDS", "0"),
        ("DOCPIPE_TASK_SECONDS", "nan"),
        ("DOCPIPE_TASK_SECONDS", "inf"),
        ("DOCPIPE_SENSOR_SECONDS", "0"),
        ("DOCPIPE_TICK_SECONDS", "0.5"),
        ("DOCPIPE_TICK_SECONDS", "121"),
        ("DOCPIPE_TICK_DOCUMENTS", "0"),
        ("DOCPIPE_MAX_DOCUMENT_BYTES", "0"),
        ("DOCPIPE_WORKER_MEMORY_MB", "511"),
        ("DOCPIPE_WORKER_OUTPUT_MB", "0"),
        ("DOCPIPE_INDEX_LOCK_SECONDS", "-1"),
        ("DOCPIPE_LAYOUT_MAX_PAGES", "-1"),
        ("DOCPIPE_KEY_PHRASES", "-1"),
        ("DOCPIPE_CHUNK_OVERLAP", "300"),
        ("DOCPIPE_CHUNK_OVERLAP", "-1"),
    ],
)
def test_a_wrong_value_names_its_variable_and_not_itself(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    settings()
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as raised:
        load_settings(_env_file=None)
    assert str(raised.value).startswith(f"{name}: ")
    assert "hush" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_overlap_that_does_not_fit_is_told(settings: Callable[..., Settings]) -> None:
    with pytest.raises(ConfigurationError) as raised:
        settings(chunk_tokens=100, chunk_overlap=60)
    said = "DOCPIPE_CHUNK_OVERLAP: 60 tokens are more than half of DOCPIPE_CHUNK_TOKENS (100): lower the one or raise the other"
    assert str(raised.value) == said
    # The default counts as well: it may not fit what was set.
    with pytest.raises(ConfigurationError, match="DOCPIPE_CHUNK_OVERLAP: 50 tokens"):
        settings(chunk_tokens=64)


def test_settings_are_values(settings: Callable[..., Settings]) -> None:
    with pytest.raises(ValueError, match="frozen"):
        settings().ocr = False


def test_labels_are_trimmed(settings: Callable[..., Settings]) -> None:
    assert settings(labels=" a , ,b").label_names == ("a", "b")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"vision_url": "http://localhost:11434/v1"}, "belong together"),
        ({"vision_model": "eyes"}, "belong together"),
        ({"vision_url": "localhost:11434", "vision_model": "eyes"}, "http://"),
    ],
)
def test_a_vision_model_is_named_with_its_server(values: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load_settings(**values)
