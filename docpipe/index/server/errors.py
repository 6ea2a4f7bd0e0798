"""What the client raises, given a class that decides policy and a text without secrets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from docpipe.errors import ConfigurationError, DocpipeError, IndexFull, IndexUnavailable, PermanentError

_TRANSIENT_STATUSES = frozenset({408, 409, 425, 429})
_LONGEST_REASON = 300


@contextmanager
def server_errors(where: str, *, known: bool) -> Iterator[None]:
    """Translate what a request raises; `where` names the server in messages.

    Of a collection that is `known` to be there and ours, 404 means that it has gone, which may be mended, and another
    refusal is about the points that were sent. Of an unknown one both mean that the URL or the version is wrong.
    """
    try:
        yield
    except DocpipeError:
        raise
    except ResourceExhaustedResponse as error:
        raise IndexUnavailable(f"Qdrant at {where} asks to slow down", retry_after=float(error.retry_after_s)) from None
    except UnexpectedResponse as error:
        raise _refusal(error, where, known) from None
    except ResponseHandlingException as error:
        raise _nonsense(error.source, where) from None
    except (QdrantException, ValueError, AssertionError) as error:
        # The client lets through what it raises itself when the answer is no JSON, lacks its result, or has a header it cannot read.
        raise _nonsense(error, where) from None


def _nonsense(error: Exception, where: str) -> IndexUnavailable:
    reason = str(error)[:_LONGEST_REASON] or type(error).__name__
    return IndexUnavailable(f"Qdrant at {where} did not answer as it should ({reason}): see whether it runs")


def _refusal(error: UnexpectedResponse, where: str, known: bool) -> DocpipeError:
    status = error.status_code or 0
    reason = f"status {status}: {error.content[:_LONGEST_REASON].decode(errors='replace')}"
    if status in {401, 403}:
        return ConfigurationError(f"Qdrant at {where} refuses the key (status {status}): set DOCPIPE_QDRANT_API_KEY")
    if status == 507 or b"No space left" in error.content:
        return IndexFull(f"Qdrant at {where} has no disk space left: free space there and run again")
    if status == 404 and known:
        return IndexUnavailable(f"Qdrant at {where} has lost the collection ({reason}): run `docpipe check --repair`")
    if status in _TRANSIENT_STATUSES or status >= 500:
        return IndexUnavailable(f"Qdrant at {where} cannot serve now ({reason})")
    if known:
        return PermanentError(f"Qdrant at {where} refuses what it is given ({reason}): process the document again")
    advice = "see that DOCPIPE_QDRANT_URL names a Qdrant server of 1.17 or newer"
    return ConfigurationError(f"Qdrant at {where} refuses the request ({reason}): {advice}")
