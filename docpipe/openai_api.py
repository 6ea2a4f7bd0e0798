"""What all clients of OpenAI-compatible servers share: what a server's refusal means, and how long it asks to wait."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr

from docpipe.errors import ConfigurationError, DocpipeError, PermanentError, TransientError
from docpipe.tracing import Span, span

if TYPE_CHECKING:
    import openai

MAX_MESSAGE = 300
"""Characters of a server's own words in a message."""

_NO_KEY = "none"
"""What servers that ask for no key are sent, since the client insists on one."""
_NO_SECRET = SecretStr("")
_LONGEST_RETRY_AFTER = 600.0
"""Seconds; a server that asks for more is not waited for at once: the document comes back with a later run."""
_NOT_NOW = (408, 409, 425, 429)
_BROKE = "insufficient_quota"
_NEVER_ARRIVED = ("ConnectError", "ConnectTimeout", "PoolTimeout")
"""Errors of the client's transport by their names, since it stands on httpx or on httpx2."""


@dataclass(frozen=True, slots=True)
class ApiModel:
    """A model behind a server, in the words of messages."""

    what: str
    """The vision model, for example."""
    name: str
    url: str
    """Made by `shown_url`."""
    name_variable: str
    url_variable: str
    key_variable: str
    way_out: str
    """What to do for want of credit, other than paying."""
    unavailable: type[TransientError] = TransientError
    key: SecretStr = _NO_SECRET
    """Hidden wherever the server quotes it."""

    def refusal(self, error: openai.APIStatusError) -> DocpipeError:
        """What an HTTP status means; a server's message about keys is not repeated, since some quote them.

        Nor is it left in `error` itself, which stands in the tracebacks that Dagster and the ledger keep.
        """
        status = error.status_code
        said = self._without_key(error)
        error.message = said
        error.args = (said,)
        if status in (401, 403):
            return ConfigurationError(f"{self.what} at {self.url} refuses the key (HTTP {status}): set {self.key_variable}")
        if status == 404:
            return ConfigurationError(
                f"there is no model {self.name!r} at {self.url} (HTTP 404): check {self.name_variable} and {self.url_variable}"
            )
        message = f"HTTP {status} from {self.what}: {said}"
        if error.code == _BROKE:
            return ConfigurationError(f"{message}; its account needs credit, or {self.way_out}")
        if status in _NOT_NOW or status >= 500:
            return self.unavailable(message, retry_after(error.response.headers))
        return PermanentError(message)

    def _without_key(self, error: openai.APIStatusError) -> str:
        """What the server said, on one line."""
        if error.status_code in (401, 403):
            return f"HTTP {error.status_code}"
        said, key = " ".join(str(error.message).split()), self.key.get_secret_value().strip()
        return (said.replace(key, "[hidden]") if key else said)[:MAX_MESSAGE]

    def silence(self, error: Exception) -> TransientError:
        """For a connection that failed or a time limit that was exceeded."""
        return self.unavailable(f"{self.what} at {self.url} did not answer: {type(error).__name__}")

    def asked(self) -> AbstractContextManager[Span]:
        """The span of one request, in the trace of what needs the answer."""
        return span(f"request to {self.what}", {"gen_ai.request.model": self.name, "url.full": self.url})

    def nonsense(self, what: str) -> TransientError:
        """For an answer that is none."""
        return self.unavailable(f"{self.what} at {self.url} sent {what}")


def is_unpaid(error: DocpipeError) -> bool:
    """Whether a failed request cannot have been billed: it was refused, or never arrived.

    One whose answer was lost on the way, came too late or made no sense may have been.
    """
    import openai

    cause = error.__cause__
    if isinstance(cause, openai.APIConnectionError):
        return type(cause.__cause__).__name__ in _NEVER_ARRIVED
    return isinstance(cause, openai.APIStatusError)


def sent_key(key: SecretStr, variable: str) -> str:
    """The key to send; raises `ConfigurationError` for one that no header can carry, which clients would quote in their errors."""
    value = key.get_secret_value().strip()
    if not (value.isascii() and value.isprintable()):
        raise ConfigurationError(f"{variable} holds line breaks or letters that no key has: copy it again")
    return value or _NO_KEY


def check_url(url: str, variable: str) -> str:
    """Raise `ConfigurationError` for what is no base URL, without a word of it, since it may hold a password."""
    with suppress(ValueError):
        parts = urlsplit(url)
        # Asking for a port that is no number raises too.
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return url
    raise ConfigurationError(f"{variable} is not an http:// or https:// URL: give the server's base URL, which mostly ends in /v1")


def shown_url(url: str) -> str:
    """The URL for messages: without a user and a password, or a key among its parameters."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))


def retry_after(headers: Any) -> float | None:
    """Seconds that a server asks to wait: by milliseconds, seconds or a date; None where it does not ask, or for too long."""
    seconds: float | None = None
    # A header may hold anything.
    with suppress(ValueError, TypeError, OverflowError):
        if value := headers.get("retry-after-ms"):
            seconds = float(value) / 1_000
        elif value := headers.get("retry-after"):
            seconds = float(value) if value.strip()[:1].isdigit() else parsedate_to_datetime(value).timestamp() - time.time()
    return seconds if seconds is not None and 0 <= seconds <= _LONGEST_RETRY_AFTER else None
