"""Every variable that a file names to a user is one that is read."""

import re
from pathlib import Path

from tests.deploy.variables import of_settings, unknown

PROJECT = Path(__file__).resolve().parents[2]


def test_the_names_of_the_settings_are_found() -> None:
    assert {"DOCPIPE_HOME", "DOCPIPE_BUCKET", "S3_BUCKET", "REDIS_HOST", "GPU_COUNT"} <= of_settings()
    assert unknown({"DOCPIPE_BUKET", "DOCPIPE_BUCKET"}) == {"DOCPIPE_BUKET"}


def test_the_example_names_settings_only() -> None:
    named = set(re.findall(r"^# ([A-Z][A-Z0-9_]+)=", (PROJECT / ".env.example").read_text(), re.MULTILINE))
    assert len(named) > 10
    assert not unknown(named)


def test_the_manual_names_settings_only() -> None:
    text = "\n".join(file.read_text() for file in [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))])
    named = set(re.findall(r"\bDOCPIPE_[A-Z0-9_]+[A-Z0-9]\b", text))
    assert len(named) > 10
    assert not unknown(named, {"DOCPIPE_TEST_POSTGRES_URL"})
