from __future__ import annotations

import pytest

from docpipe.errors import ConfigurationError
from docpipe.models import StageName
from docpipe.priority import priority_of, priority_rules
from docpipe.settings import load_settings
from docpipe.time_limits import stage_limits


def test_the_longest_prefix_that_fits_counts() -> None:
    rules = "archive/=-10, archive/2026/=5,=1"
    with pytest.raises(ValueError, match="no rule"):
        priority_rules(rules)
    rules = "archive/=-10, archive/2026/=5,a=b/=7"
    assert [priority_of(key, rules) for key in ("archive/old.pdf", "archive/2026/new.pdf", "other.pdf", "a=b/c")] == [-10, 5, 0, 7]
    assert priority_of("any", "") == 0


@pytest.mark.parametrize("text", ["urgent/", "urgent/=high", "urgent/=101", "=3", "urgent/=-101"])
def test_what_is_no_rule_is_named(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match=f"DOCPIPE_PRIORITY_PREFIXES.*{text}.*PREFIX=NUMBER"):
        load_settings(priority_prefixes=text, _env_file=None)


def test_stages_have_limits_of_their_own() -> None:
    assert stage_limits(" parsed_pages=7200,embeddings=0.5 ") == {StageName.PARSED_PAGES: 7200.0, StageName.EMBEDDINGS: 0.5}


@pytest.mark.parametrize("text", ["parsing=3", "chunks=0", "chunks=-1", "chunks=inf", "chunks=nan", "chunks"])
def test_what_is_no_limit_is_named(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"DOCPIPE_STAGE_SECONDS_OF.*STAGE=SECONDS"):
        load_settings(stage_seconds_of=text, _env_file=None)


def test_the_time_limit_of_the_earlier_system_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEFAULT_TASK_TIMEOUT", "300")
    assert load_settings(_env_file=None).stage_seconds == 300
