"""Keeps the secrets of the settings out of everything that is written for others to read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from docpipe.settings import Settings

HIDDEN = "[hidden]"
_SHORTEST = 4
"""Characters; shorter secrets would be found in words that are none."""


class Secrets:
    """Words that are hidden wherever they stand."""

    def __init__(self, words: Iterable[str]) -> None:
        # Longest first: one may be the beginning of another.
        self._words = sorted({word for word in words if len(word) >= _SHORTEST}, key=len, reverse=True)

    @classmethod
    def of(cls, settings: Settings) -> Secrets:
        return cls(_known(settings))

    def hidden_in(self, text: str) -> str:
        for word in self._words:
            text = text.replace(word, HIDDEN)
        return text


def _known(settings: Settings) -> Iterator[str]:
    """Every secret of the settings, in each form in which a message might have it."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            secret = value.get_secret_value()
            yield from (secret, secret.strip(), *_password_of(secret))
        elif isinstance(value, str):
            yield from _password_of(value)
    yield from settings.password_list


def _password_of(url: str) -> Iterator[str]:
    try:
        password = urlsplit(url).password if "://" in url else None
    except ValueError:
        return
    if password:
        yield from (password, unquote(password))
