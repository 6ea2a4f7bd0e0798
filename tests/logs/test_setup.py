from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator

import pytest

from docpipe.errors import ConfigurationError
from docpipe.logs.secrets import HIDDEN
from docpipe.logs.setup import PRODUCT, set_up_logs
from docpipe.settings import Settings

log = logging.getLogger("docpipe.anything")
SECRETS = {
    "ledger": "postgresql://user:ledger%2Dword@db/docpipe",
    "s3_access_key": "access-word",
    "s3_secret_key": "secret-word",
    "passwords": "first-word,second-word",
    "vision_key": "vision-word",
    "embed_key": "embed-word",
    "qdrant_api_key": "qdrant-word",
}


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    handlers, level = list(PRODUCT.handlers), PRODUCT.level
    yield
    PRODUCT.handlers[:] = handlers
    PRODUCT.setLevel(level)


def test_json_goes_to_standard_error_from_info_on(settings: Callable[..., Settings], capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(settings(log_format="json"), text_level="warning")
    log.info("one")
    log.debug("too much")
    logging.getLogger("elsewhere").warning("not ours")
    said = capsys.readouterr()
    assert [json.loads(line)["message"] for line in said.err.splitlines()] == ["one"]
    assert said.out == ""


@pytest.mark.parametrize(
    ("level", "text_level", "shown"), [("", "warning", 1), ("", "info", 2), ("DEBUG", "warning", 3), ("error", "info", 0)]
)
def test_the_level_is_what_the_settings_say(
    settings: Callable[..., Settings], capsys: pytest.CaptureFixture[str], level: str, text_level: str, shown: int
) -> None:
    set_up_logs(settings(log_level=level), text_level)
    # Set up again, as by a second command of one process: nothing is said twice.
    set_up_logs(settings(log_level=level), text_level)
    for say in (log.debug, log.info, log.warning):
        say("a line")
    assert len(capsys.readouterr().err.splitlines()) == shown


def test_no_secret_of_the_settings_is_written(settings: Callable[..., Settings], capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(settings(log_format="json", embed_url="https://me:url-word@example.org/v1", **SECRETS))
    log.warning("ledger-word %s", SECRETS)
    log.warning("https://me:url-word@example.org/v1")
    said = capsys.readouterr().err
    assert HIDDEN in said
    assert "word@" not in said
    assert "-word" not in said.replace("passwords", "")


def test_every_secret_setting_is_among_those_tried() -> None:
    from pydantic import SecretStr

    assert set(SECRETS) <= set(Settings.model_fields)
    named = {name for name, field in Settings.model_fields.items() if field.annotation is SecretStr}
    assert named >= set(SECRETS)


def test_an_unknown_level_or_format_names_the_variable(settings: Callable[..., Settings]) -> None:
    with pytest.raises(ConfigurationError, match="LOG_LEVEL"):
        settings(log_level="loud")
    with pytest.raises(ConfigurationError, match="LOG_FORMAT"):
        settings(log_format="xml")


@pytest.mark.parametrize(("said", "meant"), [("WARN", "warning"), ("Critical", "error"), (" info ", "info")])
def test_levels_by_their_other_names(settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, said: str, meant: str) -> None:
    monkeypatch.setenv("LOG_LEVEL", said)
    assert settings().log_level == meant
