from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from docpipe.errors import ConfigurationError
from docpipe.openai_api import check_url, retry_after, shown_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com/v1"),
        ("http://me:hidden@localhost:8000/v1", "http://localhost:8000/v1"),
        ("http://token@localhost/v1", "http://localhost/v1"),
        ("https://host/v1?api-key=hidden#hidden", "https://host/v1"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert shown_url(url) == shown


@pytest.mark.parametrize("url", ["", "host/v1", "ftp://host", "http://", "http://[hidden", "http://me:hidden@host:port/v1"])
def test_what_is_no_url_is_said_without_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match="DOCPIPE_X_URL is not an http") as raised:
        check_url(url, "DOCPIPE_X_URL")
    assert "hidden" not in str(raised.value)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "99999"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_a_date_to_wait_for() -> None:
    seconds = retry_after({"retry-after": formatdate(time.time() + 30, usegmt=True)})
    assert seconds is not None
    assert 28 <= seconds <= 30
